//! Checkpoints made from a seed: the shape of a real model without its files.
//!
//! Tests and timings of an align-base need no download of 690 MB. Each weight is a function of the
//! seed, the tensor's name and the element's index. Weights are scaled so that activations keep
//! their size through all layers. Only exactly rounded operations are used, so an implementation in
//! another language makes the same bits.
//!
//! This crate depends on no other, so that `cargo xtask` can remake goldens and audit crates while the engine itself does not
//! build.
//!
//! ```
//! use align_synthetic::SyntheticModel;
//!
//! let tensors = SyntheticModel::Tiny.tensors();
//! let temperature = tensors.iter().find(|tensor| tensor.name == "temperature").unwrap();
//! assert_eq!(temperature.values(0), [0.0625]);
//! ```

#![forbid(unsafe_code)]

mod calibration;
mod counter;
mod inputs;
mod layout;
mod recipe;
mod shape;

pub use inputs::{caption, image};
pub use layout::SyntheticTensor;

/// The shape of a synthetic checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntheticModel {
    /// The published align-base: 1394 tensors, 172,117,841 parameters.
    AlignBase,
    /// A small model with the same seven stages: a few megabytes, which load and run in well under
    /// a second.
    Tiny,
}

impl SyntheticModel {
    /// The `config.json` of the checkpoint.
    pub fn config_json(self) -> &'static str {
        match self {
            Self::AlignBase => include_str!("align-base.config.json"),
            Self::Tiny => include_str!("tiny.config.json"),
        }
    }

    /// Every tensor of the checkpoint, by name in ascending order. Values are made on demand.
    pub fn tensors(self) -> Vec<SyntheticTensor> {
        layout::tensors(self.shape(), &self.calibration())
    }

    fn shape(self) -> &'static shape::Shape {
        match self {
            Self::AlignBase => &shape::ALIGN_BASE,
            Self::Tiny => &shape::TINY,
        }
    }

    fn calibration(self) -> calibration::Calibration {
        calibration::Calibration::parse(match self {
            Self::AlignBase => include_str!("align-base.calibration.txt"),
            Self::Tiny => include_str!("tiny.calibration.txt"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn align_base_has_the_published_tensors_and_parameters() {
        let tensors = SyntheticModel::AlignBase.tensors();
        assert_eq!(tensors.len(), 1394);
        let parameters = |prefix: &str| -> usize {
            tensors
                .iter()
                .filter(|tensor| tensor.name.starts_with(prefix))
                .filter(|tensor| !tensor.name.contains("running_") && !tensor.is_integer())
                .map(SyntheticTensor::len)
                .sum()
        };
        assert_eq!(parameters("vision_model."), 62_143_440);
        assert_eq!(parameters("text_model."), 109_482_240);
        assert_eq!(parameters(""), 172_117_841);
    }

    #[test]
    fn values_depend_on_the_seed_and_on_the_name_alone() {
        let values = |index: usize, seed| SyntheticModel::Tiny.tensors()[index].values(seed);
        let tensors = SyntheticModel::Tiny.tensors();
        let index = tensors.iter().position(|t| t.name.ends_with("query.weight")).unwrap();
        assert_eq!(values(index, 3), values(index, 3));
        assert_ne!(values(index, 3), values(index, 4));
        assert_eq!(tensors[index].values(3), values(index, 3));
    }

    #[test]
    fn every_value_is_finite_and_every_variance_positive() {
        for tensor in SyntheticModel::Tiny.tensors() {
            let values = tensor.values(11);
            assert_eq!(values.len(), tensor.len(), "{}", tensor.name);
            assert!(values.iter().all(|value| value.is_finite()), "{}", tensor.name);
            if tensor.name.ends_with("running_var") {
                assert!(values.iter().all(|&value| value > 0.0), "{}", tensor.name);
            }
        }
    }
}
