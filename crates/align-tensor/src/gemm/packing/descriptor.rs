//! The descriptor of a layout: what a file of packed weights says about them.

use crate::cpu::Isa;
use crate::gemm::kernel::Kernel;
use crate::gemm::packing::layout::PackedLayout;
use crate::number::Precision;
use serde::{Deserialize, Serialize};

/// The version of the layouts that this crate writes. It changes with the order of packed words.
const LAYOUT_VERSION: usize = 1;

/// Everything that the order of packed weights depends on. It can be written next to them, and
/// [`PackedWeights::from_mapped`](crate::PackedWeights::from_mapped) checks it when they are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PackedDescriptor {
    /// The version of the layout.
    pub version: usize,
    /// The instruction set: a name of [`IsaName`](crate::IsaName).
    pub isa: String,
    /// The precision: a name of [`Precision`].
    pub precision: String,
    /// The unit that multiplies.
    pub unit: String,
    /// Outputs.
    pub n: usize,
    /// Inputs.
    pub k: usize,
    /// Columns of a full panel.
    pub panel_columns: usize,
    /// Steps of a panel along `k`, with padding.
    pub steps: usize,
    /// The longest block of steps that is summed in one chain.
    pub block_steps: usize,
    /// Words of 32 bits that the panels take.
    pub words: usize,
}

/// An error of packed weights that were read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// A field differs from what this program computes for the same weights.
    #[error("packed weights: `{field}` is {found}, expected {expected}")]
    Field {
        /// The field of [`PackedDescriptor`].
        field: &'static str,
        /// The value that is needed.
        expected: String,
        /// The value that was read.
        found: String,
    },
    /// The sizes do not fit in memory, or one is zero.
    #[error("packed weights: [{n}, {k}] is empty or does not fit in memory")]
    Size {
        /// Outputs.
        n: usize,
        /// Inputs.
        k: usize,
    },
    /// The memory is too short.
    #[error("packed weights: {expected} bytes expected from byte {offset} on, found {found}")]
    Truncated {
        /// The offset of the first word.
        offset: usize,
        /// Bytes that are needed.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The first word does not start on a cache line.
    #[error("packed weights: byte {offset} is not on a boundary of {alignment} bytes in memory")]
    Misaligned {
        /// The offset of the first word.
        offset: usize,
        /// The alignment that is needed.
        alignment: usize,
    },
}

impl PackedDescriptor {
    /// The descriptor of a layout, which must be one of `isa`.
    pub(super) fn from_layout(isa: Isa, layout: PackedLayout) -> Self {
        let PackedLayout { lanes, kernel, k, n } = layout;
        let steps = kernel.steps(k);
        Self {
            version: LAYOUT_VERSION,
            isa: isa.name().to_string(),
            precision: kernel.precision.to_string(),
            unit: kernel.unit.name().to_owned(),
            n,
            k,
            panel_columns: 2 * lanes,
            steps,
            block_steps: kernel.max_block_steps(steps),
            words: layout.packed_len(),
        }
    }

    /// The layout that is described, if it is the one that `isa` uses for the same sizes and precision.
    pub(super) fn check(&self, isa: Isa) -> Result<PackedLayout, DescriptorError> {
        let (n, k) = (self.n, self.k);
        let precision: Precision = self.precision.parse().map_err(|_| DescriptorError::Field {
            field: "precision",
            expected: "a known precision".to_owned(),
            found: format!("{:?}", self.precision),
        })?;
        let layout = PackedLayout::new(isa, Kernel::fastest(isa, precision), n, k);
        if n == 0 || k == 0 || layout.checked_len().is_none() {
            return Err(DescriptorError::Size { n, k });
        }
        let expected = Self::from_layout(isa, layout);
        let fields = [
            ("isa", &self.isa as &dyn std::fmt::Debug, &expected.isa as &dyn std::fmt::Debug),
            ("version", &self.version, &expected.version),
            ("unit", &self.unit, &expected.unit),
            ("panel_columns", &self.panel_columns, &expected.panel_columns),
            ("steps", &self.steps, &expected.steps),
            ("block_steps", &self.block_steps, &expected.block_steps),
            ("words", &self.words, &expected.words),
        ];
        for (field, found, expected) in fields {
            let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
            if found != expected {
                return Err(DescriptorError::Field { field, expected, found });
            }
        }
        Ok(layout)
    }
}
