//! Moments of the input of each batch normalisation.
//!
//! They were measured once over several seeds and are embedded as a table.

use std::collections::HashMap;

/// Moments, over all channels, of the input of the convolution in front of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    /// The mean.
    pub(super) mean: f64,
    /// The part of the variance that is independent between inputs.
    pub(super) own: f64,
    /// The part of the variance that all inputs of one output have in common.
    pub(super) shared: f64,
}

/// Moments by the name of the normalisation, such as `vision_model.embeddings.batchnorm`.
pub(super) struct Calibration(HashMap<&'static str, Moments>);

impl Calibration {
    /// Reads an embedded table. Each line has a name and three numbers; `#` begins a comment line.
    pub(super) fn parse(table: &'static str) -> Self {
        let row = |line: &'static str| {
            let mut fields = line.split_ascii_whitespace();
            let name = fields.next().expect("the embedded table names a layer in each row");
            let mut number = || -> f64 {
                let field =
                    fields.next().expect("the embedded table has three numbers in each row");
                field.parse().expect("the embedded table holds decimal numbers")
            };
            (name, Moments { mean: number(), own: number(), shared: number() })
        };
        Self(table.lines().filter(|line| !line.starts_with('#')).map(row).collect())
    }

    /// The moments in front of one normalisation.
    pub(super) fn moments(&self, normalisation: &str) -> Moments {
        *self.0.get(normalisation).expect("the embedded table has a row for every normalisation")
    }
}
