//! Tiny fixtures as folders that the program can run.
//!
//! The program pads texts to 64 tokens and reads pictures in colour, and the fixtures have no processor. So a fixture is
//! copied with more positions and three colour channels, by repeating its own values. The two fixtures of one tower are
//! joined to one model.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

use crate::synth;

/// The number of tokens that the program pads a text to.
const POSITIONS: usize = 64;
const CHANNELS: usize = 3;

const POSITION_TABLE: &str = "text_model.embeddings.position_embeddings.weight";
/// Position numbers of old checkpoints; loading ignores them.
const POSITION_NUMBERS: &str = "text_model.embeddings.position_ids";
const STEM: &str = "vision_model.embeddings.convolution.weight";

/// Images of 33 by 33 pixels, so that a forward is quick.
const PREPROCESSOR: &str = r#"{
    "size": {"height": 40, "width": 40}, "crop_size": {"height": 33, "width": 33},
    "do_center_crop": true, "resample": 2, "rescale_factor": 0.00784313725490196,
    "rescale_offset": true, "do_normalize": false, "include_top": false
}
"#;

const TOKENIZER: &str = r#"{"tokenizer_class": "BertTokenizer", "do_lower_case": true}
"#;

/// 37 tokens: the smallest vocabulary of the tiny fixtures.
const VOCABULARY: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e f g h i j k l m n o p q r s t u \
    v w x y z photo of cat dog ##s ##e";

/// The tensors of one file by name.
type Tensors = BTreeMap<String, Tensor>;

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Copies a fixture of both towers to `folder`.
pub(super) fn copy(fixture: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for entry in fs::read_dir(fixture)? {
        let path = entry?.path();
        let name = path.file_name().context("a file has no name")?.to_string_lossy().into_owned();
        if name == "config.json" {
            let mut config: Value = serde_json::from_slice(&fs::read(&path)?)?;
            widen_config(&mut config);
            synth::write(folder, &name, &config.to_string())?;
        } else if name.starts_with("model") && name.ends_with(".safetensors") {
            let mut tensors = read(&path)?;
            widen(&mut tensors)?;
            save(&tensors, &folder.join(&name))?;
        } else if name.starts_with("model") {
            fs::copy(&path, folder.join(&name))?;
        }
    }
    write_processor(folder)
}

/// Joins a text tower and a vision tower to one model in `folder`.
pub(super) fn join(text: &Path, vision: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let config = |path: &Path| -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(path.join("config.json"))?)?)
    };
    let mut tensors = Tensors::new();
    for (prefix, tower) in [("text_model", text), ("vision_model", vision)] {
        let own = read(&tower.join("model.safetensors"))?;
        tensors.extend(own.into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)));
    }
    let hidden = tensors[POSITION_TABLE].shape[1];
    let projection = last_channels(&tensors).context("the vision tower has no block")?;
    tensors.insert("temperature".into(), f32s(&[], |_| 0.5));
    tensors.insert("text_projection.bias".into(), f32s(&[projection], |i| i as f32 / 64.0 - 0.25));
    // Values in -0.5..0.5 from a multiplicative hash of the index.
    let scattered = |i: u32| (i.wrapping_mul(0x9E37_79B9) >> 8) as f32 / (1 << 24) as f32 - 0.5;
    tensors.insert("text_projection.weight".into(), f32s(&[projection, hidden], scattered));
    widen(&mut tensors)?;
    let mut config = json!({
        "model_type": "align",
        "projection_dim": projection,
        "text_config": config(text)?,
        "vision_config": config(vision)?,
    });
    widen_config(&mut config);
    synth::write(folder, "config.json", &config.to_string())?;
    save(&tensors, &folder.join("model.safetensors"))?;
    write_processor(folder)
}

/// The number of channels of the last block's output.
fn last_channels(tensors: &Tensors) -> Option<usize> {
    let blocks = tensors.iter().filter_map(|(name, tensor)| {
        let number = name.strip_prefix("vision_model.encoder.blocks.")?;
        let number = number.strip_suffix(".projection.project_conv.weight")?;
        Some((number.parse::<usize>().ok()?, tensor.shape[0]))
    });
    blocks.max().map(|(_, channels)| channels)
}

fn f32s(shape: &[usize], value: impl Fn(u32) -> f32) -> Tensor {
    let count = shape.iter().product::<usize>() as u32;
    let bytes = (0..count).flat_map(|index| value(index).to_le_bytes()).collect();
    Tensor { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
}

fn widen_config(config: &mut Value) {
    // A field that is absent stays absent: its default is 512.
    if let Some(positions) = config["text_config"].get_mut("max_position_embeddings")
        && positions.as_u64().is_some_and(|positions| positions < POSITIONS as u64)
    {
        *positions = POSITIONS.into();
    }
    config["vision_config"]["num_channels"] = CHANNELS.into();
}

fn widen(tensors: &mut Tensors) -> Result<()> {
    tensors.remove(POSITION_NUMBERS);
    if let Some(table) = tensors.get_mut(POSITION_TABLE)
        && table.shape[0] < POSITIONS
    {
        let row = table.bytes.len() / table.shape[0];
        table.bytes = table.bytes.iter().copied().cycle().take(POSITIONS * row).collect();
        table.shape[0] = POSITIONS;
    }
    if let Some(stem) = tensors.get_mut(STEM)
        && stem.shape[1] < CHANNELS
    {
        let filter = stem.bytes.len() / stem.shape[0];
        let filters = stem.bytes.chunks(filter);
        stem.bytes = filters.flat_map(|filter| filter.repeat(CHANNELS)).collect();
        stem.shape[1] = CHANNELS;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Tensors> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = SafeTensors::deserialize(&bytes).with_context(|| path.display().to_string())?;
    let tensors = file.iter().map(|(name, view)| {
        let (dtype, shape, bytes) = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        (name.to_owned(), Tensor { dtype, shape, bytes })
    });
    Ok(tensors.collect())
}

fn save(tensors: &Tensors, path: &Path) -> Result<()> {
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, t)| Ok((name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes)?)))
        .collect::<Result<_>>()?;
    safetensors::serialize_to_file(views, None, path)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_processor(folder: &Path) -> Result<()> {
    let vocabulary = VOCABULARY.split_whitespace().collect::<Vec<_>>().join("\n") + "\n";
    synth::write(folder, "preprocessor_config.json", PREPROCESSOR)?;
    synth::write(folder, "tokenizer_config.json", TOKENIZER)?;
    synth::write(folder, "vocab.txt", &vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_vocabulary_fits_every_fixture() {
        assert_eq!(VOCABULARY.split_whitespace().count(), 37);
    }

    #[test]
    fn gray_fixtures_become_coloured_and_take_long_texts() {
        let folder = tempfile::tempdir().unwrap();
        let gray = workspace::fixtures().join("tiny/gray");
        copy(&gray, folder.path()).unwrap();
        let before = read(&gray.join("model.safetensors")).unwrap();
        let after = read(&folder.path().join("model.safetensors")).unwrap();
        assert_eq!(
            (&before[STEM].shape[..], &after[STEM].shape[..]),
            (&[8, 1, 3, 3][..], &[8, 3, 3, 3][..])
        );
        assert_eq!(after[STEM].bytes[..36], after[STEM].bytes[36..72]);
        assert_eq!(after[POSITION_TABLE].shape, [64, 18]);
        assert_eq!(before[POSITION_TABLE].bytes[..], after[POSITION_TABLE].bytes[..20 * 18 * 4]);
    }
}
