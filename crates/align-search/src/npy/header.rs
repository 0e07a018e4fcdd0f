//! The header: a Python dict, as NumPy or another program writes it.

use super::dtype::Dtype;

/// The first bytes of every file.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The fields of the dict.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

/// A field, its expected value, and the value found.
pub(super) type Fault = (&'static str, &'static str, String);

const DICT: &str = "a Python dict of descr, fortran_order and shape";
const DTYPES: &str = "'<f4' or '<f2'";
const SHAPE: &str = "a tuple of lengths";

/// The largest number of dimensions accepted, which is that of NumPy.
const MAX_DIMENSIONS: usize = 64;

impl Header {
    /// The dict as text. A tuple of one length needs a comma, since `(3)` is a number in Python.
    pub(super) fn to_dict(&self) -> String {
        let lengths = self.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let comma = if self.shape.len() == 1 { "," } else { "" };
        let descr = self.dtype.descr();
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}{comma}), }}")
    }

    /// Parses the dict. The keys may be in any order.
    pub(super) fn from_dict(text: &str) -> Result<Self, Fault> {
        let whole = || ("header", DICT, shortened(text));
        let mut parser = Parser(text.trim_end());
        let (mut dtype, mut order, mut shape) = (None, None, None);
        parser.expect("{").ok_or_else(whole)?;
        while parser.expect("}").is_none() {
            let key = parser.string().ok_or_else(whole)?;
            parser.expect(":").ok_or_else(whole)?;
            match key {
                "descr" => dtype = Some(parser.dtype()?),
                "fortran_order" => order = Some(parser.row_major()?),
                "shape" => shape = Some(parser.shape()?),
                _ => return Err(whole()),
            }
            if parser.expect(",").is_none() && !parser.rest().starts_with('}') {
                return Err(whole());
            }
        }
        if !parser.rest().is_empty() {
            return Err(whole());
        }
        match (dtype, order, shape) {
            (Some(dtype), Some(()), Some(shape)) => Ok(Self { dtype, shape }),
            _ => Err(whole()),
        }
    }
}

/// The rest of the text.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn rest(&mut self) -> &'a str {
        self.0 = self.0.trim_start();
        self.0
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.0 = self.rest().strip_prefix(token)?;
        Some(())
    }

    /// A string in single or double quotes. Names of keys and types have no escapes.
    fn string(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (string, rest) = rest[1..].split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn dtype(&mut self) -> Result<Dtype, Fault> {
        let found = self.rest();
        let dtype = self.string().and_then(|name| {
            let named = |dtype: &Dtype| dtype.descr() == name;
            Dtype::ALL.into_iter().find(named)
        });
        dtype.ok_or_else(|| ("descr", DTYPES, shortened(found)))
    }

    fn row_major(&mut self) -> Result<(), Fault> {
        let found = self.rest();
        self.expect("False").ok_or_else(|| ("fortran_order", "False", shortened(found)))
    }

    fn shape(&mut self) -> Result<Vec<usize>, Fault> {
        let found = self.rest();
        let fault = || ("shape", SHAPE, shortened(found));
        self.expect("(").ok_or_else(fault)?;
        let mut shape = Vec::new();
        while self.expect(")").is_none() {
            let rest = self.rest();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let length = rest[..end].parse().map_err(|_| fault())?;
            self.0 = &rest[end..];
            shape.push(length);
            let comma = self.expect(",").is_some();
            if shape.len() > MAX_DIMENSIONS || !comma && !self.rest().starts_with(')') {
                return Err(fault());
            }
        }
        Ok(shape)
    }
}

/// The beginning of a text, for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let text = text.trim_end();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        Header::from_dict(text).unwrap_err()
    }

    #[test]
    fn a_dict_reads_back_in_any_form() {
        for shape in [&[][..], &[5], &[0, 640], &[1, 3, 289, 289]] {
            for dtype in Dtype::ALL {
                let header = Header { dtype, shape: shape.to_vec() };
                assert_eq!(Header::from_dict(&header.to_dict()).unwrap(), header);
            }
        }
        let other = "{\"shape\":(2,3) ,'fortran_order' :False,'descr':\"<f2\"}  \n";
        let expected = Header { dtype: Dtype::F16, shape: vec![2, 3] };
        assert_eq!(Header::from_dict(other).unwrap(), expected);
    }

    #[test]
    fn faults_name_the_field() {
        let dict = |descr: &str, order: &str, shape: &str| {
            fault(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"))
        };
        assert_eq!(dict("'<f8'", "False", "(1,)").0, "descr");
        assert_eq!(dict("[('a', '<f4')]", "False", "(1,)").0, "descr");
        assert_eq!(dict("'<f4'", "True", "(1,)").0, "fortran_order");
        for shape in ["(1 2)", "(-1,)", "(1.5,)", "[1]", "(,)", "(99999999999999999999999,)", "(1"]
        {
            assert_eq!(dict("'<f4'", "False", shape).0, "shape", "{shape}");
        }
        let long = format!("({})", "1, ".repeat(1000));
        let found = dict("'<f4'", "False", &long);
        assert!(found.0 == "shape" && found.2.len() < 80, "{found:?}");
    }

    #[test]
    fn what_is_no_dict_is_refused() {
        let whole = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        for end in 0..whole.len() {
            fault(&whole[..end]);
        }
        for text in [
            "{'descr': '<f4', 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
            "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
            "{é: 1}",
        ] {
            assert_eq!(fault(text).0, "header", "{text}");
        }
    }
}
