//! A linear classifier on frozen features.

use super::check;
use super::error::MetricsError;
use super::lbfgs::minimize;
use super::logistic::{Objective, augmented, fixed_classes};
use align_tensor::Runtime;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice, concatenate};

/// The samples whose scores are computed at a time.
const BLOCK: usize = 1024;

/// Options for fitting a [`LinearProbe`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinearProbeOptions {
    /// Inverse strength of the penalty, as scikit-learn's `C`. A large value fits the samples
    /// closely. The default is 1.
    pub c: f64,
    /// The length at which the gradient counts as zero, relative to the length of the weights if
    /// that is more than 1. The default is 1e-6.
    pub tolerance: f64,
    /// The largest number of iterations. The default is 1000.
    pub max_iterations: usize,
}

impl Default for LinearProbeOptions {
    fn default() -> Self {
        Self { c: 1.0, tolerance: 1e-6, max_iterations: 1000 }
    }
}

impl LinearProbeOptions {
    /// Sets the inverse strength of the penalty.
    #[must_use]
    pub fn with_c(self, c: f64) -> Self {
        Self { c, ..self }
    }

    /// Sets the length at which the gradient counts as zero.
    #[must_use]
    pub fn with_tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Sets the largest number of iterations.
    #[must_use]
    pub fn with_max_iterations(self, max_iterations: usize) -> Self {
        Self { max_iterations, ..self }
    }
}

/// Multinomial logistic regression with an L2 penalty. It minimises, over weights `W` and
/// intercepts `b`,
///
/// `J(W, b) = C sum_i -log softmax(W x_i + b)[y_i] + |W|^2 / 2`,
///
/// as scikit-learn's `LogisticRegression` does. Of two classes, the first has the fixed score 0, as
/// in scikit-learn.
///
/// The optimiser is L-BFGS in f64, started at zero. Its result has the same bits on any number of
/// threads. `J` is strongly convex in `W`, so with optimal intercepts, the distance of the weights
/// to the optimum is at most the length of the gradient.
///
/// ```
/// use align_tensor::Runtime;
/// use align_eval::metrics::{LinearProbe, LinearProbeOptions, top_k_accuracy};
/// use ndarray::array;
///
/// let features = array![[1.0, 0.1], [0.9, 0.3], [0.2, 1.0], [0.0, 0.8]]; // [N, k]
/// let labels = array![0, 0, 1, 1];
/// let runtime = Runtime::new()?;
/// let options = LinearProbeOptions::default().with_c(10.0);
/// let probe = LinearProbe::fit(&runtime, features.view(), labels.view(), 2, &options)?;
/// let scores = probe.scores(features.view())?; // [N, classes]
/// assert_eq!(top_k_accuracy(scores.view(), labels.view(), 1)?, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinearProbe {
    classes: usize,
    weights: Array2<f64>,
    intercepts: Array1<f64>,
    objective: f64,
    gradient_norm: f64,
    iterations: usize,
}

impl LinearProbe {
    /// Fits `features [N, k]` with `labels [N]` below `classes`.
    ///
    /// # Errors
    /// - If features are missing or not finite, or there is not one class as label for each row.
    /// - If there are fewer than two classes, or a class has no sample.
    /// - If an option is not positive, or the optimum is not reached.
    pub fn fit(
        runtime: &Runtime,
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, usize>,
        classes: usize,
        options: &LinearProbeOptions,
    ) -> Result<Self, MetricsError> {
        let &LinearProbeOptions { c, tolerance, max_iterations } = options;
        for (option, found) in [("c", c), ("tolerance", tolerance)] {
            if !(found > 0.0 && found.is_finite()) {
                return Err(MetricsError::Option { option, found });
            }
        }
        check::rows("features", features)?;
        check::finite("features", features)?;
        check::length("labels", labels, features.nrows())?;
        check_classes(labels, classes)?;
        let objective = Objective { runtime, features, labels, classes, c };
        let shape = objective.shape();
        let minimum = minimize(
            |point, gradient| objective.evaluate(point, gradient),
            Array1::zeros(shape.0 * shape.1),
            |point| tolerance * weights_norm(point, shape.1).max(1.0),
            max_iterations,
        );
        if !minimum.converged() {
            return Err(MetricsError::NotConverged {
                iterations: minimum.iterations,
                gradient_norm: minimum.gradient_norm,
                target: minimum.target,
            });
        }
        let parameters = minimum.point.into_shape_with_order(shape);
        let parameters = parameters.expect("parameters have their shape");
        let k = features.ncols();
        Ok(Self {
            classes,
            weights: parameters.slice_axis(Axis(1), Slice::from(..k)).to_owned(),
            intercepts: parameters.index_axis(Axis(1), k).to_owned(),
            objective: minimum.value,
            gradient_norm: minimum.gradient_norm,
            iterations: minimum.iterations,
        })
    }

    /// The score `W x + b` of each class for each row of `features [N, k]`, as `[N, classes]`.
    ///
    /// # Errors
    /// If the width of the features is not that of the training features.
    pub fn scores(&self, features: ArrayView2<'_, f32>) -> Result<Array2<f64>, MetricsError> {
        check::width("features", features, self.weights.ncols())?;
        let intercepts = self.intercepts.view().insert_axis(Axis(1));
        let parameters = concatenate(Axis(1), &[self.weights.view(), intercepts]);
        let parameters = parameters.expect("an intercept for each row of weights");
        let mut scores = Array2::zeros((features.nrows(), self.classes));
        let blocks = scores.axis_chunks_iter_mut(Axis(0), BLOCK);
        for (features, mut scores) in features.axis_chunks_iter(Axis(0), BLOCK).zip(blocks) {
            // The class with the fixed score keeps its 0.
            let free = Slice::from(fixed_classes(self.classes)..);
            let mut free = scores.slice_axis_mut(Axis(1), free);
            free.assign(&augmented(features).dot(&parameters.t()));
        }
        Ok(scores)
    }

    /// The weights `[classes, k]`. For two classes, the weights `[1, k]` of the second.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// The intercepts, one for each row of the weights.
    pub fn intercepts(&self) -> ArrayView1<'_, f64> {
        self.intercepts.view()
    }

    /// The value of `J` at the end.
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// The length of the gradient of `J` at the end.
    pub fn gradient_norm(&self) -> f64 {
        self.gradient_norm
    }

    /// The number of iterations.
    pub fn iterations(&self) -> usize {
        self.iterations
    }
}

/// There are at least two classes, and each has a sample.
fn check_classes(labels: ArrayView1<'_, usize>, classes: usize) -> Result<(), MetricsError> {
    if classes < 2 {
        return Err(MetricsError::Classes { found: classes });
    }
    check::indices("labels", labels, classes)?;
    // With more classes than samples, one of the first classes has none. This also bounds memory.
    let counted = classes.min(labels.len() + 1);
    let mut found = vec![false; counted];
    labels.iter().filter(|&&label| label < counted).for_each(|&label| found[label] = true);
    match found.iter().position(|found| !found) {
        Some(class) => Err(MetricsError::EmptyClass { class }),
        None => Ok(()),
    }
}

/// The length of the weights. Parameters are rows of `width` values, and the last value of a row is
/// an intercept.
fn weights_norm(parameters: &Array1<f64>, width: usize) -> f64 {
    let weights = parameters.iter().enumerate().filter(|(i, _)| (i + 1) % width != 0);
    weights.map(|(_, w)| w * w).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{integers, runtimes};
    use ndarray::array;

    fn fit(
        labels: &[usize],
        classes: usize,
        options: LinearProbeOptions,
    ) -> Result<LinearProbe, MetricsError> {
        let features = integers(14, (6, 2));
        LinearProbe::fit(&runtimes()[0], features.view(), labels.into(), classes, &options)
    }

    #[test]
    fn one_weight_by_hand() {
        // Two classes of equal size, at x = 1 and x = -1: b = 0, and the optimum solves
        // w = 2 C sigmoid(-w).
        let features = array![[1.0], [-1.0]];
        let options = LinearProbeOptions { c: 3.0, ..LinearProbeOptions::default() };
        let labels = array![1, 0];
        let probe =
            LinearProbe::fit(&runtimes()[0], features.view(), labels.view(), 2, &options).unwrap();
        let w = probe.weights()[[0, 0]];
        let b = probe.intercepts()[0];
        // The gradient in w is w - 3 (sigmoid(-w - b) + sigmoid(-w + b)), and the curvature of the
        // sigmoid is below 0.1.
        let bound = probe.gradient_norm() + 0.3 * b * b + 1e-14;
        assert!((w - 6.0 / (1.0 + w.exp())).abs() <= bound, "{w} {b}");
        let scores = probe.scores(array![[2.0]].view()).unwrap();
        assert_eq!(scores.row(0)[0], 0.0);
        assert!((scores.row(0)[1] - 2.0 * w - b).abs() <= 1e-15);
    }

    #[test]
    fn a_tighter_tolerance_is_reached() {
        let norms = [1e-3, 1e-6, 1e-9].map(|tolerance| {
            let options = LinearProbeOptions { tolerance, ..LinearProbeOptions::default() };
            let probe = fit(&[0, 1, 2, 0, 1, 2], 3, options).unwrap();
            let length = probe.weights().iter().map(|w| w * w).sum::<f64>().sqrt();
            assert!(probe.gradient_norm() <= tolerance * length.max(1.0));
            probe.iterations()
        });
        assert!(norms.is_sorted() && norms[0] < norms[2], "{norms:?}");
    }

    #[test]
    fn too_few_iterations_are_an_error() {
        let options = LinearProbeOptions { max_iterations: 2, ..LinearProbeOptions::default() };
        let error = fit(&[0, 1, 2, 0, 1, 2], 3, options).unwrap_err();
        assert!(matches!(error, MetricsError::NotConverged { iterations: 2, .. }), "{error}");
    }

    #[test]
    fn wrong_arguments_are_named() {
        let error = |labels: &[usize], classes| {
            fit(labels, classes, LinearProbeOptions::default()).unwrap_err()
        };
        let what = "labels";
        assert_eq!(error(&[0; 6], 1), MetricsError::Classes { found: 1 });
        assert_eq!(error(&[0, 2, 0, 2, 2, 2], 3), MetricsError::EmptyClass { class: 1 });
        assert_eq!(error(&[0, 1, 2, 3, 4, 5], usize::MAX), MetricsError::EmptyClass { class: 6 });
        let expected = MetricsError::OutOfRange { what, row: 2, bound: 2, found: 2 };
        assert_eq!(error(&[0, 1, 2, 0, 0, 0], 2), expected);
        assert_eq!(error(&[0, 1], 2), MetricsError::Length { what, expected: 6, found: 2 });
        for c in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let options = LinearProbeOptions { c, ..LinearProbeOptions::default() };
            let error = fit(&[0, 1, 0, 1, 0, 1], 2, options).unwrap_err();
            assert!(matches!(error, MetricsError::Option { option: "c", .. }), "{error}");
        }
        let probe = fit(&[0, 1, 0, 1, 0, 1], 2, LinearProbeOptions::default()).unwrap();
        let error = probe.scores(Array2::zeros((1, 3)).view()).unwrap_err();
        assert_eq!(error, MetricsError::Width { what: "features", expected: 2, found: 3 });
    }
}
