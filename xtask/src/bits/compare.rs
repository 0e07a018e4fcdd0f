//! The comparison of two runs.

use std::fmt;

use super::program::Ran;

/// Counts of compared runs, and the first difference.
#[derive(Default)]
pub(super) struct Tally {
    equal: usize,
    difference: Option<String>,
}

impl Tally {
    /// Counts one run of both programs. Both must succeed, else nothing was compared.
    pub(super) fn count(&mut self, title: &str, old: &Ran, new: &Ran) {
        if let Some(difference) = difference(old, new) {
            self.difference.get_or_insert(format!("{title}: {difference}"));
        } else if old.code == Some(0) {
            self.equal += 1;
        } else {
            let failed = format!("{title}: both programs fail, exit code {:?}", old.code);
            self.difference.get_or_insert(failed);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.equal += other.equal;
        self.difference = self.difference.take().or(other.difference);
    }

    pub(super) fn equal(&self) -> usize {
        self.equal
    }

    pub(super) fn is_equal(&self) -> bool {
        self.difference.is_none()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} outputs", self.equal)?;
        match &self.difference {
            None => f.write_str(" equal"),
            Some(difference) => write!(f, " equal, but {difference}"),
        }
    }
}

/// The first difference of two runs, in words.
fn difference(old: &Ran, new: &Ran) -> Option<String> {
    if old.code != new.code {
        return Some(format!("exit code {:?}, then {:?}", old.code, new.code));
    }
    first_difference("standard output", &old.stdout, &new.stdout).or_else(|| {
        match (&old.file, &new.file) {
            (Some(old), Some(new)) => first_difference("file", old, new),
            (None, None) => None,
            (old, _) => {
                let which = if old.is_some() { "old" } else { "new" };
                Some(format!("only the {which} program wrote a file"))
            }
        }
    })
}

fn first_difference(place: &str, old: &[u8], new: &[u8]) -> Option<String> {
    if old == new {
        return None;
    }
    let byte = old.iter().zip(new).position(|(a, b)| a != b);
    Some(match byte {
        Some(byte) => format!("{place} differs at byte {byte}"),
        None => format!("{place} has {} bytes, then {}", old.len(), new.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(code: i32, stdout: &str, file: Option<&str>) -> Ran {
        let file = file.map(|file| file.as_bytes().to_vec());
        Ran { code: Some(code), stdout: stdout.into(), file }
    }

    #[test]
    fn planted_differences_are_found() {
        let old = ran(0, "abc", Some("def"));
        assert_eq!(difference(&old, &ran(0, "abc", Some("def"))), None);
        for (new, expected) in [
            (ran(1, "abc", Some("def")), "exit code Some(0), then Some(1)"),
            (ran(0, "abd", Some("def")), "standard output differs at byte 2"),
            (ran(0, "ab", Some("def")), "standard output has 3 bytes, then 2"),
            (ran(0, "abc", Some("dxf")), "file differs at byte 1"),
            (ran(0, "abc", None), "only the old program wrote a file"),
        ] {
            assert_eq!(difference(&old, &new).as_deref(), Some(expected));
        }
    }

    #[test]
    fn failures_of_both_programs_are_a_fault() {
        let (done, failed) = (ran(0, "", None), ran(1, "", None));
        let mut tally = Tally::default();
        tally.count("embed", &done, &done);
        assert_eq!((tally.is_equal(), tally.to_string().as_str()), (true, "1 outputs equal"));
        tally.count("embed", &failed, &failed);
        assert!(!tally.is_equal());
    }
}
