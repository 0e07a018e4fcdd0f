//! The objective of multinomial logistic regression with an L2 penalty, in f64:
//!
//! `J(W, b) = C sum_i -log softmax(W x_i + b)[y_i] + |W|^2 / 2`
//!
//! as in scikit-learn: `C` is the inverse strength of the penalty, and the intercepts `b` are not
//! penalised. Of two classes, the first has the fixed score 0, so there is one row of weights.

use align_tensor::Runtime;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};

/// The largest number of parts that the samples are cut into. The sums of the parts are added in
/// order, so the result has the same bits on any number of threads.
const PARTS: usize = 16;
/// The samples that are widened to f64 and multiplied at a time.
const BLOCK: usize = 256;

/// The objective on a training set.
pub(super) struct Objective<'a> {
    pub(super) runtime: &'a Runtime,
    /// `[N, k]`.
    pub(super) features: ArrayView2<'a, f32>,
    /// `[N]`, each below `classes`.
    pub(super) labels: ArrayView1<'a, usize>,
    /// At least two.
    pub(super) classes: usize,
    pub(super) c: f64,
}

impl Objective<'_> {
    /// Rows and columns of the parameters. A row has the weights of a class, then its intercept.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.classes - fixed_classes(self.classes), self.features.ncols() + 1)
    }

    /// `J` and its gradient at `parameters`, a row-major array of [`shape`](Self::shape).
    pub(super) fn evaluate(&self, parameters: &Array1<f64>, gradient: &mut Array1<f64>) -> f64 {
        let parameters = parameters.view().into_shape_with_order(self.shape());
        let parameters = parameters.expect("parameters have their shape");
        let mut weights = parameters.to_owned();
        weights.index_axis_mut(Axis(1), self.features.ncols()).fill(0.0);
        let losses = self.losses(parameters);
        let gradients = losses.iter().map(|(_, gradient)| gradient);
        let loss_gradient = gradients.fold(Array2::zeros(self.shape()), |sum, part| sum + part);
        let total = self.c * loss_gradient + &weights;
        gradient.iter_mut().zip(&total).for_each(|(gradient, &total)| *gradient = total);
        let loss: f64 = losses.iter().map(|(loss, _)| loss).sum();
        self.c * loss + weights.iter().map(|w| w * w).sum::<f64>() / 2.0
    }

    /// The loss of each part of the samples, and its gradient.
    fn losses(&self, parameters: ArrayView2<'_, f64>) -> Vec<(f64, Array2<f64>)> {
        let length = self.features.nrows().div_ceil(PARTS).max(BLOCK);
        let parts: Vec<_> = self
            .features
            .axis_chunks_iter(Axis(0), length)
            .zip(self.labels.axis_chunks_iter(Axis(0), length))
            .collect();
        self.runtime.threads.gather(|team| {
            team.map(parts.len(), |part| {
                let (features, labels) = parts[part];
                let mut sum = (0.0, Array2::zeros(self.shape()));
                let blocks = features.axis_chunks_iter(Axis(0), BLOCK);
                for (features, labels) in blocks.zip(labels.axis_chunks_iter(Axis(0), BLOCK)) {
                    let features = augmented(features);
                    let mut scores = features.dot(&parameters.t());
                    for (scores, &label) in scores.rows_mut().into_iter().zip(labels) {
                        sum.0 += loss(scores, label, fixed_classes(self.classes));
                    }
                    general_mat_mul(1.0, &scores.t(), &features, 1.0, &mut sum.1);
                }
                sum
            })
        })
    }
}

/// The number of classes with the fixed score 0: one of two classes, none of more.
pub(super) fn fixed_classes(classes: usize) -> usize {
    usize::from(classes == 2)
}

/// The features in f64 with a column of ones for the intercepts, as `[N, k + 1]`.
pub(super) fn augmented(features: ArrayView2<'_, f32>) -> Array2<f64> {
    let (n, k) = features.dim();
    Array2::from_shape_fn(
        (n, k + 1),
        |(i, j)| if j < k { f64::from(features[[i, j]]) } else { 1.0 },
    )
}

/// Returns `-log softmax(scores)[label]` and replaces `scores` by its gradient. The first `fixed`
/// classes have the score 0 and are not among `scores`.
fn loss(mut scores: ArrayViewMut1<'_, f64>, label: usize, fixed: usize) -> f64 {
    let floor = if fixed > 0 { 0.0 } else { f64::NEG_INFINITY };
    let largest = scores.iter().copied().fold(floor, f64::max);
    let own = if label < fixed { 0.0 } else { scores[label - fixed] };
    scores.mapv_inplace(|score| (score - largest).exp());
    let sum = scores.sum() + fixed as f64 * (-largest).exp();
    scores /= sum;
    if label >= fixed {
        scores[label - fixed] -= 1.0;
    }
    largest - own + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{integers, runtimes};
    use ndarray::array;

    fn labels(n: usize, classes: usize) -> Array1<usize> {
        (0..n).map(|i| (i * i + i / 3) % classes).collect()
    }

    fn parameters(shape: (usize, usize)) -> Array1<f64> {
        (0..shape.0 * shape.1).map(|i| (i as f64 * 1.7).sin() / 4.0).collect()
    }

    #[test]
    fn losses_written_out() {
        let mut scores = array![1.0, 3.0, -2.0];
        let exponentials: f64 = scores.iter().map(|s: &f64| s.exp()).sum();
        let expected = exponentials.ln() - 3.0;
        assert!((loss(scores.view_mut(), 1, 0) - expected).abs() < 1e-15);
        assert!((scores[0] - 1f64.exp() / exponentials).abs() < 1e-15);
        assert!((scores[1] - (3f64.exp() / exponentials - 1.0)).abs() < 1e-15);
        // With two classes it is log(1 + exp(-z)) for the second, log(1 + exp(z)) for the first.
        for (label, sign) in [(1, -1.0), (0, 1.0)] {
            let mut score = array![0.7];
            let expected = (sign * 0.7f64).exp().ln_1p();
            assert!((loss(score.view_mut(), label, 1) - expected).abs() < 1e-15);
            let sigmoid = 1.0 / (1.0 + (-0.7f64).exp());
            assert!((score[0] - (sigmoid - label as f64)).abs() < 1e-15);
        }
        // Nothing overflows.
        let mut far = array![1000.0, -1000.0];
        assert_eq!(loss(far.view_mut(), 1, 0), 2000.0);
        assert_eq!(far, array![1.0, -1.0]);
    }

    #[test]
    fn the_gradient_is_that_of_the_value() {
        for classes in [2, 4] {
            let (features, labels) = (integers(12, (30, 3)), labels(30, classes));
            let (features, labels, runtime) = (features.view(), labels.view(), &runtimes()[0]);
            let objective = Objective { runtime, features, labels, classes, c: 0.3 };
            let point = parameters(objective.shape());
            let mut gradient = Array1::zeros(point.len());
            objective.evaluate(&point, &mut gradient);
            for i in 0..point.len() {
                let value = |step: f64| {
                    let mut moved = point.clone();
                    moved[i] += step;
                    objective.evaluate(&moved, &mut Array1::zeros(point.len()))
                };
                // The error of the central difference is h^2 J''' / 6 and the rounding of J / h. J
                // is below 100, and its third derivative below 30 x 0.3 x 4^3.
                let h = 1e-5;
                let bound = h * h * 576.0 / 6.0 + 100.0 * f64::EPSILON / h;
                let difference = (value(h) - value(-h)) / (2.0 * h);
                assert!((difference - gradient[i]).abs() <= bound, "{difference} {}", gradient[i]);
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (features, labels) = (integers(13, (5000, 4)), labels(5000, 3));
        let evaluate = |runtime: &Runtime| {
            let (features, labels) = (features.view(), labels.view());
            let objective = Objective { runtime, features, labels, classes: 3, c: 2.0 };
            let point = parameters(objective.shape());
            let mut gradient = Array1::zeros(point.len());
            (objective.evaluate(&point, &mut gradient).to_bits(), gradient)
        };
        let results: Vec<_> = runtimes().iter().map(evaluate).collect();
        assert!(results.iter().all(|result| *result == results[0]));
    }
}
