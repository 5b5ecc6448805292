use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign, Neg, SubAssign};

use ndarray::LinalgScalar;

use crate::functions::Function;
use crate::isa::Isa;
use crate::multiply::Multiply;
use crate::scalar::{Scalar, normal_or_zero};

/// `f32` or `f64`, with the few functions that networks need.
///
/// No function is the platform's, so that a seeded run gives the same bits wherever it runs: `exp`
/// of both types and `ln` of `f32` are this crate's own, within 1 unit in the last place, and so are
/// `tanh` and `erf` of `f32`, within 2; the other transcendental functions are those of the `libm`
/// crate in one exact version.
///
/// ```
/// use longhand_tensor::Float;
///
/// fn sigmoid<F: Float>(x: F) -> F {
///     F::one() / (F::one() + (-x).exp())
/// }
/// assert_eq!(sigmoid(0.0f32), 0.5);
/// assert_eq!(sigmoid(0.0f64), 0.5);
/// ```
pub trait Float:
    Multiply
    + LinalgScalar
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + PartialOrd
    + From<u8>
    + Sum
    + Debug
    + Display
    + Default
    + Send
    + Sync
{
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value as `f64`.
    fn to_f64(self) -> f64;
    /// `e` to the power of `self`.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// `ln(1 + self)`, accurate near 0.
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Error function, `2/√π · ∫ exp(−t²) dt` from 0 to `self`.
    fn erf(self) -> Self;
    /// Cosine of radians.
    fn cos(self) -> Self;
    /// `self·b + c`, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Whether the value is neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// The slices, of the type that they are: for functions that are compiled for both types in the crate
    /// that they are written in.
    #[doc(hidden)]
    fn slices<'a, const N: usize, const M: usize>(
        changed: [&'a mut [Self]; N],
        read: [&'a [Self]; M],
    ) -> Slices<'a, N, M>;

    /// The value, or zero where it is denormal: smaller than the smallest normal number, which
    /// makes arithmetic with it many times slower.
    ///
    /// ```
    /// use longhand_tensor::Float;
    /// assert_eq!([1e-39f32, 1e-37].map(Float::normal_or_zero), [0.0, 1e-37]);
    /// ```
    #[inline]
    fn normal_or_zero(self) -> Self {
        normal_or_zero(self)
    }
}

/// Slices of one of the two types: some that are changed, and some that are read.
#[doc(hidden)]
#[derive(Debug)]
pub enum Slices<'a, const N: usize, const M: usize> {
    /// Of `f32`.
    F32([&'a mut [f32]; N], [&'a [f32]; M]),
    /// Of `f64`.
    F64([&'a mut [f64]; N], [&'a [f64]; M]),
}

#[inline]
fn one<F: Float>(function: Function, x: F) -> F {
    let mut numbers = [x];
    F::map(Isa::detect(), function, &mut numbers);
    numbers[0]
}

macro_rules! float {
    ($type:ident $variant:ident $ln_1p:ident $cos:ident) => {
        impl Float for $type {
            #[inline]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn exp(self) -> Self {
                one(Function::Exp, self)
            }
            #[inline]
            fn ln(self) -> Self {
                one(Function::Ln, self)
            }
            #[inline]
            fn ln_1p(self) -> Self {
                libm::$ln_1p(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                one(Function::Tanh, self)
            }
            #[inline]
            fn erf(self) -> Self {
                one(Function::Erf, self)
            }
            #[inline]
            fn cos(self) -> Self {
                libm::$cos(self)
            }
            #[inline]
            fn mul_add(self, b: Self, c: Self) -> Self {
                self.fused(b, c)
            }
            #[inline]
            fn sqrt(self) -> Self {
                $type::sqrt(self) // IEEE 754 demands it correctly rounded, so the platform's is as good
            }
            #[inline]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline]
            fn slices<'a, const N: usize, const M: usize>(
                changed: [&'a mut [$type]; N],
                read: [&'a [$type]; M],
            ) -> Slices<'a, N, M> {
                Slices::$variant(changed, read)
            }
            #[inline]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
        }
    };
}
float!(f32 F32 log1pf cosf);
float!(f64 F64 log1p cos);
