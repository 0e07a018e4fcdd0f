//! Search for weights that are NaN or infinite.

use super::{Checkpoint, CheckpointError, Dtype, TensorSource};

/// A tensor that holds NaN or infinity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonFinite {
    /// The tensor.
    pub name: String,
    /// The number of its elements that are NaN.
    pub nans: usize,
    /// The number of its elements that are plus or minus infinity.
    pub infinities: usize,
}

impl Checkpoint {
    /// Reads all F32, F16 and BF16 tensors and lists those that hold NaN or
    /// infinity, in alphabetical order.
    ///
    /// # Errors
    ///
    /// If a tensor cannot be read.
    pub fn scan_non_finite(&self) -> Result<Vec<NonFinite>, CheckpointError> {
        let mut found = Vec::new();
        for name in self.names() {
            let Some(info) = self.info(name) else { continue };
            if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
                continue;
            }
            let values = self.tensor(name, &info.shape)?;
            let nans = values.iter().filter(|x| x.is_nan()).count();
            let infinities = values.iter().filter(|x| x.is_infinite()).count();
            if nans + infinities > 0 {
                found.push(NonFinite { name: name.to_owned(), nans, infinities });
            }
            drop(values);
            self.release(name);
        }
        Ok(found)
    }
}
