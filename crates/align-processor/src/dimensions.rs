//! Height and width.

/// The longest side, in pixels, that a config may ask for.
pub const MAX_SIDE: usize = 16_384;

/// The height and width of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Dimensions {
    /// A square of side `side`.
    pub const fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// Pixels in all.
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Dimensions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{} (height x width)", self.height, self.width)
    }
}
