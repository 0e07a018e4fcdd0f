//! Names of classes, read from a file.

use super::error::DatasetError;
use std::collections::HashMap;
use std::path::Path;

/// The separator of a class and its name.
const TAB: char = '\t';

/// The names in a file, and for each class of a data set the index of its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClassNames {
    pub(super) names: Vec<String>,
    pub(super) of_class: Vec<usize>,
}

/// The meaning of classes that are whole numbers, for a file of names without classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// The class `n` has the name on line `n`, counted from 0.
    CountLines,
    /// Numbers are like other classes, sorted as texts.
    AreNames,
}

/// Reads the names of `classes`, which are sorted. Either every line is `class<TAB>name`, in any
/// order, or every line is a name. In the second case:
///
/// - if every class is one of the names, it has that name;
/// - if all classes are numbers, [`Numbers`] decides;
/// - otherwise the names are those of the sorted classes, in order.
///
/// Names of other classes are kept, except in the last case.
pub(super) fn read(
    path: &Path,
    classes: &[String],
    numbers: Numbers,
) -> Result<ClassNames, DatasetError> {
    let text = std::fs::read_to_string(path).map_err(DatasetError::io(path))?;
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
    check_lines(path, &lines)?;
    let pairs: Option<Vec<_>> = lines.iter().map(|line| line.split_once(TAB)).collect();
    let (keys, names) = match pairs {
        Some(pairs) => pairs.into_iter().map(|(key, name)| (key.trim(), name.trim())).unzip(),
        None => (lines.clone(), lines),
    };
    let is_keyed = keys != names;
    let of_class = match find(path, &keys, classes)? {
        Found::All(of_class) => of_class,
        Found::Missing(class) if is_keyed => {
            return Err(DatasetError::NoClassName { path: path.into(), class });
        }
        Found::Missing(_) => in_order(path, &names, classes, numbers)?,
    };
    Ok(ClassNames { names: names.into_iter().map(str::to_owned).collect(), of_class })
}

/// No line is blank, and either all lines have a tab or none has.
fn check_lines(path: &Path, lines: &[&str]) -> Result<(), DatasetError> {
    let keyed = lines.first().is_some_and(|line| line.contains(TAB));
    let expected = if keyed { "class<TAB>name, as in line 1" } else { "a name" };
    let is_expected = |line: &&str| match line.split_once(TAB) {
        Some((key, name)) => keyed && !key.trim().is_empty() && !name.trim().is_empty(),
        None => !keyed && !line.is_empty(),
    };
    match lines.iter().position(|line| !is_expected(line)) {
        None => Ok(()),
        Some(index) => Err(DatasetError::ClassLine {
            path: path.into(),
            line: index + 1,
            expected,
            found: lines[index].to_owned(),
        }),
    }
}

/// The result of [`find`].
enum Found {
    /// Every class was found, at these indices.
    All(Vec<usize>),
    /// This class was not found.
    Missing(String),
}

/// Finds each class among the keys.
fn find(path: &Path, keys: &[&str], classes: &[String]) -> Result<Found, DatasetError> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        places.entry(key).or_default().push(index);
    }
    let mut of_class = Vec::with_capacity(classes.len());
    for class in classes {
        match places.get(class.as_str()).map(Vec::as_slice) {
            None => return Ok(Found::Missing(class.clone())),
            Some(&[index]) => of_class.push(index),
            Some(indices) => {
                let (class, line) = (class.clone(), indices[1] + 1);
                return Err(DatasetError::ClassTwice { path: path.into(), class, line });
            }
        }
    }
    Ok(Found::All(of_class))
}

/// Assigns names to classes by the order of lines.
fn in_order(
    path: &Path,
    names: &[&str],
    classes: &[String],
    numbers: Numbers,
) -> Result<Vec<usize>, DatasetError> {
    let as_numbers: Option<Vec<usize>> = classes.iter().map(|class| class.parse().ok()).collect();
    if let (Some(lines), Numbers::CountLines) = (&as_numbers, numbers) {
        return match lines.iter().position(|&line| line >= names.len()) {
            None => Ok(lines.clone()),
            Some(class) => Err(DatasetError::ClassNumber {
                path: path.into(),
                class: classes[class].clone(),
                lines: names.len(),
            }),
        };
    }
    if names.len() != classes.len() {
        let (expected, found) = (classes.len(), names.len());
        return Err(DatasetError::ClassCount { path: path.into(), expected, found });
    }
    if as_numbers.is_some_and(|numbers| !numbers.is_sorted()) {
        return Err(DatasetError::ClassOrder { path: path.into() });
    }
    Ok((0..names.len()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(
        text: &str,
        classes: &[&str],
        numbers: Numbers,
    ) -> Result<(Vec<String>, Vec<usize>), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.txt");
        std::fs::write(&path, text).unwrap();
        let classes: Vec<_> = classes.iter().map(|&class| class.to_owned()).collect();
        let prefix = format!("{}: ", path.display());
        read(&path, &classes, numbers)
            .map(|found| (found.names, found.of_class))
            .map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[track_caller]
    fn check(text: &str, classes: &[&str], numbers: Numbers, names: &[&str], of_class: &[usize]) {
        let (found, found_of_class) = names_of(text, classes, numbers).unwrap();
        assert_eq!(
            (found, found_of_class.as_slice()),
            (names.iter().map(|&n| n.into()).collect(), of_class)
        );
    }

    #[test]
    fn names_in_the_order_of_the_classes() {
        let classes = ["n01", "n02"];
        check(
            "tench\r\ngoldfish\r\n\r\n",
            &classes,
            Numbers::AreNames,
            &["tench", "goldfish"],
            &[0, 1],
        );
        // Two classes may have the same name.
        check("crane\ncrane", &classes, Numbers::CountLines, &["crane", "crane"], &[0, 1]);
        let error = |text: &str| names_of(text, &classes, Numbers::AreNames).unwrap_err();
        assert!(
            error("tench\n")
                .starts_with("expected 2 names, one for each class in sorted order, found 1")
        );
        assert!(error("").contains("found 0"));
        assert_eq!(error("tench\n\ngoldfish\n"), "line 2: expected a name, found \"\"");
        assert_eq!(
            error("tench\nn02\tgoldfish\n"),
            "line 2: expected a name, found \"n02\\tgoldfish\""
        );
    }

    #[test]
    fn names_by_their_classes() {
        let classes = ["n01", "n02"];
        let numbers = Numbers::AreNames;
        // The name of a class without images is kept, since images may be mistaken for it.
        check(
            "n02\tgoldfish\nn03\tray\nn01\ttench",
            &classes,
            numbers,
            &["goldfish", "ray", "tench"],
            &[2, 0],
        );
        let error = |text: &str| names_of(text, &classes, numbers).unwrap_err();
        assert!(
            error("n01\ta\nn03\tb").starts_with("class \"n02\": expected a line"),
            "{}",
            error("n01\ta\nn03\tb")
        );
        assert_eq!(
            error("n01\ta\nn02\tb\nn01\tc"),
            "class \"n01\": expected once, found again on line 3"
        );
        assert_eq!(
            error("n01\ta\nb"),
            "line 2: expected class<TAB>name, as in line 1, found \"b\""
        );
        assert_eq!(
            error("n01\ta\n\tb"),
            "line 2: expected class<TAB>name, as in line 1, found \"b\""
        );
    }

    #[test]
    fn classes_that_are_names_themselves() {
        // Names assigned in the order of the classes would both be wrong.
        check("dog\ncat\n", &["cat", "dog"], Numbers::AreNames, &["dog", "cat"], &[1, 0]);
        check(
            "dog\nbird\ncat\n",
            &["cat", "dog"],
            Numbers::CountLines,
            &["dog", "bird", "cat"],
            &[2, 0],
        );
        let error = names_of("cat\ndog\ncat", &["cat", "dog"], Numbers::AreNames).unwrap_err();
        assert_eq!(error, "class \"cat\": expected once, found again on line 3");
    }

    #[test]
    fn classes_that_are_numbers() {
        let names = "zero\none\ntwo";
        check(names, &["0", "2"], Numbers::CountLines, &["zero", "one", "two"], &[0, 2]);
        let error = names_of(names, &["1", "3"], Numbers::CountLines).unwrap_err();
        assert_eq!(error, "class \"3\": expected a number below 3, the number of lines");
        check(names, &["1", "2", "3"], Numbers::AreNames, &["zero", "one", "two"], &[0, 1, 2]);
        let error = names_of(names, &["1", "10", "9"], Numbers::AreNames).unwrap_err();
        assert!(error.starts_with("the classes are numbers, whose order is ambiguous"), "{error}");
        // With leading zeros, the order of texts is that of numbers.
        check(names, &["01", "09", "10"], Numbers::AreNames, &["zero", "one", "two"], &[0, 1, 2]);
    }
}
