//! Golden files: the inputs of a call, the oracle's outputs in f64 and the errors of its own f32
//! run.

use ndarray::{Array, Array2, Array4, ArrayBase, Data, Dimension};
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A golden file in memory.
pub struct Golden {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl Golden {
    /// Reads the file at `path`.
    pub fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
        let own = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            let tensor = Tensor {
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
            };
            (name, tensor)
        };
        Self { path: path.to_owned(), tensors: tensors.into_iter().map(own).collect() }
    }

    /// All golden files of a checkpoint folder, in order.
    pub fn all(folder: &Path) -> Vec<Self> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("golden"))
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "no golden file in {}", folder.display());
        paths.iter().map(|path| Self::open(path)).collect()
    }

    /// Whether the file has a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn elements<const SIZE: usize, T>(
        &self,
        name: &str,
        dtype: Dtype,
        read: fn([u8; SIZE]) -> T,
    ) -> Option<(&[usize], Vec<T>)> {
        let tensor = self.tensors.get(name)?;
        assert_eq!(tensor.dtype, dtype, "{name}");
        let elements = tensor.bytes.chunks_exact(SIZE).map(|b| read(b.try_into().unwrap()));
        Some((&tensor.shape, elements.collect()))
    }

    /// An integer input, such as token ids. A single row that applies to every text is repeated.
    pub fn ids(&self, name: &str) -> Option<Array2<i64>> {
        let (shape, elements) = self.elements(name, Dtype::I64, i64::from_le_bytes)?;
        let ids = Array2::from_shape_vec([shape[0], shape[1]], elements).unwrap();
        let texts = self.tensors["input_ids"].shape[0];
        Some(ids.broadcast([texts, shape[1]]).unwrap().to_owned())
    }

    /// The images of the call, `[N, C, H, W]`.
    pub fn pixel_values(&self) -> Option<Array4<f32>> {
        let (shape, elements) = self.elements("pixel_values", Dtype::F32, f32::from_le_bytes)?;
        let shape: [usize; 4] = shape.try_into().unwrap();
        Some(Array4::from_shape_vec(shape, elements).unwrap())
    }

    /// All elements of an F32 input.
    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.elements(name, Dtype::F32, f32::from_le_bytes).unwrap().1
    }

    fn f64s(&self, name: &str) -> Option<(&[usize], Vec<f64>)> {
        self.elements(name, Dtype::F64, f64::from_le_bytes)
    }

    /// All elements of an output of the oracle in f64.
    pub fn truth(&self, name: &str) -> Vec<f64> {
        self.f64s(name).unwrap_or_else(|| panic!("no {name}")).1
    }

    fn scalar(&self, name: &str) -> f64 {
        self.f64s(name).unwrap_or_else(|| panic!("no {name}")).1[0]
    }

    /// Begins a comparison of outputs with this file.
    pub fn compare(&self) -> Comparison<'_> {
        Comparison { golden: self, compared: BTreeSet::new(), report: String::new(), failed: false }
    }
}

/// Compares outputs with a golden file, one after another.
///
/// The truth is the oracle in f64, and the scale is the error of the oracle's own f32 run. Our
/// error may be at most twice as large, plus a floor. This holds for the largest and for the
/// root-mean-square error.
///
/// The floor is needed because any f32 result is a rounded number, with an error of up to half a
/// unit in the last place of the tensor's largest magnitude. On a tensor of a few elements, the
/// oracle's error consists of a few lucky roundings, or is zero. Two units cover a handful of
/// roundings.
pub struct Comparison<'g> {
    golden: &'g Golden,
    compared: BTreeSet<String>,
    report: String,
    failed: bool,
}

/// The floor, relative to the tensor's largest magnitude.
const FLOOR: f64 = 2.0 * f32::EPSILON as f64;

impl Comparison<'_> {
    /// Compares an array with the tensor `name`.
    pub fn check<S: Data<Elem = f32>, D: Dimension>(&mut self, name: &str, ours: &ArrayBase<S, D>) {
        let values: Vec<f32> = ours.iter().copied().collect();
        self.check_values(name, ours.shape(), &values);
    }

    /// Compares a list of arrays with the tensors `name.0`, `name.1` and so on.
    pub fn check_all<S: Data<Elem = f32>, D: Dimension>(
        &mut self,
        name: &str,
        ours: &[ArrayBase<S, D>],
    ) {
        for (i, ours) in ours.iter().enumerate() {
            self.check(&format!("{name}.{i}"), ours);
        }
        let next = format!("{name}.{}", ours.len());
        assert!(!self.golden.contains(&next), "{name}: the oracle has more than {}", ours.len());
    }

    /// Compares logits with the tensor `name`.
    ///
    /// A cosine is a sum with cancellation: rounding affects the elements of two vectors of length
    /// 1, however small the sum is. So the magnitude for the floor is that of a cosine of 1.
    pub fn check_logits(&mut self, name: &str, ours: &Array2<f32>, temperature: f32) {
        let values: Vec<f32> = ours.iter().copied().collect();
        self.hold(name, name, ours.shape(), &values, 1.0 / f64::from(temperature.abs()));
    }

    /// Compares one number with the tensor `name`.
    pub fn check_scalar(&mut self, name: &str, ours: f32) {
        self.check_values(name, &[], &[ours]);
    }

    fn check_values(&mut self, name: &str, shape: &[usize], ours: &[f32]) {
        let largest = self.largest(name);
        self.hold(name, name, shape, ours, largest);
    }

    /// Compares some elements of an array with `sample.name`, and its mean with `mean.name`.
    ///
    /// The errors in a golden file are those of the whole array, which bound those of a sample. The
    /// error of the mean is at most the root mean square of the errors.
    pub fn check_sample<D: Dimension>(
        &mut self,
        name: &str,
        whole: &Array<f32, D>,
        sample: &[f32],
    ) {
        let sampled = format!("sample.{name}");
        let largest = self.largest(&sampled);
        self.hold(&sampled, name, &[sample.len()], sample, largest);
        let mean = whole.iter().map(|&x| f64::from(x)).sum::<f64>() / whole.len() as f64;
        let averaged = format!("mean.{name}");
        let error = (mean - self.golden.scalar(&averaged)).abs();
        self.bound(&averaged, "rms", name, error, largest);
        self.compared.insert(averaged);
    }

    /// The largest magnitude in a tensor of the golden file.
    fn largest(&self, name: &str) -> f64 {
        let (_, truth) = self.golden.f64s(name).unwrap_or_else(|| panic!("no {name}"));
        truth.iter().fold(0.0, |max, x| x.abs().max(max))
    }

    /// Compares elements with those of the tensor `name`, by the oracle's errors of `scale`.
    fn hold(&mut self, name: &str, scale: &str, shape: &[usize], ours: &[f32], largest: f64) {
        let (expected_shape, truth) = self.golden.f64s(name).unwrap();
        assert_eq!(shape, expected_shape, "{}: shape of {name}", self.golden.path.display());
        let errors: Vec<f64> =
            ours.iter().zip(&truth).map(|(&o, &t)| (f64::from(o) - t).abs()).collect();
        // `f64::max` passes NaN over, and a NaN must fail.
        let max = errors.iter().fold(0.0, |a: f64, &b| if b <= a || a.is_nan() { a } else { b });
        let mean_square = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
        self.bound(name, "err", scale, max, largest);
        self.bound(name, "rms", scale, mean_square.sqrt(), largest);
        self.compared.insert(name.to_owned());
    }

    /// Compares our error with twice the oracle's plus the floor.
    fn bound(&mut self, name: &str, kind: &str, scale: &str, ours: f64, largest: f64) {
        let oracle = self.golden.scalar(&format!("{kind}.{scale}"));
        let bound = 2.0 * oracle + FLOOR * largest;
        let within = ours <= bound;
        self.failed |= !within;
        self.report += &format!(
            "{kind} {name}: ours {ours:.2e}, oracle's f32 {oracle:.2e}, bound {bound:.2e}{}\n",
            if within { "" } else { "  <-- too far" }
        );
    }

    /// Fails if an error was too large, or an output of the oracle was not compared.
    pub fn finish(self) {
        let left_out: Vec<_> = self
            .golden
            .tensors
            .iter()
            .filter(|(name, tensor)| {
                tensor.dtype == Dtype::F64
                    && !name.starts_with("err.")
                    && !name.starts_with("rms.")
                    && !self.compared.contains(*name)
            })
            .map(|(name, _)| name)
            .collect();
        let path = self.golden.path.display();
        assert!(left_out.is_empty(), "{path}: not compared: {left_out:?}");
        assert!(!self.failed, "{path}:\n{}", self.report);
    }
}
