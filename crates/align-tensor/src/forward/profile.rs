//! Where the time of a forward goes.

use std::time::{Duration, Instant};

/// A step of a forward: a layer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is, as `blocks.3.project`.
    pub name: String,
    /// Its floating-point operations: two for each product of a matrix or a convolution. What
    /// activations and norms cost beside is not counted.
    pub flops: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Times the steps of a forward, or does nothing.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    steps: Option<Vec<Step>>,
}

impl Profile {
    /// A profile that does nothing and costs nothing.
    pub fn off() -> Self {
        Self { steps: None }
    }

    /// A profile that records every step.
    pub fn on() -> Self {
        Self { steps: Some(Vec::new()) }
    }

    /// Runs `step`, which has that many `flops`; `name` is asked only where it is recorded.
    #[inline]
    pub fn time<R>(
        &mut self,
        name: impl FnOnce() -> String,
        flops: usize,
        step: impl FnOnce() -> R,
    ) -> R {
        let Some(steps) = &mut self.steps else { return step() };
        let start = Instant::now();
        let result = step();
        steps.push(Step { name: name(), flops: flops as u64, elapsed: start.elapsed() });
        result
    }

    /// The steps, in the order in which they ran.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_order_or_not_at_all() {
        let mut profile = Profile::on();
        assert_eq!(profile.time(|| "a".into(), 7, || 3), 3);
        profile.time(|| "b".into(), 0, || ());
        let steps = profile.into_steps();
        assert_eq!(steps.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(steps[0].flops, 7);

        let mut off = Profile::off();
        assert_eq!(off.time(|| unreachable!("no name is asked for"), 0, || 3), 3);
        assert!(off.into_steps().is_empty());
    }
}
