//! Retrieval of texts by images and of images by texts.

use super::check;
use super::error::MetricsError;
use super::rank::first_rank;
use super::scores::map_scores;
use align_tensor::Runtime;
use ndarray::{ArrayView1, ArrayView2};

/// For each query, the number of candidates that rank above the first one that belongs to it. The
/// rank is 0 if the best candidate belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrievalRanks {
    /// For each image, the number of texts that rank above the first of its own.
    pub image_to_text: Vec<usize>,
    /// For each text, the number of images that rank above its own.
    pub text_to_image: Vec<usize>,
}

/// Ranks all texts for each image and all images for each text by inner product. For
/// `image_embeds [N, k]` and `text_embeds [n, k]` of unit length it is the cosine. Text `i` belongs
/// to image `image_of_text[i]`, and an image may have any number of texts.
///
/// Of equal scores, the lower index comes first. Memory grows with `N + n`, not with `N x n`.
///
/// # Errors
/// If there are no images or no texts, sizes differ, an image has no text, or an embedding is not
/// finite.
///
/// ```
/// use align_tensor::Runtime;
/// use align_eval::metrics::{recall_at_k, retrieval_ranks};
/// use ndarray::array;
///
/// let image_embeds = array![[1.0, 0.0], [0.0, 1.0]];
/// let text_embeds = array![[0.8, 0.6], [0.6, 0.8], [0.0, 1.0]];
/// let image_of_text = array![0, 0, 1];
///
/// let runtime = Runtime::new()?;
/// let ranks =
///     retrieval_ranks(&runtime, image_embeds.view(), text_embeds.view(), image_of_text.view())?;
/// // The second text is nearer to the other image.
/// assert_eq!(ranks.text_to_image, [0, 1, 0]);
/// assert_eq!(recall_at_k(&ranks.image_to_text, 1), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn retrieval_ranks(
    runtime: &Runtime,
    image_embeds: ArrayView2<'_, f32>,
    text_embeds: ArrayView2<'_, f32>,
    image_of_text: ArrayView1<'_, usize>,
) -> Result<RetrievalRanks, MetricsError> {
    check::length("image_of_text", image_of_text, text_embeds.nrows())?;
    check::indices("image_of_text", image_of_text, image_embeds.nrows())?;
    let mut texts_of_image = vec![Vec::new(); image_embeds.nrows()];
    for (text, &image) in image_of_text.iter().enumerate() {
        texts_of_image[image].push(text);
    }
    let images = ("image_embeds", image_embeds);
    let texts = ("text_embeds", text_embeds);
    let of_images = map_scores(runtime, images, texts, |image, scores| {
        first_rank(scores, texts_of_image[image].iter().copied())
    })?;
    let image_to_text = of_images
        .into_iter()
        .enumerate()
        .map(|(image, rank)| rank.ok_or(MetricsError::NoText { image }))
        .collect::<Result<_, _>>()?;
    let text_to_image = map_scores(runtime, texts, images, |text, scores| {
        first_rank(scores, [image_of_text[text]]).expect("a text has its image")
    })?;
    Ok(RetrievalRanks { image_to_text, text_to_image })
}

/// The share of queries whose rank is below `k`: one of the first `k` candidates is right. It is
/// NaN if there are no queries.
///
/// For [`RetrievalRanks`] this is the recall@k that is reported for Karpathy's splits. An image
/// counts as a hit if any of its texts is among the first `k`.
///
/// ```
/// use align_eval::metrics::recall_at_k;
///
/// let ranks = [0, 4, 5, 12];
/// assert_eq!([1, 5, 10].map(|k| recall_at_k(&ranks, k)), [0.25, 0.5, 0.75]);
/// ```
pub fn recall_at_k(ranks: &[usize], k: usize) -> f64 {
    ranks.iter().filter(|&&rank| rank < k).count() as f64 / ranks.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{integers, runtimes};
    use ndarray::{Array1, Array2, array};

    /// Ranks by sorting all scores.
    fn brute_force(
        queries: &Array2<f32>,
        items: &Array2<f32>,
        right: impl Fn(usize, usize) -> bool,
    ) -> Vec<usize> {
        let scores = queries.dot(&items.t());
        let rank = |(query, scores): (usize, ArrayView1<'_, f32>)| {
            let mut sorted: Vec<_> = (0..items.nrows()).collect();
            sorted.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            sorted.iter().position(|&item| right(query, item)).unwrap()
        };
        scores.rows().into_iter().enumerate().map(rank).collect()
    }

    #[test]
    fn ranks_are_those_of_all_pairs_sorted() {
        let (images, texts) = (integers(5, (40, 6)), integers(6, (110, 6)));
        let image_of_text: Array1<usize> = (0..110).map(|text| text * 7 % 40).collect();
        let belongs = |image, text: usize| image_of_text[text] == image;
        let expected = RetrievalRanks {
            image_to_text: brute_force(&images, &texts, belongs),
            text_to_image: brute_force(&texts, &images, |text, image| belongs(image, text)),
        };
        for runtime in runtimes() {
            let ranks =
                retrieval_ranks(&runtime, images.view(), texts.view(), image_of_text.view());
            assert_eq!(ranks.unwrap(), expected);
        }
    }

    #[test]
    fn wrong_arrays_are_named() {
        let runtime = &runtimes()[0];
        let (images, texts) = (integers(7, (2, 3)), integers(8, (3, 3)));
        let ranks = |image_of_text: &[usize]| {
            let image_of_text = ArrayView1::from(image_of_text);
            retrieval_ranks(runtime, images.view(), texts.view(), image_of_text).unwrap_err()
        };
        let what = "image_of_text";
        assert_eq!(ranks(&[0, 1]), MetricsError::Length { what, expected: 3, found: 2 });
        let expected = MetricsError::OutOfRange { what, row: 1, bound: 2, found: 2 };
        assert_eq!(ranks(&[0, 2, 1]), expected);
        assert_eq!(ranks(&[0, 0, 0]), MetricsError::NoText { image: 1 });
    }

    #[test]
    fn recall_counts_ranks_below_k() {
        assert_eq!(recall_at_k(&[0, 1, 9, 10], 10), 0.75);
        assert_eq!(recall_at_k(&[0], 0), 0.0);
        assert!(recall_at_k(&[], 1).is_nan());
        let (images, texts) = (array![[1.0_f32]], array![[1.0_f32], [1.0]]);
        let runtime = &runtimes()[0];
        let ranks = retrieval_ranks(runtime, images.view(), texts.view(), array![0, 0].view());
        assert_eq!(ranks.unwrap().image_to_text, [0]);
    }
}
