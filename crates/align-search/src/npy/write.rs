//! Writing of `.npy` files.

use super::dtype::Dtype;
use super::header::{Header, MAGIC};
use ndarray::{ArrayBase, Data, Dimension};
use std::io::{self, Write};

/// The length of magic bytes, version and header length.
const PREFIX: usize = 10;

/// The alignment of the data.
const ALIGNMENT: usize = 64;

/// Writes an array of any shape as row-major, little-endian f32.
///
/// # Errors
/// If `out` cannot be written.
pub fn write<S: Data<Elem = f32>, D: Dimension>(
    out: &mut impl Write,
    array: &ArrayBase<S, D>,
) -> io::Result<()> {
    write_header(out, Dtype::F32, array.shape())?;
    array.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
}

/// Writes the header of an array of this type and shape. The caller then writes the elements,
/// row-major and little-endian.
///
/// # Errors
/// If `out` cannot be written, or the shape has thousands of dimensions.
pub fn write_header(out: &mut impl Write, dtype: Dtype, shape: &[usize]) -> io::Result<()> {
    let mut header = Header { dtype, shape: shape.to_vec() }.to_dict();
    let end = (PREFIX + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.extend(std::iter::repeat_n(' ', end - PREFIX - header.len() - 1));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array, Array0, Array1, array};

    fn bytes<D: Dimension>(array: &Array<f32, D>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, array).unwrap();
        bytes
    }

    #[test]
    fn a_file_is_what_numpy_saves() {
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
        expected.resize(127, b' ');
        expected.push(b'\n');
        for value in [1.0f32, -2.0, 3.0, f32::NAN, f32::INFINITY, 0.5] {
            expected.extend(value.to_le_bytes());
        }
        let array = array![[1.0, -2.0, 3.0], [f32::NAN, f32::INFINITY, 0.5]];
        assert_eq!(bytes(&array), expected);
        // The file is row-major for any layout in memory.
        let transposed = array.t().as_standard_layout().into_owned();
        let mut again = Vec::new();
        write(&mut again, &transposed.t()).unwrap();
        assert_eq!(again, expected);
    }

    #[test]
    fn any_number_of_dimensions_is_a_tuple() {
        for (shape, expected) in [
            (&[][..], "()"),
            (&[5], "(5,)"),
            (&[0, 640], "(0, 640)"),
            (&[1, 3, 289, 289], "(1, 3, 289, 289)"),
        ] {
            let dict = Header { dtype: Dtype::F32, shape: shape.to_vec() }.to_dict();
            assert!(dict.contains(&format!("'shape': {expected}, ")), "{shape:?}");
        }
        assert_eq!(bytes(&Array0::from_elem((), 7.0)).len(), 128 + 4);
        assert_eq!(bytes(&Array1::zeros(5)).len(), 128 + 20);
    }
}
