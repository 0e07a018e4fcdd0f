//! Height and width of images.

/// The longest side of a config's sizes, in pixels.
pub const MAX_SIDE: usize = 16_384;

/// Height and width of an image, in pixels. The text form is `346x289 (height x width)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl Dimensions {
    /// A square.
    pub const fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Dimensions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{} (height x width)", self.height, self.width)
    }
}
