//! The context that the layers of a forward share.

use crate::forward::profile::{Profile, StepGuard};
use crate::memory::ArenaSpace;
use crate::number::{NumberFormat, NumbersMut};
use crate::threads::Team;
use bytemuck::Pod;
use std::fmt;

/// The context that the layers of a forward share: threads, memory and profile.
pub struct Forward<'a> {
    team: &'a Team<'a>,
    space: ArenaSpace<'a>,
    profile: &'a Profile,
    scope: Scope,
}

/// The prefix of the names of steps: empty, or the name and the number of a layer.
#[derive(Clone, Copy, Debug)]
struct Scope(Option<(&'static str, usize)>);

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |(name, index)| write!(f, "{name}.{index}."))
    }
}

impl<'a> Forward<'a> {
    /// A context of these threads, this memory and this profile.
    pub fn new(team: &'a Team<'a>, space: ArenaSpace<'a>, profile: &'a Profile) -> Self {
        Self { team, space, profile, scope: Scope(None) }
    }

    /// The threads.
    pub fn team(&self) -> &'a Team<'a> {
        self.team
    }

    /// Takes an array of `len` elements from the arena. Its content is unspecified.
    ///
    /// # Panics
    /// If more is taken than the arena was opened for.
    pub fn take<T: Pod>(&mut self, len: usize) -> &'a mut [T] {
        self.space.take(len)
    }

    /// Takes an array of `len` numbers in this format from the arena.
    ///
    /// # Panics
    /// As [`take`](Self::take).
    pub fn take_numbers(&mut self, format: NumberFormat, len: usize) -> NumbersMut<'a> {
        self.space.take_numbers(format, len)
    }

    /// Begins a step of this many floating-point operations, such as `project`. The guard borrows
    /// the profile only, so the context can be used before it is dropped.
    #[inline]
    pub fn step(&self, name: &str, flops: usize) -> StepGuard<'a> {
        self.profile.step(format_args!("{}{name}", self.scope), flops)
    }

    /// The same context for a shorter time. Arrays that are taken from it are free again afterwards.
    pub fn reborrow(&mut self) -> Forward<'_> {
        Forward {
            team: self.team,
            space: self.space.reborrow(),
            profile: self.profile,
            scope: self.scope,
        }
    }

    /// As [`reborrow`](Self::reborrow), for one of several layers. Its steps are named
    /// `name.index.step`.
    pub fn layer(&mut self, name: &'static str, index: usize) -> Forward<'_> {
        Forward { scope: Scope(Some((name, index))), ..self.reborrow() }
    }
}

impl fmt::Debug for Forward<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("workers", &self.team.workers())
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Arena, ArenaSize};
    use crate::threads::Threads;

    #[test]
    fn layers_name_their_steps_and_give_their_memory_back() {
        let ((), steps) = Profile::record(|| {
            let profile = Profile::current();
            let mut arena = Arena::new();
            Threads::single().gather(|team| {
                let space = arena.open(ArenaSize::for_array::<f32>(16));
                let mut forward = Forward::new(team, space, &profile);
                forward.step("stem", 0).finish();
                for index in 0..2 {
                    let mut layer = forward.layer("blocks", index);
                    let step = layer.step("project", 5);
                    layer.take::<f32>(16).fill(1.0);
                    step.finish();
                }
            });
        });
        let found: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.flops)).collect();
        assert_eq!(found, [("stem", 0), ("blocks.0.project", 5), ("blocks.1.project", 5)]);
    }
}
