//! The memory of packed weights: owned, or a part of a file that is mapped.

use crate::gemm::Word;
use crate::gemm::packing::descriptor::DescriptorError;
use crate::memory::{AlignedBuffer, LINE};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The alignment of packed words in bytes: a cache line, which is also a row of an AMX tile.
const ALIGNMENT: usize = LINE * size_of::<Word>();

/// Memory that stays where it is and does not change, such as a mapped file.
pub(super) type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Packed words.
#[derive(Clone)]
pub(super) enum PackedStorage {
    Owned(AlignedBuffer<Word>),
    Mapped { bytes: SharedBytes, range: Range<usize> },
}

impl PackedStorage {
    /// `words` words from byte `offset` of `bytes` on.
    pub(super) fn from_mapped(
        bytes: SharedBytes,
        offset: usize,
        words: usize,
    ) -> Result<Self, DescriptorError> {
        let all: &[u8] = (*bytes).as_ref();
        let expected = words * size_of::<Word>();
        let found = all.len().saturating_sub(offset);
        if found < expected {
            return Err(DescriptorError::Truncated { offset, expected, found });
        }
        let range = offset..offset + expected;
        if !all[range.clone()].as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(DescriptorError::Misaligned { offset, alignment: ALIGNMENT });
        }
        Ok(Self::Mapped { bytes, range })
    }

    /// The words.
    ///
    /// # Panics
    /// If mapped memory has moved since it was checked.
    pub(super) fn words(&self) -> &[Word] {
        match self {
            Self::Owned(words) => words,
            Self::Mapped { bytes, range } => {
                bytemuck::cast_slice(&(**bytes).as_ref()[range.clone()])
            }
        }
    }
}

impl fmt::Debug for PackedStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owned(words) => write!(f, "Owned({} words)", words.len()),
            Self::Mapped { range, .. } => write!(f, "Mapped({range:?})"),
        }
    }
}
