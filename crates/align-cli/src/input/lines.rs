//! Lines of standard input and of files.

use crate::failure::Usage;
use align_eval::lists::numbered_entries;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

/// The argument for standard input.
const STDIN: &str = "-";

/// The lines of a text file, or of standard input for `-`, without blank lines.
pub(crate) fn lines_of_file(path: &Path) -> Result<Vec<String>> {
    Ok(numbered_lines_of_file(path)?.into_iter().map(|(_, line)| line).collect())
}

/// As [`lines_of_file`], with the number of each line from 1.
pub(crate) fn numbered_lines_of_file(path: &Path) -> Result<Vec<(usize, String)>> {
    let in_file = || name_of_file(path);
    let file: Box<dyn BufRead> = match path == Path::new(STDIN) {
        true => Box::new(stdin().lock()),
        false => Box::new(BufReader::new(File::open(path).with_context(in_file)?)),
    };
    numbered_entries(file).map(|entry| entry.with_context(in_file)).collect()
}

/// The name of a file that may be standard input, for messages.
pub(crate) fn name_of_file(path: &Path) -> String {
    match path == Path::new(STDIN) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// The texts of the arguments. `-` is replaced by the lines of standard input. Blank lines are kept,
/// so that rows of the result match the lines of the file that is piped in.
pub(crate) fn texts(arguments: &[String]) -> Result<Vec<String>> {
    expand(arguments, |text| text == STDIN, Some)
}

/// The paths of the arguments. `-` is replaced by the lines of standard input that are not blank.
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
            let line = line.context("standard input")?;
            items.extend(item(line));
        }
    }
    Ok(items)
}
