//! The contrastive loss.

use ndarray::{ArrayView1, ArrayView2};

/// Share of the target's weight that is spread over all candidates: ε.
const LABEL_SMOOTHING: f64 = 0.1;

/// Contrastive loss of the logits `[n, n]` of n pairs.
///
/// Text i belongs to image i. The loss is the mean of two cross-entropies: of texts over images
/// (rows) and of images over texts (columns).
///
/// With label smoothing ε = 0.1, the cross-entropy of a row `x` with the target `t` is
/// `logsumexp(x) - (1 - ε) x[t] - ε mean(x)`. Sums are computed in `f64`.
pub(crate) fn contrastive_loss(logits: ArrayView2<'_, f32>) -> f32 {
    debug_assert!(logits.is_square());
    ((cross_entropy(logits) + cross_entropy(logits.t())) / 2.0) as f32
}

/// Mean cross-entropy of the rows. The target of row i is i.
fn cross_entropy(logits: ArrayView2<'_, f32>) -> f64 {
    let losses = logits.rows().into_iter().enumerate();
    losses.map(|(target, row)| row_cross_entropy(row, target)).sum::<f64>() / logits.nrows() as f64
}

fn row_cross_entropy(row: ArrayView1<'_, f32>, target: usize) -> f64 {
    let largest = row.fold(f64::NEG_INFINITY, |max, &x| max.max(f64::from(x)));
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64;
    let smoothed = (1.0 - LABEL_SMOOTHING) * f64::from(row[target]) + LABEL_SMOOTHING * mean;
    largest + sum.ln() - smoothed
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_logits_cost_the_logarithm_of_their_number() {
        let loss = contrastive_loss(ndarray::Array2::from_elem((4, 4), 7.0).view());
        assert_eq!(loss, 4_f64.ln() as f32);
    }

    #[test]
    fn agrees_with_the_definition_by_smoothed_targets() {
        let logits = array![[2.0_f32, -1.0, 0.5], [0.0, 3.0, 1.0], [1.5, -2.0, 0.25]];
        let by_definition = |logits: ArrayView2<'_, f32>| {
            let mut sum = 0.0;
            for ((i, j), &x) in logits.indexed_iter() {
                let target = if i == j { 0.9 + 0.1 / 3.0 } else { 0.1 / 3.0 };
                let exp: f64 = logits.row(i).iter().map(|&y| f64::from(y).exp()).sum();
                sum -= target * (f64::from(x) - exp.ln()) / 3.0;
            }
            sum
        };
        let expected = (by_definition(logits.view()) + by_definition(logits.t())) / 2.0;
        assert_eq!(contrastive_loss(logits.view()), expected as f32);
    }

    #[test]
    fn large_logits_stay_finite_and_nan_is_passed_on() {
        assert!(contrastive_loss(array![[3e38_f32, -3e38], [-3e38, 3e38]].view()).is_finite());
        assert!(contrastive_loss(array![[f32::NAN, 0.0], [0.0, 1.0]].view()).is_nan());
    }
}
