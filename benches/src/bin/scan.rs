//! Times searches of an index of random embeddings, alternating with a plain sum over the same mapped files.
//!
//! `scan FOLDER [ROWS [QUERIES]]` creates the index in FOLDER if there is none. It has 2,000,000 rows of 640 values in
//! half precision: 2.6 GB, and twice that during its creation.
//!
//! The sum, a search for one query and a search for 64 (or QUERIES) take turns on the same threads. The fastest and the
//! median time of each are printed. A time is that of `Searcher::search`. It includes the floors, the best ten of each
//! query, and the merging of the workers' results.

#![forbid(unsafe_code)]

use align_benches::values;
use align_search::{
    Description, Digest, Dtype, Index, IndexWriter, Item, ItemKind, ModelIdentity, Query,
    SearchOptions, Searcher, TextItem,
};
use align_tensor::{MappedFile, Runtime};
use anyhow::{Context, Result};
use ndarray::{Array2, ArrayView1};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

const ROWS: usize = 2_000_000;
const DIM: usize = 640;
const TURNS: usize = 9;
const QUERIES: usize = 64;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("usage: scan FOLDER [ROWS [QUERIES]]")?;
    let rows = arguments.next().map_or(Ok(ROWS), |rows| rows.parse())?;
    let count = arguments.next().map_or(Ok(QUERIES), |queries| queries.parse())?;
    let folder = Path::new(&folder);
    if !folder.join("manifest.json").exists() {
        make(folder, rows)?;
    }
    let index = Index::open(folder)?;
    let files = embeddings(folder)?;
    let bytes = (index.len() * DIM * 2) as f64;
    let runtime = Runtime::new()?;
    let searcher = Searcher::new(index, runtime.clone());
    let index = searcher.index();
    let options = SearchOptions::default().with_top(NonZeroUsize::new(10));
    let queries = (0..count)
        .map(|number| Query::from_embedding(ArrayView1::from(&random(1, number as u32 + 7))))
        .collect::<Result<Vec<_>, _>>()?;

    let (mut sum, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        sum.push(seconds(|| Ok(sum_of(&files, &runtime)))?);
        one.push(seconds(|| Ok(searcher.search(&queries[..1], options)?))?);
        many.push(seconds(|| Ok(searcher.search(&queries, options)?))?);
    }
    println!("{}, {} threads, {} rows", runtime.isa.name(), runtime.threads.count(), index.len());
    let several = format!("{count} queries");
    for (name, times) in [("sum", &mut sum), ("1 query", &mut one), (several.as_str(), &mut many)] {
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[TURNS / 2]);
        println!(
            "{name:10}  {:8.1} / {:8.1} ms  {:6.2} / {:6.2} GB/s",
            least * 1e3,
            median * 1e3,
            bytes / least * 1e-9,
            bytes / median * 1e-9
        );
    }
    let ratio = |a: &[f64], b: &[f64]| (a[0] / b[0], a[TURNS / 2] / b[TURNS / 2]);
    let (least, median) = ratio(&sum, &one);
    println!("1 query: {:.0} / {:.0} % of the sum's bandwidth", least * 100.0, median * 100.0);
    let (least, median) = ratio(&many, &one);
    println!("{several}: {least:.2} / {median:.2} times as long as 1");
    Ok(())
}

/// Creates an index of seeded unit vectors.
fn make(folder: &Path, rows: usize) -> Result<()> {
    const STEP: usize = 8192;
    let model = ModelIdentity {
        fingerprint: Digest::from_content(b"random"),
        precision: "f32".to_owned(),
        preprocessing: Default::default(),
        dim: DIM,
    };
    let description = Description { kind: ItemKind::Texts, dtype: Dtype::F16, model };
    let mut writer = IndexWriter::open(folder, &description)?;
    let mut all = Vec::with_capacity(rows);
    for first in (0..rows).step_by(STEP) {
        let end = rows.min(first + STEP);
        let embeddings =
            Array2::from_shape_vec((end - first, DIM), random(end - first, end as u32))?;
        let items = (first..end).map(|row| Item::Text(TextItem { text: format!("row {row}") }));
        let items: Vec<Item> = items.collect();
        let rows = writer.append(&items, embeddings.view())?;
        all.extend(items.into_iter().zip(rows));
    }
    Ok(writer.finish(all, Vec::new())?)
}

/// Returns seeded unit vectors.
fn random(rows: usize, seed: u32) -> Vec<f32> {
    // A second hash, because `values` does not depend on the seed.
    let mut values = values(rows * DIM);
    let mut state = seed.wrapping_mul(0x85EB_CA6B) | 1;
    for value in &mut values {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        *value += (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    for row in values.chunks_mut(DIM) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    values
}

/// Maps the files of an index that hold embeddings.
fn embeddings(folder: &Path) -> Result<Vec<MappedFile>> {
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "npy") {
            files.push(MappedFile::open(&path)?);
        }
    }
    Ok(files)
}

/// Returns the sum of all 64-bit words of the files, computed on all threads.
fn sum_of(files: &[MappedFile], runtime: &Runtime) -> u64 {
    /// The bytes of one task of a search.
    const PIECE: usize = 2048 * DIM * 2;
    let pieces: Vec<&[u8]> = files.iter().flat_map(|file| file.bytes().chunks(PIECE)).collect();
    let sums = runtime.threads.gather(|team| {
        team.map(pieces.len(), |piece| {
            let mut lanes = [0u64; 32];
            for words in pieces[piece].chunks_exact(8 * 32) {
                for (lane, word) in lanes.iter_mut().zip(words.chunks_exact(8)) {
                    let word = u64::from_le_bytes(word.try_into().expect("8 bytes"));
                    *lane = lane.wrapping_add(word);
                }
            }
            lanes.iter().fold(0, |a: u64, &b| a.wrapping_add(b))
        })
    });
    sums.into_iter().fold(0, u64::wrapping_add)
}

fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    black_box(work()?);
    Ok(start.elapsed().as_secs_f64())
}
