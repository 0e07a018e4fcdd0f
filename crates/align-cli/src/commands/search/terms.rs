//! Embeddings of the texts and images of queries. Each is embedded once.

use super::queries::{Request, Subject};
use crate::indexed::Embedder;
use align_model::{RgbImage, embed_texts, l2_normalize};
use align_search::{Query, QueryError};
use anyhow::{Context, Result, bail};
use ndarray::{Array2, ArrayView1, Axis};
use std::collections::BTreeMap;
use std::path::Path;

/// The images of a batch.
const BATCH: usize = 8;

/// The queries with embedded terms.
pub(super) fn embed(embedder: &Embedder, requests: &[Request]) -> Result<Vec<Query>> {
    let subjects = || requests.iter().flat_map(|r| r.terms.iter().map(|term| &term.subject));
    let mut texts: Vec<&str> = subjects()
        .filter_map(|subject| match subject {
            Subject::Text(text) => Some(text.as_str()),
            Subject::Image(_) => None,
        })
        .collect();
    let mut images: Vec<&Path> = subjects()
        .filter_map(|subject| match subject {
            Subject::Text(_) => None,
            Subject::Image(path) => Some(path.as_path()),
        })
        .collect();
    texts.sort_unstable();
    texts.dedup();
    images.sort_unstable();
    images.dedup();
    let text_embeddings = embed_texts(&embedder.model, &embedder.processor, &texts)?;
    let image_embeddings = embed_images(embedder, &images)?;
    let texts: BTreeMap<&str, ArrayView1<'_, f32>> =
        texts.into_iter().zip(text_embeddings.rows()).collect();
    let images: BTreeMap<&Path, ArrayView1<'_, f32>> =
        images.into_iter().zip(image_embeddings.rows()).collect();
    let query = |request: &Request| -> Result<Query, QueryError> {
        let query = request.terms.iter().try_fold(Query::new(), |query, term| {
            let embedding = match &term.subject {
                Subject::Text(text) => texts[text.as_str()],
                Subject::Image(path) => images[path.as_path()],
            };
            query.add_term(term.weight, embedding)
        })?;
        // Terms that cancel each other out are an error here, where it can name them.
        query.vector().map(|_| query)
    };
    let named = |request| query(request).with_context(|| format!("query {request}"));
    requests.iter().map(named).collect()
}

/// Unit embeddings `[n, dim]` of image files.
fn embed_images(embedder: &Embedder, paths: &[&Path]) -> Result<Array2<f32>> {
    let Embedder { model, processor, .. } = embedder;
    let mut embeddings = Array2::zeros((paths.len(), model.config().projection_dim));
    let batches = embeddings.axis_chunks_iter_mut(Axis(0), BATCH);
    for (paths, mut embeddings) in paths.chunks(BATCH).zip(batches) {
        let open = |path: &&Path| processor.image_processor().open(path);
        let images: Vec<RgbImage> = paths.iter().map(open).collect::<Result<_, _>>()?;
        // A processor that does not crop returns images of different sizes. They run one by one.
        let features = match processor.images(&images) {
            Ok(pixels) => model.get_image_features(pixels.view())?,
            Err(_) => {
                let mut features = Array2::zeros(embeddings.raw_dim());
                for (image, mut features) in images.iter().zip(features.rows_mut()) {
                    let pixels = processor.images(std::slice::from_ref(image))?;
                    features.assign(&model.get_image_features(pixels.view())?.row(0));
                }
                features
            }
        };
        if let Some(i) = (0..paths.len()).find(|&i| !features.row(i).iter().all(|x| x.is_finite()))
        {
            bail!("{}: the model gives no finite embedding; see `align info`", paths[i].display());
        }
        embeddings.assign(&l2_normalize(features));
    }
    Ok(embeddings)
}
