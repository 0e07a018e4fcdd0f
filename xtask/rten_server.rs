//! Runs forwards of rten on request, as `forward_server` does ours: `rten_server FOLDER THREADS`.
//!
//! No package of the workspace has this program: `cargo xtask peers` writes one for it, with the version of rten.

use std::path::Path;
use std::sync::Arc;

use align_benches::{Engine, serve};
use align_model::AlignConfig;
use anyhow::{Context, Result};
use ndarray::{Array2, Array4};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::{AsView, NdTensorView, Tensor};

struct Rten {
    image: Model,
    text: Model,
    threads: Arc<ThreadPool>,
}

impl Rten {
    fn load(folder: &Path, threads: usize) -> Result<Self> {
        let tower = |name| {
            let mut options = ModelOptions::with_all_ops();
            options.prepack_weights(true);
            options.load_file(folder.join(name)).with_context(|| String::from(name))
        };
        let threads = Arc::new(ThreadPool::with_num_threads(threads));
        Ok(Self { image: tower("image.onnx")?, text: tower("text.onnx")?, threads })
    }

    fn features(&self, model: &Model, inputs: Vec<(NodeId, ValueOrView)>) -> Result<Vec<f32>> {
        let mut options = RunOptions::default();
        options.thread_pool = Some(self.threads.clone());
        let [features] = model.run_n(inputs, [model.node_id("features")?], Some(options))?;
        let features: Tensor<f32> = features.try_into()?;
        Ok(features.to_vec())
    }
}

impl Engine for Rten {
    fn image_features(&self, pixels: &Array4<f32>) -> Result<Vec<f32>> {
        let (n, channels, height, width) = pixels.dim();
        let values = pixels.as_slice().context("pixels are contiguous")?;
        let pixels = NdTensorView::from_data([n, channels, height, width], values);
        self.features(&self.image, vec![(self.image.node_id("pixel_values")?, pixels.into())])
    }

    fn text_features(&self, ids: &Array2<i64>, mask: &Array2<i64>) -> Result<Vec<f32>> {
        // What is int64 in ONNX is i32 in rten.
        let input = |name: &str, values: &Array2<i64>| -> Result<(NodeId, ValueOrView)> {
            let small: Vec<i32> = values.iter().map(|&value| value as i32).collect();
            let value: Value = Tensor::from_data(&[values.nrows(), values.ncols()], small).into();
            Ok((self.text.node_id(name)?, value.into()))
        };
        self.features(&self.text, vec![input("input_ids", ids)?, input("attention_mask", mask)?])
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("the folder of the checkpoint is missing")?;
    let threads = arguments.next().context("the number of threads is missing")?.parse()?;
    let engine = Rten::load(folder.as_ref(), threads)?;
    serve(env!("RTEN_VERSION"), &AlignConfig::from_pretrained(&folder)?, &engine)
}
