//! The files beside the weights: how images and strings become inputs.

use std::path::Path;

use align_synthetic::SyntheticModel;
use anyhow::Result;
use serde_json::{Value, json};

/// Common words, for captions that read like captions.
const WORDS: &str = include_str!("words.txt");

/// Endings that complete a word of the list.
const ENDINGS: &str = "s es ed d er ers ing ly y n en est al ion ment ness less ful able ch sh th ck ll ss ee oo ou ar or";

/// Writes preprocessor_config.json, tokenizer_config.json and vocab.txt.
pub(super) fn write(folder: &Path, model: SyntheticModel) -> Result<()> {
    super::write(folder, "preprocessor_config.json", &pretty(&preprocessor(model)))?;
    super::write(folder, "tokenizer_config.json", &pretty(&tokenizer()))?;
    super::write(folder, "vocab.txt", &vocabulary())
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// As align-base is published; the tiny model keeps its proportion of crop to size.
fn preprocessor(model: SyntheticModel) -> Value {
    let (size, crop) = match model {
        SyntheticModel::AlignBase => (346, 289),
        SyntheticModel::Tiny => (116, 97),
    };
    json!({
        "image_processor_type": "EfficientNetImageProcessor",
        "do_resize": true,
        "size": {"height": size, "width": size},
        "resample": 2,
        "do_center_crop": true,
        "crop_size": {"height": crop, "width": crop},
        "do_rescale": true,
        "rescale_factor": 0.007_843_137_254_901_96,
        "rescale_offset": true,
        "do_normalize": false,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "include_top": false,
    })
}

fn tokenizer() -> Value {
    json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": true,
        "model_max_length": 64,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    })
}

/// Special tokens at BERT's usual ids (0, 100 to 103), characters, words, endings; below 4096 lines.
fn vocabulary() -> String {
    let unused = (0..99).map(|index| format!("[unused{index}]"));
    let specials = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(String::from);
    let characters = ('!'..='~').filter(|character| !character.is_ascii_uppercase());
    let inner = ('0'..='9').chain('a'..='z').map(|character| format!("##{character}"));
    let words = WORDS.split_whitespace().map(String::from);
    let endings = ENDINGS.split_whitespace().filter(|ending| ending.len() > 1);
    let mut lines = vec!["[PAD]".to_owned()];
    lines.extend(unused);
    lines.extend(specials);
    lines.extend(characters.map(String::from));
    lines.extend(inner);
    lines.extend(words);
    lines.extend(endings.map(|ending| format!("##{ending}")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::vocabulary;

    #[test]
    fn vocabulary_fits_the_tiny_model_and_has_no_token_twice() {
        let text = vocabulary();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= 4096, "{}", lines.len());
        assert_eq!(lines.iter().collect::<HashSet<_>>().len(), lines.len());
        for (id, token) in [(0, "[PAD]"), (100, "[UNK]"), (101, "[CLS]"), (102, "[SEP]")] {
            assert_eq!(lines[id], token);
        }
        for token in ["a", "##a", "photo", "cat", "##s"] {
            assert!(lines.contains(&token), "{token}");
        }
    }
}
