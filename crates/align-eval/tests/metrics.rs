//! Metrics compared with NumPy and scikit-learn. The golden files are in `fixtures/eval`.

use align_eval::metrics::{
    Confusion, LinearProbe, LinearProbeOptions, knn_predictions, label_ranks, predictions,
    recall_at_k, retrieval_ranks, top_k_accuracy,
};
use align_tensor::{Isa, Runtime};
use ndarray::{Array1, Array2, ArrayView1};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::path::{Path, PathBuf};

/// A golden file.
struct Golden {
    name: String,
    bytes: Vec<u8>,
}

impl Golden {
    /// The golden files of a task.
    fn for_task(task: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/eval");
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let goldens: Vec<_> = paths
            .iter()
            .filter(|path| name(path).starts_with(&format!("{task}.")))
            .map(|path| Self { name: name(path), bytes: std::fs::read(path).unwrap() })
            .collect();
        assert!(goldens.len() > 1, "sets of {task}");
        goldens
    }

    fn with<R>(&self, tensor: &str, dtype: Dtype, read: impl FnOnce(TensorView<'_>) -> R) -> R {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let found =
            tensors.tensor(tensor).unwrap_or_else(|e| panic!("{}: {tensor}: {e}", self.name));
        assert_eq!(found.dtype(), dtype, "{tensor}");
        read(found)
    }

    fn f32s(&self, tensor: &str) -> Array2<f32> {
        self.with(tensor, Dtype::F32, |found| {
            let values = elements(found.data(), f32::from_le_bytes);
            Array2::from_shape_vec([found.shape()[0], found.shape()[1]], values).unwrap()
        })
    }

    fn f64s(&self, tensor: &str) -> Vec<f64> {
        self.with(tensor, Dtype::F64, |found| elements(found.data(), f64::from_le_bytes))
    }

    fn number(&self, tensor: &str) -> f64 {
        self.f64s(tensor)[0]
    }

    fn indices(&self, tensor: &str) -> Array1<usize> {
        self.with(tensor, Dtype::I64, |found| {
            let values = elements(found.data(), i64::from_le_bytes);
            values.into_iter().map(|x| usize::try_from(x).unwrap()).collect()
        })
    }
}

fn elements<const SIZE: usize, T>(bytes: &[u8], read: fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.chunks_exact(SIZE).map(|bytes| read(bytes.try_into().unwrap())).collect()
}

/// A runtime for every instruction set.
fn runtimes() -> Vec<Runtime> {
    let base = Runtime::new().unwrap();
    Isa::available().into_iter().map(|isa| base.clone().with_isa(isa)).collect()
}

#[test]
fn retrieval() {
    for golden in Golden::for_task("retrieval") {
        let (images, texts) = (golden.f32s("image_embeds"), golden.f32s("text_embeds"));
        let image_of_text = golden.indices("image_of_text");
        for runtime in runtimes() {
            let ranks =
                retrieval_ranks(&runtime, images.view(), texts.view(), image_of_text.view())
                    .unwrap();
            for (way, ranks) in
                [("image_to_text", ranks.image_to_text), ("text_to_image", ranks.text_to_image)]
            {
                let name = &golden.name;
                assert_eq!(ranks, golden.indices(&format!("{way}.ranks")).to_vec(), "{name}");
                for k in [1, 5, 10] {
                    assert_eq!(recall_at_k(&ranks, k), golden.number(&format!("{way}.r{k}")));
                }
            }
        }
    }
}

#[test]
fn classification() {
    for golden in Golden::for_task("classification") {
        let (scores, labels) = (golden.f32s("scores"), golden.indices("labels"));
        let (scores, labels, classes) = (scores.view(), labels.view(), scores.ncols());
        let ranks = label_ranks(scores, labels).unwrap();
        assert_eq!(ranks, golden.indices("ranks").to_vec(), "{}", golden.name);
        for k in [1, 5] {
            let accuracy = top_k_accuracy(scores, labels, k).unwrap();
            assert_eq!(accuracy, golden.number(&format!("acc{k}")));
        }
        let predicted = predictions(scores).unwrap();
        assert_eq!(predicted, golden.indices("predicted").to_vec());
        let confusion = Confusion::new(labels, ArrayView1::from(&predicted), classes).unwrap();
        assert_eq!(confusion.accuracy(), golden.number("acc1"));
        // Both sides add a dozen rounded quotients of at most 1, in different orders.
        let bound = 12.0 * f64::EPSILON;
        let difference = confusion.mean_per_class_recall() - golden.number("mean_per_class_recall");
        assert!(difference.abs() <= bound, "{}: {difference:e}", golden.name);
        let counts = golden.indices("confusion");
        for (index, &count) in counts.iter().enumerate() {
            assert_eq!(confusion.count(index / classes, index % classes), count);
        }
    }
}

#[test]
fn nearest_neighbours() {
    for golden in Golden::for_task("knn") {
        let (train, test) = (golden.f32s("train"), golden.f32s("test"));
        let labels = golden.indices("labels");
        for runtime in runtimes() {
            for k in [1, 5, 20] {
                let predicted =
                    knn_predictions(&runtime, train.view(), labels.view(), test.view(), k).unwrap();
                let expected = golden.indices(&format!("predicted.{k}"));
                assert_eq!(predicted, expected.to_vec(), "{}, {k}", golden.name);
            }
        }
    }
}

/// The objective is strongly convex around its optimum, so the distance of two points is at most the
/// sum of the lengths of their gradients over the least curvature. The factor 2 allows for slightly
/// less curvature between the points.
#[test]
fn linear_probes() {
    for golden in Golden::for_task("linear-probe") {
        let (train, labels) = (golden.f32s("train"), golden.indices("labels"));
        let (test, test_labels) = (golden.f32s("test"), golden.indices("test_labels"));
        let classes = labels.iter().max().unwrap() + 1;
        let defaults = LinearProbeOptions::default().with_c(golden.number("c"));
        for options in [defaults, defaults.with_tolerance(1e-10)] {
            let probe = LinearProbe::fit(
                &Runtime::new().unwrap(),
                train.view(),
                labels.view(),
                classes,
                &options,
            )
            .unwrap();

            // Adding a constant to all intercepts does not change the objective.
            let shift = match probe.intercepts().len() {
                1 => 0.0,
                _ => probe.intercepts().mean().unwrap(),
            };
            let mut ours = probe.weights().iter().copied().collect::<Vec<_>>();
            ours.extend(probe.intercepts().iter().map(|b| b - shift));
            let theirs = [golden.f64s("weights"), golden.f64s("intercepts")].concat();
            let pairs = ours.iter().zip(&theirs);
            let distance = pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            let gradients = probe.gradient_norm() + golden.number("gradient_norm");
            let bound = 2.0 * gradients / golden.number("least_curvature");
            assert!(distance <= bound, "{}: {distance:e} of {bound:e}", golden.name);

            // By convexity, the objective exceeds the optimum by at most the gradient times the
            // distance. Each objective is a sum of about a hundred rounded numbers.
            let objective = golden.number("objective");
            let above = probe.objective() - objective;
            let rounding = train.nrows() as f64 * f64::EPSILON * objective;
            assert!(above >= -rounding && above <= gradients * distance + rounding, "{above:e}");

            let scores = probe.scores(test.view()).unwrap();
            let predicted = predictions(scores.view()).unwrap();
            assert_eq!(predicted, golden.indices("predicted").to_vec(), "{}", golden.name);
            let accuracy = top_k_accuracy(scores.view(), test_labels.view(), 1).unwrap();
            assert_eq!(accuracy, golden.number("acc1"));
        }
    }
}
