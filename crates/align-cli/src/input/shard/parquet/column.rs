//! Which column of a table is read.

use anyhow::{Context, Result, ensure};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// Where an image's file is, if a column of images is a struct.
const BYTES: &str = "bytes";

/// What is looked for in a table.
pub(super) struct Wanted<'a> {
    /// The column's name; else one of `defaults`.
    pub(super) column: Option<&'a str>,
    pub(super) defaults: &'static [&'static str],
    /// Whether it holds texts, not images.
    pub(super) text: bool,
}

impl Wanted<'_> {
    /// The index of the wanted column.
    pub(super) fn find(&self, schema: &SchemaDescriptor) -> Result<usize> {
        let expected = if self.text { "texts" } else { "binary values, or structs with `bytes`" };
        let named = |name: &str| schema.columns().iter().position(|c| self.is_named(c, name));
        let Some(name) = self.column else {
            let mut candidates = self.defaults.iter().filter_map(|name| named(name));
            return candidates.find(|&leaf| self.fits(&schema.column(leaf))).with_context(|| {
                let names = self.defaults.join(", ");
                format!(
                    "expected a column of {expected} named {names}, or another by --column, found {}",
                    columns(schema)
                )
            });
        };
        let leaf = named(name).with_context(|| {
            format!("column {name:?}: expected {expected}, found only columns {}", columns(schema))
        })?;
        let column = schema.column(leaf);
        let fits = self.fits(&column);
        ensure!(fits, "column {name:?}: expected {expected}, found {}", kind(&column));
        Ok(leaf)
    }

    fn is_named(&self, column: &ColumnDescriptor, name: &str) -> bool {
        match column.path().parts() {
            [only] => only == name,
            [first, second] => !self.text && first == name && second == BYTES,
            _ => false,
        }
    }

    /// Whether a column may hold what is wanted. Some writers do not mark texts.
    fn fits(&self, column: &ColumnDescriptor) -> bool {
        let single = column.max_rep_level() == 0;
        let bytes = column.physical_type() == PhysicalType::BYTE_ARRAY;
        single && bytes && (self.text || !is_text(column))
    }
}

fn is_text(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::UTF8
        || column.logical_type_ref() == Some(&LogicalType::String)
}

fn kind(column: &ColumnDescriptor) -> String {
    let list = if column.max_rep_level() > 0 { "lists of " } else { "" };
    let kind =
        if is_text(column) { "texts".to_owned() } else { column.physical_type().to_string() };
    format!("{list}{kind}")
}

/// Names of columns, for a message.
fn columns(schema: &SchemaDescriptor) -> String {
    const SHOWN: usize = 20;
    let fields = schema.root_schema().get_fields();
    let names: Vec<_> = fields.iter().take(SHOWN).map(|field| field.name()).collect();
    format!("{}{}", names.join(", "), if fields.len() > SHOWN { ", ..." } else { "" })
}
