//! What the engines are asked to compute.

use serde_json::{Value, json};

/// A name to print, the images or texts, and the request for a server without the number of runs.
pub(crate) struct Work {
    pub(super) name: String,
    pub(super) rows: usize,
    pub(super) request: Value,
}

impl Work {
    /// The two that tell the most.
    pub(super) fn quick() -> Vec<Self> {
        vec![Self::images(1), Self::texts(1, 16)]
    }

    /// Batches of images, of equal texts, and of texts as people write them.
    pub(super) fn all() -> Vec<Self> {
        let texts = [(1, 8), (1, 16), (2, 64), (16, 16), (16, 64)];
        let mut works = vec![Self::images(1), Self::images(8)];
        works.extend(texts.map(|(count, tokens)| Self::texts(count, tokens)));
        works.push(Self::captions());
        works
    }

    fn images(count: usize) -> Self {
        let request = json!({ "images": count });
        Self { name: format!("image x{count}"), rows: count, request }
    }

    fn texts(count: usize, tokens: usize) -> Self {
        let request = json!({ "lengths": vec![tokens; count], "padded": tokens });
        Self { name: format!("text {count}x{tokens}"), rows: count, request }
    }

    /// 16 captions of 8 to 14 tokens, padded to 64 as ALIGN's processor does.
    fn captions() -> Self {
        let lengths: Vec<_> = (0..16).map(|index| 8 + index % 7).collect();
        let request = json!({ "lengths": lengths, "padded": 64 });
        Self { name: "text 16x8..14 of 64".into(), rows: lengths.len(), request }
    }
}
