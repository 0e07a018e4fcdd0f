//! Activations as types, one per variant of [`Activation`](super::Activation).

use crate::cpu::simd::Simd;
use crate::math;

/// A function from one vector to another, lane by lane.
pub(crate) trait VectorFn: Copy + Send + Sync {
    /// The function of `x`. Implementations are `#[inline(always)]`.
    fn eval<S: Simd>(self, s: S, x: S::V) -> S::V;
}

/// A computation that is compiled for each activation.
pub(crate) trait ActivationVisitor {
    /// What the computation returns.
    type Output;
    /// Computes with `f`.
    fn visit<F: VectorFn>(self, f: F) -> Self::Output;
}

/// Declares a unit struct that evaluates the given expression.
macro_rules! vector_fn {
    ($name:ident, $doc:literal, |$s:ident, $x:ident| $value:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;

        impl VectorFn for $name {
            #[inline(always)]
            fn eval<S: Simd>(self, $s: S, $x: S::V) -> S::V {
                $value
            }
        }
    };
}

vector_fn!(Identity, "`x`.", |_s, x| x);
vector_fn!(Gelu, "See [`math::gelu()`].", |s, x| math::gelu(s, x));
vector_fn!(GeluTanh, "See [`math::gelu_tanh`].", |s, x| math::gelu_tanh(s, x));
// For NaN, min and max return the second operand: `x`.
vector_fn!(Relu, "`max(x, 0)`.", |s, x| s.max(s.zero(), x));
vector_fn!(Relu6, "`min(max(x, 0), 6)`.", |s, x| s.min(s.splat(6.0), s.max(s.zero(), x)));
vector_fn!(Silu, "See [`math::silu`].", |s, x| math::silu(s, x));
vector_fn!(SiluBf16, "See [`math::silu_bf16`].", |s, x| math::silu_bf16(s, x));
vector_fn!(Tanh, "See [`math::tanh()`].", |s, x| math::tanh(s, x));
vector_fn!(Sigmoid, "See [`math::sigmoid()`].", |s, x| math::sigmoid(s, x));
