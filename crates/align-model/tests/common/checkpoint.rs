// A complete checkpoint folder for tests: the tiny synthetic model with a processor beside it.
// The doctests and the program's tests include this file too, hence no inner documentation.

use align_model::synthetic::{SyntheticModel, SyntheticValues};
use safetensors::{Dtype, tensor::TensorView};
use std::path::Path;

/// Images are cropped to 33 x 33, so that a forward takes a moment; 12 words are known.
pub(crate) fn write_checkpoint(folder: &Path) {
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

/// Writes `model.safetensors`, each F32 tensor after `change` has seen its name and values.
pub(crate) fn write_weights(folder: &Path, change: impl Fn(&str, &mut Vec<f32>)) {
    let tensors = SyntheticModel::Tiny.tensors().into_iter().map(|tensor| {
        let (dtype, bytes): (_, Vec<u8>) = match tensor.values(7) {
            SyntheticValues::F32(mut values) => {
                change(&tensor.name, &mut values);
                (Dtype::F32, values.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            SyntheticValues::I64(values) => {
                (Dtype::I64, values.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
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
