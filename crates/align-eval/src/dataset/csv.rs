//! Rows of a CSV file with a header. Two columns are read by name, and others are ignored.

use super::error::DatasetError;
use csv::{ErrorKind, StringRecord};
use std::fs::File;
use std::path::Path;

/// Calls `receive` with the fields of `columns` of every row. A blank field is an error.
pub(super) fn for_each_row(
    path: &Path,
    columns: [&'static str; 2],
    mut receive: impl FnMut([String; 2]),
) -> Result<(), DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path))?;
    let mut reader = csv::Reader::from_reader(file);
    let fault = |error| fault(path, error);
    let header = reader.headers().map_err(fault)?;
    let [first, second] = columns.map(|column| index_of(path, header, column));
    let indices = [first?, second?];
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(fault)? {
        let line = record.position().map_or(0, csv::Position::line);
        let field = |(column, index): (&'static str, usize)| match record.get(index) {
            Some(field) if !field.trim().is_empty() => Ok(field.to_owned()),
            _ => Err(DatasetError::Blank { path: path.into(), line, column }),
        };
        let [first, second] = [0, 1].map(|i| field((columns[i], indices[i])));
        receive([first?, second?]);
    }
    Ok(())
}

/// The index of a column.
fn index_of(
    path: &Path,
    header: &StringRecord,
    column: &'static str,
) -> Result<usize, DatasetError> {
    header.iter().position(|name| name.trim() == column).ok_or_else(|| {
        let found = header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "none".to_owned() } else { found };
        DatasetError::NoColumn { path: path.into(), column, found }
    })
}

fn fault(path: &Path, error: csv::Error) -> DatasetError {
    let path = path.to_owned();
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => DatasetError::Io { path, source },
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message = format!("expected {expected_len} fields, as in line 1, found {len}");
            DatasetError::Csv { path, line, message }
        }
        ErrorKind::Utf8 { .. } => {
            DatasetError::Csv { path, line, message: "expected UTF-8".to_owned() }
        }
        other => DatasetError::Csv { path, line, message: format!("not CSV: {other:?}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: impl AsRef<[u8]>) -> Result<Vec<[String; 2]>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, text).unwrap();
        let mut rows = Vec::new();
        let read = for_each_row(&path, ["image", "label"], |row| rows.push(row));
        let prefix = format!("{}: ", path.display());
        read.map(|()| rows).map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn columns_are_found_by_name() {
        let expected = [["a.png", "cat"], ["b, 2.png", "a \"dog\"\nor two"]];
        let text = "label,x, image\ncat,1,a.png\n\"a \"\"dog\"\"\nor two\",,\"b, 2.png\"\n";
        assert_eq!(rows(text).unwrap(), expected);
        let windows = "\u{feff}image,label\r\na.png,cat\r\n";
        assert_eq!(rows(windows).unwrap(), [["a.png", "cat"]]);
        assert_eq!(rows("image,label").unwrap().len(), 0);
    }

    #[test]
    fn faults_name_the_line() {
        let error = |text: &[u8]| rows(text).unwrap_err();
        assert_eq!(
            error(b"image,class\n"),
            r#"line 1: expected a column "label", found "image", "class""#
        );
        assert_eq!(error(b""), r#"line 1: expected a column "image", found none"#);
        assert_eq!(
            error(b"image,label\na.png,cat\nb.png\n"),
            "line 3: expected 2 fields, as in line 1, found 1"
        );
        assert_eq!(
            error(b"image,label\na.png, \n"),
            r#"line 2: column "label": expected a text, found none"#
        );
        assert_eq!(error(b"image,label\na.png,\xff\n"), "line 2: expected UTF-8");
        assert_eq!(error(b"image,\xff\n"), "line 1: expected UTF-8");
    }
}
