//! Operations on the rows of embeddings. Rows are few and short, so plain f64 loops serve; a
//! row's result depends on that row alone.

use ndarray::Array2;

/// Divides each row by its Euclidean length. No epsilon: a row of zeros becomes NaN, as in the
/// original.
pub fn l2_normalize(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        row.mapv_inplace(|x| (f64::from(x) / length) as f32);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_become_unit_length_each_by_itself() {
        let unit = l2_normalize(array![[3.0, 4.0], [-1e-30, 0.0], [1e30, 1e30]]);
        assert_eq!(unit.row(0), array![0.6, 0.8]);
        assert_eq!(unit.row(1), array![-1.0, 0.0]);
        assert_eq!(unit.row(2), array![0.5_f32.sqrt(), 0.5_f32.sqrt()]);
        assert!(l2_normalize(array![[0.0, 0.0]]).iter().all(|x| x.is_nan()));
    }
}
