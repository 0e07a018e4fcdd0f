//! Embeddings by name, and how often the right one is the nearest.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Unit embeddings by picture or text.
pub(super) type Embeddings = HashMap<String, Vec<f32>>;

/// Reads the lines that `align embed` writes: `{"image"|"text": name, "embedding": [...]}`.
pub(super) fn read(lines: impl Read) -> Result<Embeddings> {
    let mut embeddings = Embeddings::new();
    for line in BufReader::new(lines).lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let name = line["image"].as_str().or_else(|| line["text"].as_str());
        let values = line["embedding"].as_array().context("a line has no embedding")?;
        let values: Vec<f32> =
            values.iter().filter_map(Value::as_f64).map(|value| value as f32).collect();
        ensure!(!values.is_empty(), "a line has an empty embedding");
        embeddings.insert(name.context("a line has no name")?.to_owned(), values);
    }
    Ok(embeddings)
}

/// The cosine of two unit vectors.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// The shares of `queries` whose partner, at the same place among `candidates`, is among their nearest 1, 5 and 10. Of
/// equal cosines the partner's counts as the farthest.
pub(super) fn recall_at_1_5_10(queries: &[&[f32]], candidates: &[&[f32]]) -> [f64; 3] {
    let rank = |place: usize| {
        let right = cosine(queries[place], candidates[place]);
        let at_least =
            candidates.iter().filter(|candidate| cosine(queries[place], candidate) >= right);
        at_least.count()
    };
    let ranks: Vec<usize> = (0..queries.len()).map(rank).collect();
    [1, 5, 10].map(|k| {
        let hits = ranks.iter().filter(|&&rank| rank <= k).count();
        hits as f64 / ranks.len() as f64
    })
}

/// Whether the first of the texts is nearer to the picture than every other.
pub(super) fn first_is_nearest(picture: &[f32], texts: &[&[f32]]) -> bool {
    let right = cosine(picture, texts[0]);
    texts[1..].iter().all(|other| cosine(picture, other) < right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_are_ranked_among_all() {
        let a: &[f32] = &[1.0, 0.0];
        let b: &[f32] = &[0.0, 1.0];
        assert_eq!(recall_at_1_5_10(&[a, b], &[a, b]), [1.0; 3]);
        assert_eq!(recall_at_1_5_10(&[a, b], &[b, a]), [0.0, 1.0, 1.0]);
        assert_eq!(recall_at_1_5_10(&[a, a], &[a, a])[0], 0.0, "a tie is no hit");
        assert!(first_is_nearest(a, &[a, b]) && !first_is_nearest(a, &[b, a]));
        assert!(!first_is_nearest(a, &[a, a]));
    }
}
