//! Helpers of this crate's tests.

use crate::digest::Digest;
use crate::identity::ModelIdentity;
use crate::index::{Description, Index, IndexWriter, Item, ItemKind, TextItem};
use crate::npy::Dtype;
use ndarray::Array2;
use tempfile::TempDir;

/// The description of an index of embeddings of `dim` values.
pub(crate) fn description(kind: ItemKind, dtype: Dtype, dim: usize) -> Description {
    let model = ModelIdentity {
        fingerprint: Digest::from_content(b"model"),
        precision: "f32".to_owned(),
        preprocessing: [("size".to_owned(), "2x2".to_owned())].into(),
        dim,
    };
    Description { kind, dtype, model }
}

/// Pseudorandom rows of unit length. Every tenth row is a copy of an earlier row.
pub(crate) fn embeddings(rows: usize, dim: usize, seed: u64) -> Array2<f32> {
    let mut state = seed;
    let mut next = || {
        // The constants are those of Knuth's generator MMIX.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut values = Array2::from_shape_simple_fn((rows, dim), &mut next);
    for row in (10..rows).step_by(10) {
        let earlier = values.row(row - 7).to_owned();
        values.row_mut(row).assign(&earlier);
    }
    align_model::l2_normalize(values)
}

pub(crate) fn texts(count: usize) -> Vec<Item> {
    (0..count).map(|i| Item::Text(TextItem { text: format!("text {i}") })).collect()
}

/// A finished index of texts with these embeddings, and its folder.
pub(crate) fn index(dtype: Dtype, embeddings: &Array2<f32>) -> (TempDir, Index) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("index");
    let description = description(ItemKind::Texts, dtype, embeddings.ncols());
    let mut writer = IndexWriter::open(&folder, &description).unwrap();
    let items = texts(embeddings.nrows());
    let rows = writer.append(&items, embeddings.view()).unwrap();
    writer.finish(items.into_iter().zip(rows).collect(), Vec::new()).unwrap();
    (temporary, Index::open(&folder).unwrap())
}
