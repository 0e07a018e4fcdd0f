//! Lines of standard input and of files.

use crate::failure::Usage;
use anyhow::{Result, anyhow};
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// The lines of a text file, without those that are blank.
pub(crate) fn lines_of_file(path: &Path) -> Result<Vec<String>> {
    let in_file = |error: std::io::Error| anyhow!("{}: {error}", path.display());
    let lines = BufReader::new(File::open(path).map_err(in_file)?).lines();
    lines
        .map(|line| line.map_err(in_file))
        .filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty()))
        .map(|line| Ok(line?.trim().to_owned()))
        .collect()
}

/// The texts given, `-` replaced by the lines of standard input, blank ones too: the rows of a
/// result must be those of the file that was piped in.
pub(crate) fn texts(arguments: &[String]) -> Result<Vec<String>> {
    expand(arguments, |text| text == STDIN, Some)
}

/// The paths given, `-` replaced by the lines of standard input that are not blank.
pub(crate) fn paths(arguments: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let path = |line: String| (!line.is_empty()).then(|| line.into());
    expand(arguments, |path| path == Path::new(STDIN), path)
}

fn expand<T: Clone>(
    arguments: &[T],
    is_stdin: impl Fn(&T) -> bool,
    item: impl Fn(String) -> Option<T>,
) -> Result<Vec<T>> {
    if arguments.iter().filter(|argument| is_stdin(argument)).count() > 1 {
        return Err(Usage("`-` reads standard input and can be given once".to_owned()).into());
    }
    let mut items = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if !is_stdin(argument) {
            items.push(argument.clone());
            continue;
        }
        for line in stdin().lock().lines() {
            let line = line.map_err(|error| anyhow!("standard input: {error}"))?;
            items.extend(item(line));
        }
    }
    Ok(items)
}
