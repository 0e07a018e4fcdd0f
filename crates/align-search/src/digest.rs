//! SHA-256 digests, as `sha256sum` prints them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io;
use std::str::FromStr;

/// The SHA-256 digest of some bytes.
///
/// ```
/// use align_search::Digest;
///
/// let digest = Digest::from_content(b"abc");
/// assert_eq!(digest.to_string().get(..16), Some("ba7816bf8f01cfea"));
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `content`.
    pub fn from_content(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The first twelve digits, which are enough to distinguish the files of a folder.
    pub(crate) fn short(self) -> String {
        let mut digits = self.to_string();
        digits.truncate(12);
        digits
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The error for a text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits, found {0:?}")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let fault = || DigestError(text.chars().take(80).collect());
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(fault());
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| fault())?;
        }
        Ok(Self(digest))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A writer that computes the digest and the length of the bytes written to it.
#[derive(Debug, Default)]
pub(crate) struct Digester {
    state: Sha256,
    bytes: u64,
}

impl Digester {
    /// The digest of all bytes written, and their number.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (Digest(self.state.finalize().into()), self.bytes)
    }
}

impl io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let mut digester = Digester::default();
        digester.write_all(b"a").unwrap();
        digester.write_all(b"bc").unwrap();
        assert_eq!(digester.finish(), (Digest::from_content(b"abc"), 3));
    }

    #[test]
    fn other_texts_are_refused() {
        let digits = Digest::from_content(b"").to_string();
        for text in
            ["", "ab", &digits.to_uppercase(), &digits.replace('e', "g"), &format!("{digits}0")]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
