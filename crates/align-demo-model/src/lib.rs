#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// Names and bytes of the five files, as a checkpoint folder of `transformers` holds them.
///
/// ```
/// let (name, bytes) = align_demo_model::files()[0];
/// assert_eq!((name, bytes[0]), ("config.json", b'{'));
/// ```
pub fn files() -> [(&'static str, &'static [u8]); 5] {
    [
        ("config.json", CONFIG),
        ("model.safetensors", WEIGHTS),
        ("processor_config.json", PROCESSOR_CONFIG),
        ("tokenizer.json", TOKENIZER),
        ("tokenizer_config.json", TOKENIZER_CONFIG),
    ]
}

/// The model's configuration, `config.json`.
pub const CONFIG: &[u8] = include_bytes!("../model/config.json");

/// The weights in half precision, `model.safetensors`.
pub const WEIGHTS: &[u8] = include_bytes!("../model/model.safetensors");

/// The settings of the image processor and the tokenizer's class, `processor_config.json`.
pub const PROCESSOR_CONFIG: &[u8] = include_bytes!("../model/processor_config.json");

/// The vocabulary and the rules of the tokenizer, `tokenizer.json`.
pub const TOKENIZER: &[u8] = include_bytes!("../model/tokenizer.json");

/// The tokenizer's settings, `tokenizer_config.json`.
pub const TOKENIZER_CONFIG: &[u8] = include_bytes!("../model/tokenizer_config.json");

#[cfg(test)]
mod tests {
    use super::files;
    use std::collections::BTreeMap;
    use std::path::Path;

    #[test]
    fn files_are_those_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let expected: BTreeMap<_, _> = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
            })
            .collect();
        let found: BTreeMap<_, _> =
            files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into();
        assert!(found == expected, "{:?}", expected.keys());
    }
}
