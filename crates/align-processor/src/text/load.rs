//! Tokenizers from the files of a checkpoint folder.

use crate::error::ProcessorError;
use crate::json::{field_or, read_file, read_object, wrong};
use crate::text::Tokenizer;
use crate::text::defaults::Defaults;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, Tokenizer as Inner};

/// The longest tokenizer file that is read, in bytes. BERT's has about 1 MB.
const MAX_BYTES: u64 = 256 << 20;

const CONFIG: &str = "tokenizer_config.json";
const JSON: &str = "tokenizer.json";
const VOCAB: &str = "vocab.txt";

/// See [`Tokenizer::from_pretrained`].
pub(super) fn from_pretrained(folder: &Path) -> Result<Tokenizer, ProcessorError> {
    let config_path = folder.join(CONFIG);
    let fields = read_object(&config_path)?.unwrap_or_default();
    let config = TokenizerConfig::from_json(&fields).map_err(|error| error.at(&config_path))?;

    let (json, vocab) = (folder.join(JSON), folder.join(VOCAB));
    let (path, inner) = if let Some(bytes) = read_file(&json, MAX_BYTES)? {
        let inner = from_tokenizer_json(&bytes, &config);
        (json, inner)
    } else if let Some(bytes) = read_file(&vocab, MAX_BYTES)? {
        let inner = from_vocab(&bytes, &config);
        (vocab, inner)
    } else {
        let looked_for = "tokenizer.json, vocab.txt";
        return Err(ProcessorError::MissingFiles { folder: folder.into(), looked_for });
    };
    let inner = inner.map_err(|message| tokenizer(&path, message))?;
    finished(inner, &path, &config, &config_path, &fields)
}

/// See [`Tokenizer::from_json`].
pub(super) fn from_json(
    json: &[u8],
    fields: &Map<String, Value>,
) -> Result<Tokenizer, ProcessorError> {
    let (path, config_path) = (Path::new(JSON), Path::new(CONFIG));
    let config = TokenizerConfig::from_json(fields).map_err(|error| error.at(config_path))?;
    let inner = from_tokenizer_json(json, &config).map_err(|message| tokenizer(path, message))?;
    finished(inner, path, &config, config_path, fields)
}

/// The tokenizer, with padding and truncation moved from `inner` to the defaults.
fn finished(
    mut inner: Inner,
    path: &Path,
    config: &TokenizerConfig,
    config_path: &Path,
    fields: &Map<String, Value>,
) -> Result<Tokenizer, ProcessorError> {
    let defaults = Defaults::new(fields, &inner, config.model_max_length)
        .map_err(|error| error.at(config_path))?;
    inner.with_padding(None);
    inner.with_truncation(None).map_err(|error| tokenizer(path, error.to_string()))?;

    let pad = &config.special.pad;
    let pad_id = inner.token_to_id(pad).ok_or_else(|| {
        tokenizer(path, format!("the padding token {pad:?} is not in the vocabulary"))
    })?;
    Ok(Tokenizer { inner, pad_id, defaults, model_max_length: config.model_max_length })
}

fn tokenizer(path: &Path, message: String) -> ProcessorError {
    ProcessorError::Tokenizer { path: path.into(), message }
}

/// Reads the `tokenizers` library's own format.
///
/// As in the original, a BERT tokenizer has its vocabulary from this file, and its normalisation of
/// text from `tokenizer_config.json`.
fn from_tokenizer_json(bytes: &[u8], config: &TokenizerConfig) -> Result<Inner, String> {
    let mut inner = Inner::from_bytes(bytes)
        .map_err(|error| format!("not a readable tokenizer.json: {error}"))?;
    let is_bert = matches!(inner.get_normalizer(), Some(NormalizerWrapper::BertNormalizer(_)));
    if is_bert && config.class_is_bert {
        inner.with_normalizer(Some(config.normalizer())).map_err(|error| error.to_string())?;
    }
    Ok(inner)
}

/// BERT's WordPiece tokenizer, from a vocabulary with one token per line.
fn from_vocab(bytes: &[u8], config: &TokenizerConfig) -> Result<Inner, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    // As in Python, there are three kinds of line ends, and the last line of a token decides its
    // id.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    // The library does not export the type of its map, so an empty file makes one. Its own reader
    // of lines would also trim spaces that belong to a token.
    let mut vocab = WordPiece::read_bytes(b"").map_err(|error| error.to_string())?;
    vocab.extend(lines.map(str::to_owned).zip(0..));

    let special = &config.special;
    let model = WordPiece::builder()
        .vocab(vocab)
        .unk_token(special.unk.clone())
        .build()
        .map_err(|error| error.to_string())?;
    let mut inner = Inner::new(model);
    inner.with_normalizer(Some(config.normalizer())).map_err(|error| error.to_string())?;
    inner.with_pre_tokenizer(Some(BertPreTokenizer));

    config.add_tokens(&mut inner)?;
    let id = |token: &String| {
        let id = inner
            .token_to_id(token)
            .ok_or_else(|| format!("token {token:?} is not in the vocabulary"));
        id.map(|id| (token.clone(), id))
    };
    let template = BertProcessing::new(id(&special.sep)?, id(&special.cls)?);
    inner.with_post_processor(Some(template));
    Ok(inner)
}

/// The fields of `tokenizer_config.json` that are used.
struct TokenizerConfig {
    do_lower_case: bool,
    /// `None`: the value of `do_lower_case`.
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
    special: SpecialTokens,
    /// Added tokens, in the order of their ids.
    added: BTreeMap<u32, AddedToken>,
    model_max_length: Option<usize>,
    /// Whether `tokenizer_class` is BERT's tokenizer.
    class_is_bert: bool,
}

struct SpecialTokens {
    unk: String,
    sep: String,
    pad: String,
    cls: String,
    mask: String,
}

impl TokenizerConfig {
    /// Reads the fields. Missing and null fields have the defaults of the original BERT tokenizer.
    fn from_json(fields: &Map<String, Value>) -> Result<Self, ProcessorError> {
        let flag = |name, default| field_or(fields, name, "true or false", default);
        let class: String = field_or(fields, "tokenizer_class", "a string", String::new())?;
        Ok(Self {
            do_lower_case: flag("do_lower_case", true)?,
            strip_accents: field_or(fields, "strip_accents", "true, false or null", None)?,
            tokenize_chinese_chars: flag("tokenize_chinese_chars", true)?,
            special: SpecialTokens {
                unk: token(fields, "unk_token", "[UNK]")?,
                sep: token(fields, "sep_token", "[SEP]")?,
                pad: token(fields, "pad_token", "[PAD]")?,
                cls: token(fields, "cls_token", "[CLS]")?,
                mask: token(fields, "mask_token", "[MASK]")?,
            },
            added: added_tokens(fields)?,
            model_max_length: model_max_length(fields)?,
            class_is_bert: ["BertTokenizer", "BertTokenizerFast"].contains(&class.as_str()),
        })
    }

    /// Normalisation of text: control characters removed, spaces unified, and by the fields: CJK
    /// characters separated, lower case, accents removed.
    fn normalizer(&self) -> BertNormalizer {
        BertNormalizer::new(
            true,
            self.tokenize_chinese_chars,
            self.strip_accents,
            self.do_lower_case,
        )
    }

    /// Adds the added and the special tokens, so that they are matched as a whole in a text.
    fn add_tokens(&self, inner: &mut Inner) -> Result<(), String> {
        for (id, token) in &self.added {
            inner.add_tokens([token.clone()]).map_err(|error| error.to_string())?;
            let found = inner.token_to_id(&token.content);
            if found != Some(*id) {
                return Err(format!(
                    "token {:?}: its id in tokenizer_config.json is {id}, in the vocabulary {found:?}",
                    token.content
                ));
            }
        }
        let SpecialTokens { unk, sep, pad, cls, mask } = &self.special;
        let special = [unk, sep, pad, cls, mask].map(|token| AddedToken::from(token, true));
        inner.add_special_tokens(special).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// Reads a token's name: a string, or an object with `content`.
fn token(fields: &Map<String, Value>, name: &str, default: &str) -> Result<String, ProcessorError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(default.into()),
        Some(value) => value
            .as_str()
            .or_else(|| value.get("content")?.as_str())
            .map(str::to_owned)
            .ok_or_else(|| wrong(name, "a string, or an object with `content`", value)),
    }
}

/// Reads `added_tokens_decoder`: ids, as strings, to tokens.
fn added_tokens(fields: &Map<String, Value>) -> Result<BTreeMap<u32, AddedToken>, ProcessorError> {
    const NAME: &str = "added_tokens_decoder";
    let tokens: Map<String, Value> = field_or(fields, NAME, "an object", Map::new())?;
    tokens
        .iter()
        .map(|(id, value)| {
            let name = format!("{NAME}.{id}");
            let number = id.parse().map_err(|_| wrong(&name, "an id as its name", value))?;
            let token = serde_json::from_value(value.clone())
                .map_err(|_| wrong(&name, "a token with content and its five flags", value))?;
            Ok((number, token))
        })
        .collect()
}

/// Reads `model_max_length`. If it was never set, files hold a number like 1e30.
fn model_max_length(fields: &Map<String, Value>) -> Result<Option<usize>, ProcessorError> {
    const NAME: &str = "model_max_length";
    const ENDLESS: f64 = u32::MAX as f64;
    match fields.get(NAME) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(length) if length >= ENDLESS => Ok(None),
            Some(length) if length >= 2.0 => Ok(Some(length as usize)),
            _ => Err(wrong(NAME, "a number of at least 2 tokens", value)),
        },
    }
}
