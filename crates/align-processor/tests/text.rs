//! Token ids, compared with the oracle.

use align_processor::{Encoding, Padding, Tokenizer, TokenizerOptions};
use align_testing::processor::{fixture, golden};
use ndarray::Array2;
use serde::Deserialize;
use std::collections::BTreeMap;

/// No padding and no truncation.
fn ragged() -> TokenizerOptions {
    with(Padding::None, None)
}

fn with(padding: Padding, truncation: Option<usize>) -> TokenizerOptions {
    TokenizerOptions::default().with_padding(padding).with_truncation(truncation)
}

#[derive(Deserialize)]
struct Batches {
    texts: Vec<String>,
    default: Rows,
    longest: Rows,
    truncated: Rows,
    settings: Rows,
    long: Long,
}

#[derive(Deserialize)]
struct Rows {
    input_ids: Vec<Vec<i64>>,
    attention_mask: Vec<Vec<i64>>,
    token_type_ids: Vec<Vec<i64>>,
}

#[derive(Deserialize)]
struct Long {
    text: String,
    tokens: usize,
}

fn assert_rows(found: &Encoding, expected: &Rows) {
    let rows = |array: &Array2<i64>| -> Vec<Vec<i64>> {
        array.rows().into_iter().map(|row| row.to_vec()).collect()
    };
    assert_eq!(rows(&found.input_ids), expected.input_ids);
    assert_eq!(rows(&found.attention_mask), expected.attention_mask);
    assert_eq!(rows(&found.token_type_ids), expected.token_type_ids);
}

fn assert_ids(tokenizer: &Tokenizer, name: &str, texts: &[String], expected: &[Vec<u32>]) {
    assert_eq!(texts.len(), expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        let found = tokenizer.encode_ragged(&[text], &ragged()).unwrap();
        assert_eq!(found, [expected.as_slice()], "{name}: {text:?}");
    }
}

#[test]
fn ids_equal_the_oracles_on_every_text() {
    let texts: Vec<String> = golden("texts.json");
    assert!(texts.len() >= 1000);
    for (name, expected) in golden::<BTreeMap<String, Vec<Vec<u32>>>>("token_ids.json") {
        let tokenizer = Tokenizer::from_pretrained(fixture(&name)).unwrap();
        assert_ids(&tokenizer, &name, &texts, &expected);
        if name == "bert-uncased" {
            // These have the same vocabulary as tokenizer.json. One of them has truncation and
            // padding, which must have no effect, and a normaliser that tokenizer_config.json
            // overrides.
            for name in ["nested", "settings"] {
                let tokenizer = Tokenizer::from_pretrained(fixture(name)).unwrap();
                assert_ids(&tokenizer, name, &texts, &expected);
            }
        }
    }
}

#[test]
fn batches_equal_the_oracles_in_both_layouts() {
    let batches: Batches = golden("batches.json");
    for layout in ["legacy", "nested"] {
        let tokenizer = Tokenizer::from_pretrained(fixture(layout)).unwrap();
        let encode = |texts: &[String], padding, truncation| {
            tokenizer.encode(texts, &with(padding, truncation)).unwrap()
        };
        assert_eq!(tokenizer.default_options(), TokenizerOptions::default());
        let default = tokenizer.encode(&batches.texts, &TokenizerOptions::default()).unwrap();
        assert_rows(&default, &batches.default);
        assert_rows(&encode(&batches.texts, Padding::Longest, None), &batches.longest);

        let mut texts = batches.texts.clone();
        texts.push(batches.long.text.clone());
        let truncated = encode(&texts, Padding::MaxLength(8), Some(8));
        assert_rows(&truncated, &batches.truncated);
        let separator = truncated.input_ids[[3, 7]];
        let whole = encode(&texts[..1], Padding::None, None);
        assert_eq!(Some(&separator), whole.input_ids.iter().last(), "the final [SEP] stays");
    }
}

#[test]
fn settings_in_the_files_become_the_defaults() {
    let tokenizer = Tokenizer::from_pretrained(fixture("settings")).unwrap();
    let options = tokenizer.default_options();
    assert_eq!(options, with(Padding::MaxLength(9), None));
    let found = tokenizer.encode(&["a photo", "Cat"], &options).unwrap();
    assert_rows(&found, &golden::<Batches>("batches.json").settings);

    for (fields, padding, truncation) in [
        (r#"{"padding": "longest"}"#, Padding::Longest, None),
        (r#"{"padding": false, "max_length": 12}"#, Padding::None, None),
        (r#"{"max_length": 12, "truncation": true}"#, Padding::MaxLength(12), Some(12)),
    ] {
        let dir = folder(VOCAB, fields);
        let tokenizer = Tokenizer::from_pretrained(dir.path()).unwrap();
        assert_eq!(tokenizer.default_options(), with(padding, truncation), "{fields}");
    }
}

#[test]
fn a_text_that_is_too_long_is_named_with_its_length_and_the_limit() {
    let Long { text, tokens } = golden::<Batches>("batches.json").long;
    let tokenizer = Tokenizer::from_pretrained(fixture("legacy")).unwrap();
    let error = tokenizer.encode(&["short", &text], &TokenizerOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "text 1 (\"unaffable unaffable unaffable unaffable ...\") has {tokens} tokens, but \
             padding to max_length allows 64; shorten it or ask for truncation"
        )
    );
    // Without padding, the model's limit applies.
    let longer = ["猫"; 511].concat();
    let error = tokenizer.encode_ragged(&[&longer], &ragged()).unwrap_err().to_string();
    assert!(
        error.contains("has 513 tokens, but the model's model_max_length allows 512"),
        "{error}"
    );
    let longest = ["猫"; 510].concat();
    assert_eq!(tokenizer.encode_ragged(&[&longest], &ragged()).unwrap()[0].len(), 512);
}

#[test]
fn options_that_cannot_be_met() {
    let tokenizer = Tokenizer::from_pretrained(fixture("legacy")).unwrap();
    let error = tokenizer.encode(&["a", "a cat"], &ragged()).unwrap_err().to_string();
    assert!(
        error.starts_with("text option `padding`: without it, one batch has rows of 3 and "),
        "{error}"
    );
    let options = TokenizerOptions::default().with_truncation(Some(1));
    let error = tokenizer.encode(&["a"], &options).unwrap_err().to_string();
    assert_eq!(error, "text option `truncation`: expected at least 2 tokens, found 1");
    let nothing: [&str; 0] = [];
    assert_eq!(tokenizer.encode(&nothing, &ragged()).unwrap().input_ids.dim(), (0, 0));
}

/// A folder with a small `vocab.txt` and this `tokenizer_config.json`.
fn folder(vocab: &[u8], config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vocab.txt"), vocab).unwrap();
    std::fs::write(dir.path().join("tokenizer_config.json"), config).unwrap();
    dir
}

const VOCAB: &[u8] = b"[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n[MASK]\ncat\n<x>\n";

#[test]
fn added_tokens_and_renamed_special_tokens() {
    let config = r#"{"pad_token": {"content": "[MASK]"}, "padding_side": "left", "model_max_length": 1e30,
        "added_tokens_decoder": {"6": {"content": "<x>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": false}}}"#;
    let dir = folder(VOCAB, config);
    let tokenizer = Tokenizer::from_pretrained(dir.path()).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.model_max_length()), (7, None));
    let options = with(Padding::MaxLength(5), None);
    let encoding = tokenizer.encode(&["Cat<x>"], &options).unwrap();
    assert_eq!(encoding.input_ids.as_slice().unwrap(), [4, 2, 5, 6, 3]);
    assert_eq!(encoding.attention_mask.as_slice().unwrap(), [0, 1, 1, 1, 1]);
}

#[test]
fn bad_files_are_named_with_the_cause() {
    let error = |vocab: &[u8], config: &str| {
        let dir = folder(vocab, config);
        Tokenizer::from_pretrained(dir.path()).unwrap_err().to_string()
    };
    for (vocab, config, file, message) in [
        (VOCAB, "{", "tokenizer_config.json", "not valid JSON"),
        (VOCAB, "[]", "tokenizer_config.json", "expected a JSON object, found []"),
        (
            VOCAB,
            r#"{"do_lower_case": "yes"}"#,
            "tokenizer_config.json",
            "field `do_lower_case`: expected true or false, found \"yes\"",
        ),
        (
            VOCAB,
            r#"{"pad_token": 0}"#,
            "tokenizer_config.json",
            "field `pad_token`: expected a string, or an object with `content`, found 0",
        ),
        (
            VOCAB,
            r#"{"model_max_length": -1}"#,
            "tokenizer_config.json",
            "field `model_max_length`: expected a number of at least 2 tokens, found -1",
        ),
        (
            VOCAB,
            r#"{"padding_side": "top"}"#,
            "tokenizer_config.json",
            "field `padding_side`: expected \"left\" or \"right\", found \"top\"",
        ),
        (
            VOCAB,
            r#"{"added_tokens_decoder": {"x": {}}}"#,
            "tokenizer_config.json",
            "field `added_tokens_decoder.x`: expected an id as its name",
        ),
        (
            VOCAB,
            r#"{"added_tokens_decoder": {"6": "<x>"}}"#,
            "tokenizer_config.json",
            "field `added_tokens_decoder.6`: expected a token with content",
        ),
        (b"[PAD]\n\xff\n", "{}", "vocab.txt", "not UTF-8"),
    ] {
        let error = error(vocab, config);
        assert!(error.contains(file) && error.contains(message), "{error}");
    }

    let dir = tempfile::tempdir().unwrap();
    let error = Tokenizer::from_pretrained(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("found none of tokenizer.json, vocab.txt"), "{error}");
    std::fs::write(dir.path().join("tokenizer.json"), "{\"model\": 3}").unwrap();
    let error = Tokenizer::from_pretrained(dir.path()).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json: not a readable tokenizer.json: "), "{error}");
}

#[test]
fn a_tokenizer_of_the_program_is_that_of_the_folder() {
    let json = r###"{"version": "1.0", "added_tokens": [], "model": {"type": "WordPiece", "unk_token": "[UNK]",
        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "cat": 5}}}"###;
    let config = serde_json::json!({"model_max_length": 8});
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let built_in = Tokenizer::from_json(json.as_bytes(), config.as_object().unwrap()).unwrap();
    let read = Tokenizer::from_pretrained(folder.path()).unwrap();
    for tokenizer in [&built_in, &read] {
        assert_eq!((tokenizer.vocab_size(), tokenizer.model_max_length()), (6, Some(8)));
    }
    let ids = |tokenizer: &Tokenizer| {
        tokenizer.encode_ragged(&["cat"], &TokenizerOptions::default()).unwrap()
    };
    assert_eq!(ids(&built_in), ids(&read));
    let error = Tokenizer::from_json(b"{", config.as_object().unwrap()).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json"), "{error}");
}
