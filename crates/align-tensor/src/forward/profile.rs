//! The times of a forward's steps.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::{Duration, Instant};

thread_local! {
    /// The profile that records the forwards of this thread.
    static CURRENT: RefCell<Profile> = const { RefCell::new(Profile { steps: None }) };
}

/// A step of a forward: a layer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The step's name, such as `blocks.3.project`.
    pub name: String,
    /// Its floating-point operations: two for each product of a matrix or a convolution. Activations
    /// and norms are not counted.
    pub flops: u64,
    /// The time that it took.
    pub elapsed: Duration,
}

/// A record of the steps of forwards, or nothing if it is off.
///
/// ```
/// use align_tensor::Profile;
///
/// let (sum, steps) = Profile::record(|| {
///     let profile = Profile::current();
///     let step = profile.step("add", 1);
///     let sum = 1.0 + 2.0;
///     step.finish();
///     sum
/// });
/// assert_eq!((sum, steps.len()), (3.0, 1));
/// assert_eq!((&*steps[0].name, steps[0].flops), ("add", 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Profile {
    steps: Option<Rc<RefCell<Vec<Step>>>>,
}

impl Profile {
    /// Runs `work` and returns its result, with the steps of all forwards that it calls on this
    /// thread, in the order in which they ended.
    ///
    /// Steps within another `record` inside `work` belong to the inner one alone.
    pub fn record<R>(work: impl FnOnce() -> R) -> (R, Vec<Step>) {
        /// Restores the outer profile, after a panic too.
        struct Restore(Profile);

        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(std::mem::take(&mut self.0));
            }
        }

        let steps = Rc::new(RefCell::new(Vec::new()));
        let restore = Restore(CURRENT.replace(Self { steps: Some(Rc::clone(&steps)) }));
        let result = work();
        drop(restore);
        (result, steps.take())
    }

    /// The profile that records the forwards of this thread. It is off outside of
    /// [`record`](Self::record).
    pub fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// Begins a step of this many floating-point operations. It ends when the guard is dropped.
    ///
    /// A profile that is off does not read the clock or format the name.
    #[inline]
    pub fn step(&self, name: impl Display, flops: usize) -> StepGuard<'_> {
        StepGuard(self.steps.as_deref().map(|steps| Running {
            steps,
            name: name.to_string(),
            flops: flops as u64,
            start: Instant::now(),
        }))
    }
}

/// A running step. It is recorded when this guard is dropped.
#[derive(Debug)]
#[must_use = "the step ends when the guard is dropped"]
pub struct StepGuard<'a>(Option<Running<'a>>);

#[derive(Debug)]
struct Running<'a> {
    steps: &'a RefCell<Vec<Step>>,
    name: String,
    flops: u64,
    start: Instant,
}

impl StepGuard<'_> {
    /// Ends the step.
    #[inline]
    pub fn finish(self) {}
}

impl Drop for StepGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(Running { steps, name, flops, start }) = self.0.take() {
            let elapsed = start.elapsed();
            steps.borrow_mut().push(Step { name, flops, elapsed });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    /// A name that must not be formatted.
    struct Unused;

    impl fmt::Display for Unused {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("no name is formatted")
        }
    }

    #[test]
    fn records_in_order_or_not_at_all() {
        let (result, steps) = Profile::record(|| {
            let profile = Profile::current();
            profile.step("a", 7).finish();
            profile.step("b", 0).finish();
            3
        });
        assert_eq!((result, names(&steps)), (3, vec!["a", "b"]));
        assert_eq!(steps[0].flops, 7);

        Profile::current().step(Unused, 0).finish();
        Profile::default().step(Unused, 0).finish();
    }

    #[test]
    fn an_inner_record_keeps_its_steps_to_itself() {
        let step = |name: &str| Profile::current().step(name, 0).finish();
        let (inner, outer) = Profile::record(|| {
            step("before");
            let ((), inner) = Profile::record(|| step("inner"));
            let panic = std::panic::catch_unwind(|| Profile::record(|| panic!("work fails")));
            assert!(panic.is_err());
            step("after");
            inner
        });
        assert_eq!((names(&inner), names(&outer)), (vec!["inner"], vec!["before", "after"]));
    }
}
