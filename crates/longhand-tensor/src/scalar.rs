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
    /// `self·b + c`, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
}

impl Scalar for f32 {
    const SMALLEST: [f32; 2] = [f32::MIN_POSITIVE, -f32::MIN_POSITIVE];
    #[inline(always)]
    fn fused(self, b: f32, c: f32) -> f32 {
        // WebAssembly has no such instruction, and a call for each number would take ten times as long.
        if cfg!(target_arch = "wasm32") { fused_by_f64(self, b, c) } else { self.mul_add(b, c) }
    }
}

impl Scalar for f64 {
    const SMALLEST: [f64; 2] = [f64::MIN_POSITIVE, -f64::MIN_POSITIVE];
    #[inline(always)]
    fn fused(self, b: f64, c: f64) -> f64 {
        self.mul_add(b, c)
    }
}

/// `a·b + c`, rounded once: the product is exact in f64. The sum is rounded to odd there, so that
/// rounding it again to f32 is as if there had been one rounding (S. Boldo, G. Melquiond, *Emulation of
/// FMA and correctly rounded sums*, 2008).
#[inline(always)]
fn fused_by_f64(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let back = sum - product;
    let error = (product - (sum - back)) + (c - back);
    let bits = sum.to_bits();
    // (Of an infinite sum the error is NaN.)
    let inexact = error.abs() > 0.0;
    let away = (error > 0.0) == (sum > 0.0);
    let odd = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
    f64::from_bits(if inexact && bits & 1 == 0 { odd } else { bits }) as f32
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

    /// Of all kinds of numbers: close to each other's products, so that the sum cancels, and far apart;
    /// denormal, infinite, and halfway between two numbers.
    #[test]
    fn a_fused_product_is_rounded_once() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 32) as u32
        };
        let edges = [0.0, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN, 1e-45];
        for i in 0..if cfg!(miri) { 1000 } else { 3_000_000 } {
            let [mut a, mut b, mut c] = [next(), next(), next()].map(f32::from_bits);
            match i % 4 {
                0 => {}
                1 => c = -(a * b) * (1.0 + (next() % 9) as f32 * f32::EPSILON),
                2 => {
                    // An exact product, and a sum that ends halfway or just beside it.
                    let [x, y, z] = [next(), next(), next()].map(|n| n % 4096);
                    [a, b] = [x, y].map(|n| (n + 4096) as f32);
                    c = (z as f32 - 2048.0) * 2f32.powi((next() % 60) as i32 - 30);
                }
                _ => {
                    let pick =
                        |n: u32, x: f32| if n & 1 == 0 { edges[n as usize / 2 % 8] } else { x };
                    [a, b, c] = [pick(next(), a), pick(next(), b), pick(next(), c)];
                }
            }
            let (found, expected) = (fused_by_f64(a, b, c), a.mul_add(b, c));
            let same =
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
            assert!(same, "{a:e} · {b:e} + {c:e}: {found:e}, expected {expected:e}");
        }
    }

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
