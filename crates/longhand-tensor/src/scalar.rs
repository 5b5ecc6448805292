//! The arithmetic that kernels need of a number. Nothing here knows the rest of the crate.

use std::fmt::Debug;

use ndarray::LinalgScalar;

/// `f32` or `f64` for a kernel: zero, one, `+`, `·` and comparisons, of numbers that threads share.
///
/// This module is private, so no other crate can implement the trait, or anything that builds on
/// it.
pub trait Scalar: LinalgScalar + PartialOrd + Debug + Send + Sync {
    /// The smallest positive number that is not denormal, and the same below zero.
    const SMALLEST: [Self; 2];
}

impl Scalar for f32 {
    const SMALLEST: [f32; 2] = [f32::MIN_POSITIVE, -f32::MIN_POSITIVE];
}

impl Scalar for f64 {
    const SMALLEST: [f64; 2] = [f64::MIN_POSITIVE, -f64::MIN_POSITIVE];
}

/// The number, or zero where it is denormal.
#[inline(always)]
pub fn normal_or_zero<F: Scalar>(x: F) -> F {
    let [smallest, largest_below] = F::SMALLEST;
    if x < smallest && x > largest_below { F::zero() } else { x }
}

/// Whether adding `scale` times zero changes nothing, not even the sign of a zero.
pub fn vanishes<F: Scalar>(scale: F) -> bool {
    let finite = scale * F::zero() == F::zero(); // infinity and NaN give NaN
    finite && scale < F::zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denormal_numbers_become_zero_and_no_others() {
        let smallest = f32::MIN_POSITIVE;
        for x in [smallest, -smallest, 1.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            assert_eq!(normal_or_zero(x), x);
        }
        for x in [smallest.next_down(), -smallest.next_down(), 1e-45, 0.0, -0.0] {
            assert_eq!(normal_or_zero(x).to_bits(), 0, "{x}");
        }
        assert!(normal_or_zero(f32::NAN).is_nan());
        assert_eq!(normal_or_zero(f64::MIN_POSITIVE / 2.0), 0.0);
    }

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
