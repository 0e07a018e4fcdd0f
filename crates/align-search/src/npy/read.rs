//! Reading of `.npy` files.

use super::dtype::Dtype;
use super::error::NpyError;
use super::header::{Header, MAGIC};
use align_tensor::{Element, MappedFile};
use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::path::Path;

/// The length of magic bytes and version.
const PREFIX: usize = 8;

/// The longest header accepted. NumPy itself warns about more than 10,000 bytes.
const MAX_HEADER: u64 = 1 << 16;

/// An array in a file that is mapped into memory. While it is mapped, the file must not change; see
/// [`MappedFile`].
///
/// ```
/// use align_search::npy::{self, Dtype, NpyFile};
/// use ndarray::array;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("array.npy");
/// npy::write(&mut std::fs::File::create(&path)?, &array![[1.0, 2.0], [3.0, 4.0]])?;
///
/// let file = NpyFile::open(&path)?;
/// assert_eq!((file.dtype(), file.shape()), (Dtype::F32, &[2, 2][..]));
/// assert_eq!(*file.values::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NpyFile {
    file: MappedFile,
    header: Header,
    data: Range<u64>,
}

impl NpyFile {
    /// Opens a file, and checks its header and its length.
    ///
    /// # Errors
    /// If the file cannot be mapped, is not an `.npy` file, or is not a row-major array of a
    /// [`Dtype`]; if its length does not match its shape.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NpyError> {
        let path = path.as_ref();
        let name = || path.to_owned();
        let file =
            MappedFile::open(path).map_err(|source| NpyError::Io { file: name(), source })?;
        let (header, start) = read_header(path, file.bytes())?;

        let size = header.dtype.size() as u64;
        let length = header.shape.iter().try_fold(size, |bytes, &n| bytes.checked_mul(n as u64));
        let end = length.and_then(|length| length.checked_add(start)).unwrap_or(u64::MAX);
        if end != file.len() {
            let (shape, found) = (header.shape, file.len());
            return Err(NpyError::Length { file: name(), shape, expected: end, found });
        }
        Ok(Self { file, header, data: start..end })
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.header.dtype
    }

    /// The lengths of the dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// The elements in row-major order. They are borrowed from the file if it is aligned, else
    /// copied. `T` must be the type that [`dtype`](Self::dtype) names.
    ///
    /// # Errors
    /// If the data is not aligned and there is no memory for a copy.
    ///
    /// # Panics
    /// If the size of `T` is not that of the elements.
    pub fn values<T: Element>(&self) -> io::Result<Cow<'_, [T]>> {
        assert_eq!(size_of::<T>(), self.header.dtype.size(), "elements are {}", self.header.dtype);
        self.file.elements(self.data.clone())
    }

    /// The file and the range of its elements.
    pub(crate) fn into_parts(self) -> (MappedFile, Range<u64>) {
        (self.file, self.data)
    }
}

/// The header, and the start of the data.
fn read_header(path: &Path, bytes: &[u8]) -> Result<(Header, u64), NpyError> {
    let file = || path.to_owned();
    if !bytes.starts_with(MAGIC) || bytes.len() < PREFIX {
        return Err(NpyError::NotNpy { file: file() });
    }
    let rest = &bytes[PREFIX..];
    let (length, rest) = match (bytes[6], bytes[7]) {
        (1, 0) => {
            rest.split_first_chunk().map(|(n, rest)| (u32::from(u16::from_le_bytes(*n)), rest))
        }
        (2 | 3, 0) => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n), rest)),
        found => return Err(NpyError::Version { file: file(), found }),
    }
    .ok_or_else(|| NpyError::NotNpy { file: file() })?;

    let limit = MAX_HEADER.min(rest.len() as u64);
    let found = u64::from(length);
    if found > limit {
        return Err(NpyError::HeaderLength { file: file(), found, limit });
    }
    // The bytes are copied, so that a change of the file cannot come between check and use.
    let header = String::from_utf8_lossy(&rest[..length as usize]).into_owned();
    let header = Header::from_dict(&header).map_err(|(field, expected, found)| {
        NpyError::Header { file: file(), field, expected, found }
    })?;
    let start = (bytes.len() - rest.len()) as u64 + found;
    Ok((header, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::write::write;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn opened(bytes: &[u8]) -> Result<NpyFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, bytes).unwrap();
        NpyFile::open(&path).map_err(|error| {
            let message = error.to_string();
            assert!(message.contains("x.npy"), "{message}");
            message
        })
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, &array![[1.0, -2.0], [0.5, f32::INFINITY]]).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_reads_back() {
        let file = opened(&written()).unwrap();
        assert_eq!(file.shape(), [2, 2]);
        assert_eq!(*file.values::<f32>().unwrap(), [1.0, -2.0, 0.5, f32::INFINITY]);
        let empty = Array2::<f32>::zeros((0, 640));
        let mut bytes = Vec::new();
        write(&mut bytes, &empty).unwrap();
        assert_eq!(opened(&bytes).unwrap().shape(), [0, 640]);
    }

    #[test]
    fn later_versions_are_read() {
        let dict = "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }\n";
        for version in [2, 3] {
            let mut bytes = [&MAGIC[..], &[version, 0]].concat();
            bytes.extend((dict.len() as u32).to_le_bytes());
            bytes.extend(dict.as_bytes());
            bytes.extend([0x00, 0x3C, 0x00, 0xC0]);
            let file = opened(&bytes).unwrap();
            let values = file.values::<half::f16>().unwrap();
            assert_eq!(values.iter().map(|x| x.to_f32()).collect::<Vec<_>>(), [1.0, -2.0]);
        }
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let whole = written();
        for end in 0..whole.len() {
            opened(&whole[..end]).unwrap_err();
        }
        let message = opened(&whole[..whole.len() - 1]).unwrap_err();
        assert!(message.ends_with("expected 144 bytes for shape [2, 2], found 143"), "{message}");
        let message = opened(&[&whole[..], &[0]].concat()).unwrap_err();
        assert!(message.ends_with("found 145"), "{message}");
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let dict = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({0}, {0}), }}",
            usize::MAX
        );
        let mut bytes = [&MAGIC[..], &[1, 0]].concat();
        bytes.extend((dict.len() as u16).to_le_bytes());
        bytes.extend(dict.as_bytes());
        let message = opened(&bytes).unwrap_err();
        assert!(message.contains(&format!("expected {} bytes", u64::MAX)), "{message}");
    }

    #[test]
    fn other_files_are_refused() {
        let mut bytes = written();
        bytes[6] = 4;
        assert!(opened(&bytes).unwrap_err().contains("found 4.0"));
        bytes[0] = b'P';
        assert!(opened(&bytes).unwrap_err().contains("not an .npy file"));
        let mut bytes = written();
        bytes[8..10].copy_from_slice(&[0xFF, 0xFF]);
        assert!(
            opened(&bytes).unwrap_err().contains("header of 65535 bytes: expected at most 134")
        );
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_an_array(at in 0usize..144, byte in any::<u8>()) {
            let mut bytes = written();
            bytes[at] = byte;
            if let Ok(file) = opened(&bytes) {
                let values = file.shape().iter().product::<usize>();
                prop_assert_eq!(values * file.dtype().size(), 16);
            }
        }
    }
}
