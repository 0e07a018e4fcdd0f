//! L-BFGS for smooth convex functions.
//!
//! It uses the two-loop recursion of Nocedal, *Updating Quasi-Newton Matrices with Limited Storage*,
//! 1980, and a line search for convex functions.

use ndarray::Array1;
use std::collections::VecDeque;

/// The number of remembered steps, which Liu and Nocedal (1989) found enough for large problems.
const MEMORY: usize = 10;
/// A step is long enough once the slope is at most this share of the slope at the start.
const CURVATURE: f64 = 0.9;
/// A step past the minimum must achieve this share of the decrease that the slope predicts.
const DECREASE: f64 = 1e-4;
/// The evaluations of one line search. Each narrows the bracket by at least a tenth, or widens it
/// fourfold. More would be needed only if rounding hides the slope.
const MAX_TRIALS: usize = 60;

/// The result of a minimisation.
pub(super) struct Minimum {
    pub(super) point: Array1<f64>,
    pub(super) value: f64,
    /// The length of the gradient.
    pub(super) gradient_norm: f64,
    /// The length at which the gradient counts as zero at this point.
    pub(super) target: f64,
    pub(super) iterations: usize,
}

impl Minimum {
    pub(super) fn converged(&self) -> bool {
        self.gradient_norm <= self.target
    }
}

/// Minimises `function(point, gradient) -> value`, which writes the gradient, from `start`.
///
/// It ends when the gradient is not longer than `target(point)`, after `max_iterations`, or when
/// rounding leaves no direction of descent.
pub(super) fn minimize(
    mut function: impl FnMut(&Array1<f64>, &mut Array1<f64>) -> f64,
    start: Array1<f64>,
    target: impl Fn(&Array1<f64>) -> f64,
    max_iterations: usize,
) -> Minimum {
    let mut here = Evaluated::new(&mut function, start);
    let mut memory = Memory::default();
    let mut iterations = 0;
    loop {
        let gradient_norm = here.gradient.dot(&here.gradient).sqrt();
        let target = target(&here.point);
        let next = if gradient_norm <= target || iterations == max_iterations {
            None
        } else {
            line_search(&mut function, &here, &memory.direction(&here.gradient))
        };
        let Some(next) = next else {
            let Evaluated { point, value, .. } = here;
            return Minimum { point, value, gradient_norm, target, iterations };
        };
        memory.remember(&next.point - &here.point, &next.gradient - &here.gradient);
        here = next;
        iterations += 1;
    }
}

/// A point with the value and the gradient of the function.
struct Evaluated {
    point: Array1<f64>,
    value: f64,
    gradient: Array1<f64>,
}

impl Evaluated {
    fn new(
        function: &mut impl FnMut(&Array1<f64>, &mut Array1<f64>) -> f64,
        point: Array1<f64>,
    ) -> Self {
        let mut gradient = Array1::zeros(point.len());
        let value = function(&point, &mut gradient);
        Self { point, value, gradient }
    }
}

/// The last steps and the changes of the gradient, the newest first.
#[derive(Default)]
struct Memory {
    pairs: VecDeque<Pair>,
}

struct Pair {
    step: Array1<f64>,
    change: Array1<f64>,
    /// `step . change`, positive for a convex function.
    product: f64,
}

impl Memory {
    fn remember(&mut self, step: Array1<f64>, change: Array1<f64>) {
        let product = step.dot(&change);
        if product > 0.0 {
            self.pairs.truncate(MEMORY - 1);
            self.pairs.push_front(Pair { step, change, product });
        }
    }

    /// The direction of descent: minus the approximate inverse Hessian times the gradient.
    fn direction(&self, gradient: &Array1<f64>) -> Array1<f64> {
        let mut direction = -gradient;
        let mut shares = Vec::with_capacity(self.pairs.len());
        for Pair { step, change, product } in &self.pairs {
            let share = step.dot(&direction) / product;
            direction.scaled_add(-share, change);
            shares.push(share);
        }
        if let Some(Pair { change, product, .. }) = self.pairs.front() {
            direction *= product / change.dot(change);
        }
        for (Pair { step, change, product }, share) in self.pairs.iter().zip(shares).rev() {
            let correction = change.dot(&direction) / product;
            direction.scaled_add(share - correction, step);
        }
        direction
    }
}

/// A step along `direction` that lowers the value and after which the slope is at most
/// [`CURVATURE`] of the slope at the start. `None` if there is no such step.
///
/// Along a line, the slope of a convex function only grows. So while the slope is negative, the
/// value has only fallen and is not compared: near the minimum, a comparison would only see
/// rounding. The zero of the slope is bracketed and approached by secants.
fn line_search(
    function: &mut impl FnMut(&Array1<f64>, &mut Array1<f64>) -> f64,
    here: &Evaluated,
    direction: &Array1<f64>,
) -> Option<Evaluated> {
    let slope = here.gradient.dot(direction);
    let mut bracket = Bracket { low: (0.0, slope), high: None };
    let mut step = 1.0;
    for _ in 0..if slope < 0.0 { MAX_TRIALS } else { 0 } {
        let mut point = here.point.clone();
        point.scaled_add(step, direction);
        let there = Evaluated::new(function, point);
        let slope_there = there.gradient.dot(direction);
        if slope_there < CURVATURE * slope {
            bracket.low = (step, slope_there);
        } else if slope_there <= 0.0 || there.value <= here.value + DECREASE * step * slope {
            return Some(there);
        } else {
            bracket.high = Some((step, slope_there));
        }
        step = bracket.within();
    }
    None
}

/// A step that is too short and one that is too long, each with the slope after it.
struct Bracket {
    low: (f64, f64),
    high: Option<(f64, f64)>,
}

impl Bracket {
    /// A step at which the slope may be zero.
    fn within(&self) -> f64 {
        let (low, low_slope) = self.low;
        let Some((high, high_slope)) = self.high else { return 4.0 * low };
        let secant = low_slope / (low_slope - high_slope);
        // If the function overflowed, the slope is not finite.
        let share = if secant.is_finite() { secant.clamp(0.1, 0.9) } else { 0.1 };
        low + share * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn run(
        function: impl FnMut(&Array1<f64>, &mut Array1<f64>) -> f64,
        start: Array1<f64>,
        iterations: usize,
    ) -> Minimum {
        minimize(function, start, |_| 1e-10, iterations)
    }

    #[test]
    fn an_ill_conditioned_quadratic() {
        let curvatures: Array1<f64> = (0..40).map(|i| 10f64.powf(f64::from(i) / 13.0)).collect();
        let minimum = |i: usize| (i as f64).sin();
        let function = |x: &Array1<f64>, gradient: &mut Array1<f64>| {
            gradient.indexed_iter_mut().for_each(|(i, g)| *g = curvatures[i] * (x[i] - minimum(i)));
            (0..40).map(|i| curvatures[i] * (x[i] - minimum(i)).powi(2) / 2.0).sum()
        };
        let found = run(function, Array1::zeros(40), 2000);
        assert!(found.converged(), "{} after {}", found.gradient_norm, found.iterations);
        // The least curvature is 1, so the distance to the minimum is at most the length of the
        // gradient.
        for (i, x) in found.point.iter().enumerate() {
            assert!((x - minimum(i)).abs() <= 1e-10 + f64::EPSILON);
        }
    }

    #[test]
    fn steps_may_be_far_too_long_or_too_short_at_first() {
        for scale in [1e-8, 1.0, 1e8] {
            // log cosh is flat far from its minimum, so a Newton step from there would overshoot.
            let function = |x: &Array1<f64>, gradient: &mut Array1<f64>| {
                gradient.assign(&x.mapv(|x| scale * x.tanh()));
                x.iter().map(|x| scale * (x.abs() + (-2.0 * x.abs()).exp().ln_1p())).sum()
            };
            let target = 1e-12 * scale;
            let found = minimize(function, array![9.0, -3.0, 1e-3], |_| target, 200);
            assert!(found.converged(), "{scale}: {}", found.gradient_norm);
            assert!(found.point.iter().all(|x| x.abs() <= 1e-11));
        }
    }

    #[test]
    fn what_has_no_minimum_does_not_converge() {
        let exponential = |x: &Array1<f64>, gradient: &mut Array1<f64>| {
            gradient.assign(&x.mapv(f64::exp));
            x.mapv(f64::exp).sum()
        };
        let found = minimize(exponential, array![0.0], |_| 0.0, 20);
        assert!(!found.converged() && found.iterations <= 20);
        let nan = |_: &Array1<f64>, gradient: &mut Array1<f64>| {
            gradient.fill(f64::NAN);
            f64::NAN
        };
        let found = run(nan, array![0.0], 20);
        assert!(!found.converged() && found.iterations == 0);
    }

    #[test]
    fn a_start_at_the_minimum_takes_no_step() {
        let function = |x: &Array1<f64>, gradient: &mut Array1<f64>| {
            gradient.assign(x);
            x.dot(x) / 2.0
        };
        let found = run(function, Array1::zeros(3), 5);
        assert_eq!((found.converged(), found.iterations, found.value), (true, 0, 0.0));
    }
}
