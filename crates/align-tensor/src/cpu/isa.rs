//! Instruction sets: detection, selection, and the entry into kernels.

#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::Amx;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{self, Avx512Bf16};
use crate::cpu::simd::portable::Portable;
use crate::cpu::simd::{Op, Simd};
use crate::cpu::unit::Unit;
use crate::number::Precision;
use std::fmt;
use std::str::FromStr;

/// The environment variable that selects an instruction set instead of the most capable one.
pub const ISA_VARIABLE: &str = "ALIGN_ISA";

/// The name of an instruction set, from the least to the most capable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IsaName {
    /// Any CPU: 8 lanes on the `wide` crate.
    Portable,
    /// AVX2, FMA and F16C: 8 lanes.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
    /// AVX-512 with AVX512-BF16 and AMX tiles for the products of all precisions but `f32`.
    Amx,
}

impl IsaName {
    /// Every name, from the least to the most capable.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];
}

impl fmt::Display for IsaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
        })
    }
}

/// The error of a request for an instruction set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsaError {
    /// The name is unknown.
    #[error("unknown instruction set {0:?}: expected portable, avx2, avx512 or amx")]
    Unknown(String),
    /// The CPU, or this build, does not have it.
    #[error("instruction set {wanted} is not available here: the best is {best}")]
    Unavailable {
        /// The requested set.
        wanted: IsaName,
        /// The most capable set that is available.
        best: IsaName,
    },
}

impl FromStr for IsaName {
    type Err = IsaError;

    fn from_str(name: &str) -> Result<Self, IsaError> {
        Self::ALL
            .into_iter()
            .find(|isa| isa.to_string() == name)
            .ok_or_else(|| IsaError::Unknown(name.to_owned()))
    }
}

/// An instruction set that this CPU has been found to have.
///
/// ```
/// use align_tensor::{Isa, IsaName};
///
/// assert!(Isa::available().iter().any(|isa| isa.name() == IsaName::Portable));
/// assert!(Isa::best() >= Isa::get(IsaName::Portable).unwrap());
/// ```
#[derive(Clone, Copy)]
pub struct Isa(Token);

/// The proofs of detection, one for each set that has kernels.
#[derive(Clone, Copy)]
enum Token {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Amx(Avx512, Amx),
}

impl Isa {
    /// The instruction set of that name, if this CPU has it.
    pub fn get(name: IsaName) -> Option<Self> {
        match name {
            IsaName::Portable => Some(Self(Token::Portable(Portable))),
            #[cfg(target_arch = "x86_64")]
            IsaName::Avx2 => Avx2::detect().map(Token::Avx2).map(Self),
            #[cfg(target_arch = "x86_64")]
            IsaName::Avx512 => Avx512::detect().map(Token::Avx512).map(Self),
            #[cfg(target_arch = "x86_64")]
            IsaName::Amx => {
                Avx512::detect().zip(Amx::detect()).map(|(s, amx)| Self(Token::Amx(s, amx)))
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => None,
        }
    }

    /// All instruction sets that this CPU has, from the least to the most capable. The portable set
    /// is the first.
    pub fn available() -> Vec<Self> {
        IsaName::ALL.into_iter().filter_map(Self::get).collect()
    }

    /// The most capable instruction set that this CPU has.
    pub fn best() -> Self {
        *Self::available().last().expect("the portable set is always there")
    }

    /// The instruction set that the environment variable `ALIGN_ISA` names, or the most capable
    /// one if the variable is not set.
    ///
    /// # Errors
    /// If the variable names no instruction set, or one that is not available.
    pub fn from_env() -> Result<Self, IsaError> {
        match std::env::var_os(ISA_VARIABLE) {
            None => Ok(Self::best()),
            Some(name) if name.is_empty() => Ok(Self::best()),
            Some(name) => {
                let wanted: IsaName = name.to_string_lossy().parse()?;
                Self::get(wanted).ok_or(IsaError::Unavailable { wanted, best: Self::best().name() })
            }
        }
    }

    /// The name of this set.
    pub fn name(self) -> IsaName {
        match self.0 {
            Token::Portable(_) => IsaName::Portable,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => IsaName::Avx2,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => IsaName::Avx512,
            #[cfg(target_arch = "x86_64")]
            Token::Amx(..) => IsaName::Amx,
        }
    }

    /// The unit that multiplies bf16 numbers on this set.
    pub(crate) fn bf16_unit(self) -> Unit {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => Avx512Bf16::detect()
                .filter(|_| avx512_bf16::is_fast())
                .map_or(Unit::Fma, Unit::Pairs),
            #[cfg(target_arch = "x86_64")]
            Token::Amx(_, amx) => Unit::Tiles(amx),
            _ => Unit::Fma,
        }
    }

    /// The instructions that compute products of `precision` on this set, in words.
    pub fn product_instructions(self, precision: Precision) -> &'static str {
        match precision {
            Precision::F32 => "f32 multiply-adds",
            _ => self.bf16_unit().name(),
        }
    }

    /// Runs `op` compiled for this set.
    #[inline]
    pub(crate) fn dispatch<O: Op>(self, op: O) -> O::Output {
        match self.0 {
            Token::Portable(s) => s.outline(op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(s) => s.outline(op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(s) | Token::Amx(s, _) => s.outline(op),
        }
    }
}

impl PartialEq for Isa {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Isa {}

impl PartialOrd for Isa {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Isa {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(&other.name())
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in IsaName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        let message = "sse9".parse::<IsaName>().unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown instruction set \"sse9\": expected portable, avx2, avx512 or amx"
        );
    }

    #[test]
    fn the_best_is_the_last_available() {
        let available = Isa::available();
        assert_eq!(available[0].name(), IsaName::Portable);
        assert!(available.is_sorted());
        assert_eq!(available.last(), Some(&Isa::best()));
    }
}
