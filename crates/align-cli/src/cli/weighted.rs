//! Texts and images with a weight.

use std::str::FromStr;

/// A text or path with its weight, such as `2:at night`. The default weight is 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weighted {
    pub(crate) weight: f64,
    pub(crate) value: String,
}

impl FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (weight, value) = match text.split_once(':') {
            Some((number, rest)) if is_number(number) => {
                (number.parse().map_err(|_| format!("{number:?} is not a weight"))?, rest)
            }
            _ => (1.0, text),
        };
        if value.is_empty() {
            return Err("expected something to search for, found nothing".to_owned());
        }
        if weight == 0.0 || !f64::is_finite(weight) {
            return Err(format!(
                "expected a weight other than 0; to search for {text:?} itself, write \"1:{text}\""
            ));
        }
        Ok(Self { weight, value: value.to_owned() })
    }
}

/// Whether this is a decimal number. Rust also parses `inf` and `nan`, but those are texts here.
fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_colon_are_a_weight() {
        for (text, weight, value) in [
            ("on snow", 1.0, "on snow"),
            ("2:at night", 2.0, "at night"),
            ("-0.5:people", -0.5, "people"),
            ("1e1:x", 10.0, "x"),
            ("1:2:at night", 1.0, "2:at night"),
            ("1:10:30 in the morning", 1.0, "10:30 in the morning"),
            ("2: at night", 2.0, " at night"),
            ("note: a cat", 1.0, "note: a cat"),
            ("inf:x", 1.0, "inf:x"),
            ("e:x", 1.0, "e:x"),
            (":x", 1.0, ":x"),
            ("C:\\photos\\cat.jpg", 1.0, "C:\\photos\\cat.jpg"),
        ] {
            let value = value.to_owned();
            assert_eq!(text.parse(), Ok(Weighted { weight, value }), "{text}");
        }
        for text in ["", "2:", "0:x", "-0.0:x", "1e999:x"] {
            assert!(text.parse::<Weighted>().is_err(), "{text}");
        }
    }
}
