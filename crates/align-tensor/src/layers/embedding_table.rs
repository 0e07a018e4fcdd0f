//! Tables of vectors, looked up by row.

use crate::load::checkpoint::{CheckpointError, Weights};
use crate::number::{Precision, ValueFormat, bf16};

/// A table `[rows, width]`: in bf16 where products are of bf16 too, which halves its memory, else
/// in `f32`.
#[derive(Clone, Debug)]
pub struct Table {
    width: usize,
    rows: Rows,
}

#[derive(Clone, Debug)]
enum Rows {
    F32(Vec<f32>),
    Bf16(Vec<u16>),
}

impl Table {
    /// Loads `weight [rows, width]` of a module.
    ///
    /// # Errors
    /// Where it is missing or has another shape or type.
    pub fn load(
        precision: Precision,
        module: &Weights<'_>,
        [rows, width]: [usize; 2],
    ) -> Result<Self, CheckpointError> {
        let values = module.values("weight", &[rows, width])?;
        let rows = match precision.value_format() {
            ValueFormat::F32 => Rows::F32(values.into_f32().into_owned()),
            ValueFormat::Bf16 => {
                let mut rounded = Vec::with_capacity(values.len());
                let mut row = vec![0.0; width];
                for index in 0..rows {
                    values.widen(index * width, &mut row);
                    rounded.extend(row.iter().map(|&x| bf16::round(x)));
                }
                Rows::Bf16(rounded)
            }
        };
        module.release("weight");
        Ok(Self { width, rows })
    }

    /// Writes row `index` to `to`.
    ///
    /// # Panics
    /// Where there is no such row, or `to` has not the table's width.
    pub fn copy_row(&self, index: usize, to: &mut [f32]) {
        self.combine(index, to, |_, x| x);
    }

    /// Adds row `index` to `to`.
    ///
    /// # Panics
    /// As [`copy_row`](Self::copy_row).
    pub fn add_row(&self, index: usize, to: &mut [f32]) {
        self.combine(index, to, |sum, x| sum + x);
    }

    fn combine(&self, index: usize, to: &mut [f32], f: impl Fn(f32, f32) -> f32) {
        assert_eq!(to.len(), self.width, "a row of the table's width");
        let range = index * self.width..(index + 1) * self.width;
        match &self.rows {
            Rows::F32(rows) => {
                to.iter_mut().zip(&rows[range]).for_each(|(to, &x)| *to = f(*to, x));
            }
            Rows::Bf16(rows) => {
                to.iter_mut().zip(&rows[range]).for_each(|(to, &x)| *to = f(*to, bf16::widen(x)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::checkpoint::TensorSource;
    use std::borrow::Cow;

    struct Source;

    impl TensorSource for Source {
        fn tensor(&self, _: &str, _: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
            Ok(vec![1.0, 1.001, -3.0, 0.1].into())
        }

        fn contains(&self, _: &str) -> bool {
            true
        }
    }

    #[test]
    fn rows_are_rounded_with_the_products() {
        let source = Source;
        for precision in Precision::ALL {
            let table = Table::load(precision, &Weights::new(&source), [2, 2]).unwrap();
            let mut row = [0.0; 2];
            table.copy_row(0, &mut row);
            table.add_row(1, &mut row);
            // 0.1 is 1.6 / 16, and 1.6 in steps of 2^-7 is 1.6015625.
            let rounded = [1.0 - 3.0, 1.0 + 0.100_097_656];
            let exact = [1.0 - 3.0, 1.001 + 0.1];
            let rounds = matches!(precision, Precision::Bf16 | Precision::Int8);
            assert_eq!(row, if rounds { rounded } else { exact }, "{precision}");
        }
    }
}
