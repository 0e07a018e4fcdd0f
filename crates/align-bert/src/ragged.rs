//! Ragged batches: the tokens of some texts without their padding.

use crate::config::AlignTextConfig;
use crate::input::TextInput;
use crate::output::TextError;
use align_tensor::Sequence;
use ndarray::ArrayView2;
use std::ops::Range;

/// A token that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The token's row in the batch.
    pub(crate) text: usize,
    /// The token's column in the batch.
    pub(crate) place: usize,
    /// Row of the word embedding.
    pub(crate) word: usize,
    /// Row of the position embedding.
    pub(crate) position: usize,
    /// Row of the segment embedding.
    pub(crate) segment: usize,
}

/// Some texts of a batch, whose tokens follow one another without padding.
///
/// The visible tokens of a text come first: they are its keys. After them come the masked tokens that
/// are computed nevertheless. The first token is, since its state becomes the embedding. With
/// `padding`, all others are too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ragged {
    pub(crate) tokens: Vec<Token>,
    pub(crate) sequences: Vec<Sequence>,
    /// For each text, the row of its first token.
    pub(crate) first: Vec<usize>,
}

impl Ragged {
    /// Removes the padding of `texts`. The ids must be valid: see [`check`].
    pub(crate) fn new(input: &TextInput<'_>, texts: Range<usize>, padding: bool) -> Self {
        let mut ragged = Self::default();
        for text in texts {
            ragged.push(input, text, padding);
        }
        ragged
    }

    /// Appends one text.
    fn push(&mut self, input: &TextInput<'_>, text: usize, padding: bool) {
        let len = input.input_ids.ncols();
        let visible =
            |place: &usize| input.attention_mask.is_none_or(|mask| mask[[text, *place]] != 0);
        let start = self.tokens.len();
        let token = |place| Token {
            text,
            place,
            word: input.input_ids[[text, place]] as usize,
            position: input.position_ids.map_or(place, |ids| ids[[text, place]] as usize),
            segment: input.token_type_ids.map_or(0, |ids| ids[[text, place]] as usize),
        };
        self.tokens.extend((0..len).filter(visible).map(token));
        // If all tokens are masked, the additive mask of the original changes all scores equally, and
        // so hides none of them.
        let uniform = self.tokens.len() == start;
        if uniform {
            self.tokens.extend((0..len).map(token));
        }
        let keys = self.tokens.len() - start;
        if !uniform {
            let computed = if padding { len } else { 1 };
            self.tokens.extend((0..computed).filter(|place| !visible(place)).map(token));
        }
        let rows = start..self.tokens.len();
        let first = rows.clone().find(|&row| self.tokens[row].place == 0);
        self.first.push(first.expect("the first token is always computed"));
        self.sequences.push(Sequence { queries: 0..rows.len(), rows, keys, uniform });
    }

    /// The same texts, with the first token of each as the only query.
    pub(crate) fn first_token_sequences(&self) -> Vec<Sequence> {
        let sequences = self.sequences.iter().zip(&self.first).map(|(sequence, &first)| {
            let query = first - sequence.rows.start;
            Sequence { queries: query..query + 1, ..sequence.clone() }
        });
        sequences.collect()
    }

    /// The number of rows of the longest text.
    pub(crate) fn longest(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.rows.len()).max().unwrap_or(0)
    }
}

/// Checks every shape, length and id against the configuration.
pub(crate) fn check(config: &AlignTextConfig, input: &TextInput<'_>) -> Result<(), TextError> {
    let (texts, len) = input.input_ids.dim();
    let limit = config.max_position_embeddings;
    if len == 0 || (len > limit && input.position_ids.is_none()) {
        return Err(TextError::Length { limit, found: len });
    }
    let others = [
        ("attention_mask", input.attention_mask),
        ("token_type_ids", input.token_type_ids),
        ("position_ids", input.position_ids),
    ];
    for (name, array) in others {
        if let Some(array) = array
            && array.dim() != (texts, len)
        {
            let (rows, columns) = array.dim();
            return Err(TextError::Shape { name, expected: [texts, len], found: [rows, columns] });
        }
    }
    let within = |name, ids: Option<ArrayView2<'_, i64>>, bound: usize| {
        let Some(ids) = ids else { return Ok(()) };
        match ids
            .indexed_iter()
            .find(|&(_, &id)| usize::try_from(id).map_or(true, |id| id >= bound))
        {
            None => Ok(()),
            Some(((text, token), &found)) => Err(TextError::Id { name, text, token, bound, found }),
        }
    };
    within("input_ids", Some(input.input_ids), config.vocab_size)?;
    within("token_type_ids", input.token_type_ids, config.type_vocab_size)?;
    within("position_ids", input.position_ids, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn places(ragged: &Ragged) -> Vec<(usize, usize)> {
        ragged.tokens.iter().map(|token| (token.text, token.place)).collect()
    }

    #[test]
    fn padding_is_left_out_and_holes_close() {
        let ids = Array2::from_shape_fn((3, 4), |(text, place)| (10 * text + place) as i64);
        let mask = array![[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]];
        let input = TextInput::new(ids.view()).with_mask(mask.view());

        let ragged = Ragged::new(&input, 0..3, false);
        let visible = [(0, 0), (0, 1), (1, 1), (1, 3)];
        // The first token of text 1 is masked and computed. All tokens of text 2 are masked, and it
        // keeps all of them.
        let all_masked = [(2, 0), (2, 1), (2, 2), (2, 3)];
        assert_eq!(places(&ragged), [&visible[..], &[(1, 0)], &all_masked].concat());
        assert_eq!(ragged.first, [0, 4, 5]);
        assert_eq!(
            ragged
                .sequences
                .iter()
                .map(|s| (s.rows.clone(), s.keys, s.uniform))
                .collect::<Vec<_>>(),
            [(0..2, 2, false), (2..5, 2, false), (5..9, 4, true)]
        );
        assert_eq!(ragged.first_token_sequences()[1].queries, 2..3);
        assert_eq!(ragged.longest(), 4);

        let padded = Ragged::new(&input, 0..2, true);
        let expected = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 3), (1, 0), (1, 2)];
        assert_eq!(places(&padded), expected);
    }

    #[test]
    fn ids_and_shapes_are_checked() {
        let config =
            AlignTextConfig { vocab_size: 10, max_position_embeddings: 4, ..Default::default() };
        let message = |input: TextInput<'_>| check(&config, &input).unwrap_err().to_string();
        let good = array![[1i64, 2]];
        assert_eq!(check(&config, &TextInput::new(good.view())), Ok(()));
        let cases = [
            (array![[1, 10]], "input_ids[0, 1]: expected an id from 0 to 9, found 10"),
            (array![[-1, 1]], "input_ids[0, 0]: expected an id from 0 to 9, found -1"),
            (Array2::zeros((1, 5)), "input_ids: expected 1 to 4 tokens in a text, found 5"),
            (Array2::zeros((1, 0)), "input_ids: expected 1 to 4 tokens in a text, found 0"),
        ];
        for (ids, expected) in cases {
            assert_eq!(message(TextInput::new(ids.view())), expected);
        }
        let mask = array![[1, 1, 1]];
        assert_eq!(
            message(TextInput::new(good.view()).with_mask(mask.view())),
            "attention_mask: expected the shape of input_ids, [1, 2], found [1, 3]"
        );
        let far = array![[0i64, 4]];
        let input = TextInput { position_ids: Some(far.view()), ..TextInput::new(good.view()) };
        assert_eq!(message(input), "position_ids[0, 1]: expected an id from 0 to 3, found 4");
    }
}
