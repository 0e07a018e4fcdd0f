//! The choice of a column.

use super::error::TableError;
use crate::shards::item::Kind;
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// Usual names of columns of images, the most likely first.
const IMAGES: [&str; 6] = ["image", "jpg", "jpeg", "png", "webp", "bytes"];

/// Usual names of columns of captions, the most likely first.
const CAPTIONS: [&str; 2] = ["text", "caption"];

/// The field that holds the file, if a column of images is a struct.
const BYTES: &str = "bytes";

/// The column that is read.
pub(in crate::shards) struct Wanted<'a> {
    kind: Kind,
    /// The requested name. Without one, the usual names are tried.
    column: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(in crate::shards) fn new(kind: Kind, column: Option<&'a str>) -> Self {
        Self { kind, column }
    }

    fn usual_names(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Images => &IMAGES,
            Kind::Captions => &CAPTIONS,
        }
    }

    /// The index of the wanted column.
    pub(super) fn find(&self, schema: &SchemaDescriptor) -> Result<usize, TableError> {
        let expected = match self.kind {
            Kind::Images => "binary values, or structs with `bytes`",
            Kind::Captions => "texts",
        };
        let named = |name: &str| schema.columns().iter().position(|c| self.is_named(c, name));
        let Some(name) = self.column else {
            let mut candidates = self.usual_names().iter().filter_map(|name| named(name));
            let found = candidates.find(|&leaf| self.fits(&schema.column(leaf)));
            return found.ok_or_else(|| TableError::NoUsualColumn {
                expected,
                names: self.usual_names().join(", "),
                found: columns(schema),
            });
        };
        let column = || name.to_owned();
        let Some(leaf) = named(name) else {
            let found = columns(schema);
            return Err(TableError::NoColumn { column: column(), expected, found });
        };
        let descriptor = schema.column(leaf);
        if !self.fits(&descriptor) {
            let found = kind_of_values(&descriptor);
            return Err(TableError::ColumnKind { column: column(), expected, found });
        }
        Ok(leaf)
    }

    fn is_named(&self, column: &ColumnDescriptor, name: &str) -> bool {
        match column.path().parts() {
            [only] => only == name,
            [first, second] => self.kind == Kind::Images && first == name && second == BYTES,
            _ => false,
        }
    }

    /// Whether a column may hold the wanted values. Some writers do not mark texts as such, so
    /// captions may be any bytes.
    fn fits(&self, column: &ColumnDescriptor) -> bool {
        let single = column.max_rep_level() == 0;
        let bytes = column.physical_type() == PhysicalType::BYTE_ARRAY;
        single && bytes && (self.kind == Kind::Captions || !is_text(column))
    }
}

fn is_text(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::UTF8
        || column.logical_type_ref() == Some(&LogicalType::String)
}

/// The kind of values of a column, for a message.
fn kind_of_values(column: &ColumnDescriptor) -> String {
    let list = if column.max_rep_level() > 0 { "lists of " } else { "" };
    let kind =
        if is_text(column) { "texts".to_owned() } else { column.physical_type().to_string() };
    format!("{list}{kind}")
}

/// The names of the columns, for a message.
fn columns(schema: &SchemaDescriptor) -> String {
    const SHOWN: usize = 20;
    let fields = schema.root_schema().get_fields();
    let names: Vec<_> = fields.iter().take(SHOWN).map(|field| field.name()).collect();
    format!("{}{}", names.join(", "), if fields.len() > SHOWN { ", ..." } else { "" })
}
