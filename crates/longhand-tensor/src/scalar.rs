//! The arithmetic that kernels need of a number. Nothing here knows the rest of the crate.

use std::fmt::Debug;

use ndarray::LinalgScalar;

/// `f32` or `f64` for a kernel: zero, one, `+`, `·` and comparisons, of numbers that threads share.
///
/// This module is private, so no other crate can implement the trait, or anything that builds on
/// it.
pub trait Scalar: LinalgScalar + PartialOrd + Debug + Send + Sync {}

impl Scalar for f32 {}
impl Scalar for f64 {}

/// Whether adding `scale` times zero changes nothing, not even the sign of a zero.
pub fn vanishes<F: Scalar>(scale: F) -> bool {
    let finite = scale * F::zero() == F::zero(); // infinity and NaN give NaN
    finite && scale < F::zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_finite_scale_vanishes_with_zero() {
        for (scale, expected) in [
            (-0.1, true),
            (f32::MIN, true),
            (-0.0, false),
            (0.0, false),
            (2.5, false),
            (f32::NEG_INFINITY, false),
            (f32::INFINITY, false),
            (f32::NAN, false),
        ] {
            assert_eq!(vanishes(scale), expected, "{scale}");
        }
    }
}
