//! A complete checkpoint folder: the tiny synthetic model and a processor.

use align_synthetic::SyntheticModel;
use safetensors::{Dtype, tensor::TensorView};
use std::path::Path;

/// Writes a whole checkpoint. Images are cropped to 33 x 33, so that a forward is fast. The
/// vocabulary has 12 words.
pub fn write_checkpoint(folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("config.json", SyntheticModel::Tiny.config_json());
    write(
        "preprocessor_config.json",
        r#"{"size": {"height": 40, "width": 40}, "crop_size": {"height": 33, "width": 33},
            "do_center_crop": true, "resample": 2, "rescale_factor": 0.00784313725490196,
            "rescale_offset": true, "do_normalize": false, "include_top": false}"#,
    );
    write(
        "tokenizer_config.json",
        r#"{"tokenizer_class": "BertTokenizer", "do_lower_case": true}"#,
    );
    write(
        "vocab.txt",
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nphoto\nof\ncat\ndog\nthe\nno\nred\nblue\n##s\n,\n.\n",
    );
    write_weights(folder, |_, _| ());
}

/// Writes `model.safetensors`. `change` may change each F32 tensor, by its name.
pub fn write_weights(folder: &Path, change: impl Fn(&str, &mut Vec<f32>)) {
    let tensors = SyntheticModel::Tiny.tensors().into_iter().map(|tensor| {
        let mut values = tensor.values(7);
        let (dtype, bytes): (_, Vec<u8>) = if tensor.is_integer() {
            (Dtype::I64, values.iter().flat_map(|&x| (x as i64).to_le_bytes()).collect())
        } else {
            change(&tensor.name, &mut values);
            (Dtype::F32, values.iter().flat_map(|x| x.to_le_bytes()).collect())
        };
        (tensor.name, dtype, tensor.shape, bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let path = folder.join("model.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
}
