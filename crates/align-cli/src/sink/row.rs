//! A row as JSON and as text for people.

use crate::output::Record;
use ndarray::ArrayView1;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::{self, Write};

/// An embedding with its names.
pub(super) struct Row<'a, const N: usize> {
    pub(super) columns: [&'static str; N],
    pub(super) names: &'a [String; N],
    pub(super) embedding: ArrayView1<'a, f32>,
}

impl<const N: usize> Serialize for Row<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(N + 1))?;
        for (column, name) in self.columns.iter().zip(self.names) {
            map.serialize_entry(column, name)?;
        }
        map.serialize_entry("embedding", &self.embedding.to_vec())?;
        map.end()
    }
}

impl<const N: usize> Record for Row<'_, N> {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 4;
        writeln!(out, "{}", self.names.join(": "))?;
        write!(out, "  {} values:", self.embedding.len())?;
        for value in self.embedding.iter().take(SHOWN) {
            write!(out, " {value:9.6}")?;
        }
        writeln!(out, "{}", if self.embedding.len() > SHOWN { " ..." } else { "" })
    }
}
