//! Similarity of embeddings: unit length, inner products, cosines, logits and their softmax.
//!
//! The cosine of two vectors of unit length is their inner product. A logit is a cosine divided by
//! the model's temperature. The softmax over the logits of one image is the probability of each
//! text for that image.
//!
//! Each row is computed on its own: a result has the same bits in any batch and on any number of
//! threads.

use align_tensor::{Epilogue, Isa, PackedWeights, Runtime, Team, gemm, softmax_rows};
use ndarray::{Array2, ArrayView1, ArrayView2};
use std::fmt;

/// Euclidean length of a vector, computed in `f64`.
///
/// The squares are added from the first element to the last.
///
/// ```
/// use align_model::ndarray::array;
/// use align_model::similarity::length;
///
/// assert_eq!(length(array![3.0, 4.0].view()), 5.0);
/// ```
pub fn length(vector: ArrayView1<'_, f32>) -> f64 {
    vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// Divides each row of `rows [n, k]` by its [`length`].
///
/// There is no epsilon in the divisor, as in the original model: a row of zeros becomes NaN.
///
/// ```
/// use align_model::ndarray::array;
/// use align_model::similarity::l2_normalize;
///
/// assert_eq!(l2_normalize(array![[3.0, 4.0], [0.0, -2.0]]), array![[0.6, 0.8], [0.0, -1.0]]);
/// ```
pub fn l2_normalize(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let length = length(row.view());
        row.mapv_inplace(|x| (f64::from(x) / length) as f32);
    }
    rows
}

/// Inner product of two vectors, computed in `f64`: their cosine, if both have unit length.
///
/// Products are added in the order of `ndarray`'s `dot`, which keeps several
/// partial sums. The inner product of a vector with itself can therefore differ from the square of
/// its [`length`] in the last bits.
///
/// ```
/// use align_model::ndarray::array;
/// use align_model::similarity::inner_product;
///
/// let (a, b) = (array![0.5_f32, 2.0], array![4.0_f64, -1.0]);
/// assert_eq!(inner_product(a.view(), b.view()), 0.0);
/// ```
///
/// # Panics
/// If the vectors have different numbers of elements.
pub fn inner_product<A, B>(a: ArrayView1<'_, A>, b: ArrayView1<'_, B>) -> f64
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
{
    a.mapv(Into::into).dot(&b.mapv(Into::into))
}

/// Embeddings packed once, for inner products with many queries.
///
/// ```
/// use align_model::Runtime;
/// use align_model::ndarray::array;
/// use align_model::similarity::PackedEmbeddings;
///
/// let runtime = Runtime::new()?;
/// let items = array![[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]];
/// let packed = PackedEmbeddings::from_rows(runtime.isa, items.view());
/// let mut products = [0.0; 3];
/// let query = array![[0.0, 1.0]];
/// runtime.threads.gather(|team| packed.inner_products(team, query.view(), &mut products));
/// assert_eq!(products, [0.0, 1.0, 0.8]);
/// # Ok::<(), align_model::IsaError>(())
/// ```
pub struct PackedEmbeddings {
    /// `None` if there are no values: an empty matrix cannot be packed.
    matrix: Option<PackedWeights>,
    rows: usize,
    width: usize,
}

impl PackedEmbeddings {
    /// Packs `rows [n, k]`, in any memory layout, for one instruction set.
    pub fn from_rows(isa: Isa, rows: ArrayView2<'_, f32>) -> Self {
        let (n, k) = rows.dim();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("standard layout is contiguous");
        let matrix = (!rows.is_empty()).then(|| PackedWeights::pack(isa, rows, n, k));
        Self { matrix, rows: n, width: k }
    }

    /// Number of embeddings, `n`.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no embeddings.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Values of one embedding, `k`.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes the inner product of each of `queries [m, k]` with each embedding to `products`,
    /// which is `[m, n]`, row-major. The threads of `team` share the work.
    ///
    /// A product has the same bits however the queries are split between calls.
    ///
    /// # Panics
    /// If the queries do not have [`width`](Self::width) columns or `products` does not have
    /// `m * n` elements.
    pub fn inner_products(
        &self,
        team: &Team<'_>,
        queries: ArrayView2<'_, f32>,
        products: &mut [f32],
    ) {
        assert_eq!(queries.ncols(), self.width, "queries must be as wide as the embeddings");
        assert_eq!(products.len(), queries.nrows() * self.rows, "one product for each pair");
        let queries = queries.as_standard_layout();
        let queries = queries.as_slice().expect("standard layout is contiguous");
        match &self.matrix {
            Some(matrix) => gemm(team, queries, matrix, Epilogue::default(), products),
            None => products.fill(0.0),
        }
    }
}

impl fmt::Debug for PackedEmbeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedEmbeddings")
            .field("rows", &self.rows)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

/// Cosines `[m, n]` of all pairs of rows of `a [m, k]` and `b [n, k]`, all of unit length: `a b^T`.
///
/// ```
/// use align_model::Runtime;
/// use align_model::ndarray::array;
/// use align_model::similarity::{cosines, l2_normalize};
///
/// let (a, b) = (array![[2.0, 0.0]], array![[5.0, 0.0], [0.0, 1.0]]);
/// let (a, b) = (l2_normalize(a), l2_normalize(b));
/// assert_eq!(cosines(&Runtime::new()?, a.view(), b.view()), array![[1.0, 0.0]]);
/// # Ok::<(), align_model::IsaError>(())
/// ```
///
/// # Panics
/// If `a` and `b` have different numbers of columns.
pub fn cosines(runtime: &Runtime, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
    let packed = PackedEmbeddings::from_rows(runtime.isa, b);
    let mut cosines = Array2::zeros((a.nrows(), packed.len()));
    let products = cosines.as_slice_mut().expect("a new array is contiguous");
    runtime.threads.gather(|team| packed.inner_products(team, a, products));
    cosines
}

/// Logits `[m, n]`: the [`cosines`] of `a [m, k]` and `b [n, k]`, divided by `temperature`.
///
/// The result is `logits_per_image` of the original model if `a` holds images and `b` texts.
///
/// # Panics
/// If `a` and `b` have different numbers of columns.
pub fn logits(
    runtime: &Runtime,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    temperature: f32,
) -> Array2<f32> {
    cosines(runtime, a, b) / temperature
}

/// Softmax of each row of `logits [m, n]`: `[m, n]`, each row with the sum 1.
///
/// ```
/// use align_model::Runtime;
/// use align_model::ndarray::array;
/// use align_model::similarity::softmax;
///
/// let logits = array![[1.0, 1.0], [-900.0, 900.0]];
/// assert_eq!(softmax(Runtime::new()?.isa, logits.view()), array![[0.5, 0.5], [0.0, 1.0]]);
/// # Ok::<(), align_model::IsaError>(())
/// ```
pub fn softmax(isa: Isa, logits: ArrayView2<'_, f32>) -> Array2<f32> {
    let (rows, width) = logits.dim();
    let mut probabilities = logits.iter().copied().collect::<Vec<_>>();
    if width > 0 {
        softmax_rows(isa, &mut probabilities, width);
    }
    Array2::from_shape_vec((rows, width), probabilities).expect("one probability for each logit")
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

    #[test]
    fn transposed_views_and_blocks_of_queries_change_nothing() {
        let values = |n, k| Array2::from_shape_fn((n, k), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
        let (queries, items) = (values(5, 9), values(4, 9));
        let (queries_t, items_t) = (queries.t().to_owned(), items.t().to_owned());
        for isa in Isa::available() {
            let runtime = Runtime::new().unwrap().with_isa(isa);
            let whole = cosines(&runtime, queries.view(), items.view());
            assert_eq!(whole, queries.dot(&items.t()));
            assert_eq!(cosines(&runtime, queries_t.t(), items_t.t()), whole);
            let packed = PackedEmbeddings::from_rows(isa, items.view());
            let mut products = vec![0.0; packed.len()];
            for (query, expected) in queries.outer_iter().zip(whole.outer_iter()) {
                let query = query.insert_axis(ndarray::Axis(0));
                runtime.threads.gather(|team| packed.inner_products(team, query, &mut products));
                assert_eq!(products, expected.to_vec());
            }
        }
    }

    #[test]
    fn inner_products_are_those_of_widened_vectors() {
        let (a, b) = (array![0.1_f32, 0.2, 0.3], array![0.7_f32, -0.6, 0.5]);
        let wide = |v: &ndarray::Array1<f32>| v.mapv(f64::from);
        assert_eq!(inner_product(a.view(), b.view()), wide(&a).dot(&wide(&b)));
        assert_eq!(inner_product(a.view(), wide(&b).view()), wide(&a).dot(&wide(&b)));
    }

    #[test]
    fn no_rows_and_no_columns_are_allowed() {
        let isa = Isa::best();
        assert_eq!(softmax(isa, Array2::zeros((2, 0)).view()).dim(), (2, 0));
        assert_eq!(softmax(isa, Array2::zeros((0, 3)).view()).dim(), (0, 3));
        assert!(PackedEmbeddings::from_rows(isa, Array2::zeros((0, 3)).view()).is_empty());
        let runtime = Runtime::new().unwrap();
        let shape = |a: (usize, usize), b: (usize, usize)| {
            cosines(&runtime, Array2::zeros(a).view(), Array2::zeros(b).view())
        };
        assert_eq!(shape((2, 3), (0, 3)).dim(), (2, 0));
        assert_eq!(shape((0, 3), (2, 3)).dim(), (0, 2));
        assert_eq!(shape((1, 0), (2, 0)), array![[0.0, 0.0]]);
    }
}
