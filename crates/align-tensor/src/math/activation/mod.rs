//! The activations that a configuration may name.
//!
//! | activation | formula |
//! |---|---|
//! | [`Identity`](Activation::Identity) | `x` |
//! | [`Gelu`](Activation::Gelu) | `x (1 + erf(x / √2)) / 2` |
//! | [`GeluTanh`](Activation::GeluTanh) | `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2` |
//! | [`Relu`](Activation::Relu) | `max(x, 0)` |
//! | [`Relu6`](Activation::Relu6) | `min(max(x, 0), 6)` |
//! | [`Silu`](Activation::Silu) | `x / (1 + e^-x)` |
//! | [`Tanh`](Activation::Tanh) | `tanh(x)` |
//! | [`Sigmoid`](Activation::Sigmoid) | `1 / (1 + e^-x)` |
//!
//! All of them return NaN for NaN.

mod reference;
mod vector_fn;

pub(crate) use vector_fn::{ActivationVisitor, VectorFn};

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::number::Precision;
use std::fmt;

/// A function applied to every element of a layer's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `x (1 + erf(x / √2)) / 2`.
    Gelu,
    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x / (1 + e^-x)`, also called swish.
    Silu,
    /// [`Silu`](Self::Silu) with a relative error of up to `2^-12`, in half the time: see
    /// [`rounded_to`](Self::rounded_to).
    SiluBf16,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

impl Activation {
    /// Every activation that a configuration may name.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Gelu,
        Self::GeluTanh,
        Self::Relu,
        Self::Relu6,
        Self::Silu,
        Self::Tanh,
        Self::Sigmoid,
    ];

    /// The activation that a configuration's `hidden_act` names; `None` for an unknown name.
    ///
    /// ```
    /// use align_tensor::Activation;
    ///
    /// assert_eq!(Activation::from_name("swish"), Some(Activation::Silu));
    /// assert_eq!(Activation::from_name("softsign"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "linear" => Self::Identity,
            "gelu" => Self::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Self::GeluTanh,
            "relu" => Self::Relu,
            "relu6" => Self::Relu6,
            "silu" | "swish" => Self::Silu,
            "tanh" => Self::Tanh,
            "sigmoid" => Self::Sigmoid,
            _ => return None,
        })
    }

    /// This activation, or a faster one that is as good if products of `precision` round their operands
    /// to bf16.
    #[must_use]
    pub fn rounded_to(self, precision: Precision) -> Self {
        match (self, precision) {
            (Self::Silu, Precision::Bf16 | Precision::Int8) => Self::SiluBf16,
            _ => self,
        }
    }

    /// Calls `visitor` with this activation as a type, so that a kernel is compiled for it.
    #[inline(always)]
    pub(crate) fn visit<W: ActivationVisitor>(self, visitor: W) -> W::Output {
        match self {
            Self::Identity => visitor.visit(vector_fn::Identity),
            Self::Gelu => visitor.visit(vector_fn::Gelu),
            Self::GeluTanh => visitor.visit(vector_fn::GeluTanh),
            Self::Relu => visitor.visit(vector_fn::Relu),
            Self::Relu6 => visitor.visit(vector_fn::Relu6),
            Self::Silu => visitor.visit(vector_fn::Silu),
            Self::SiluBf16 => visitor.visit(vector_fn::SiluBf16),
            Self::Tanh => visitor.visit(vector_fn::Tanh),
            Self::Sigmoid => visitor.visit(vector_fn::Sigmoid),
        }
    }
}

/// The name that [`Activation::from_name`] reads back.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "linear",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_pytorch_tanh",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Silu | Self::SiluBf16 => "silu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        })
    }
}

/// The kernel: `x = f(x)`.
struct Activate<'a, F> {
    x: &'a mut [f32],
    f: F,
}

impl<F: VectorFn> Op for Activate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        s.map_in_place(
            self.x,
            #[inline(always)]
            |x| self.f.eval(s, x),
        );
    }
}

/// Applies `activation` to every value of `x`, in place.
pub fn activate(isa: Isa, activation: Activation, x: &mut [f32]) {
    struct Visitor<'a> {
        isa: Isa,
        x: &'a mut [f32],
    }
    impl ActivationVisitor for Visitor<'_> {
        type Output = ();

        fn visit<F: VectorFn>(self, f: F) {
            self.isa.dispatch(Activate { x: self.x, f });
        }
    }
    activation.visit(Visitor { isa, x });
}

#[cfg(test)]
mod tests;
