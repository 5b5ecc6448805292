//! Pairs of WebAssembly's vectors: with its relaxed multiply-add, and with one by way of f64.
//!
//! An engine may round the product of the relaxed instruction, or not. A token of [`Relaxed`] is a proof
//! that it does not. The instructions themselves are in every engine that has loaded the module, as the
//! whole program was compiled for them.

use std::arch::wasm32::*;

use super::Simd;
use crate::isa::Portable;
#[cfg(target_feature = "relaxed-simd")]
use crate::isa::Relaxed;

/// The numbers in a vector's lanes.
#[inline(always)]
fn lanes(v: v128) -> [f32; 4] {
    [
        f32x4_extract_lane::<0>(v),
        f32x4_extract_lane::<1>(v),
        f32x4_extract_lane::<2>(v),
        f32x4_extract_lane::<3>(v),
    ]
}

macro_rules! two_vectors {
    ($name:ident, $isa:ty, $fused:expr) => {
        /// Two vectors of four lanes.
        #[derive(Clone, Copy)]
        pub struct $name([v128; 2]);

        impl Simd<f32> for $name {
            type Isa = $isa;
            type Part = Self;
            const LANES: usize = 8;
            #[inline(always)]
            fn splat(_: $isa, value: f32) -> Self {
                $name([f32x4_splat(value); 2])
            }
            #[inline(always)]
            fn load(_: $isa, from: &[f32]) -> Self {
                let &[a, b, c, d, e, f, g, h] =
                    from.first_chunk().expect("as many elements as lanes");
                $name([f32x4(a, b, c, d), f32x4(e, f, g, h)])
            }
            #[inline(always)]
            fn store(self, to: &mut [f32]) {
                let to: &mut [f32; 8] = to.first_chunk_mut().expect("as many elements as lanes");
                let (first, second) = to.split_at_mut(4);
                first.copy_from_slice(&lanes(self.0[0]));
                second.copy_from_slice(&lanes(self.0[1]));
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                $name([0, 1].map(|i| $fused(self.0[i], b.0[i], c.0[i])))
            }
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                $name([0, 1].map(|i| f32x4_add(self.0[i], b.0[i])))
            }
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                $name([0, 1].map(|i| f32x4_mul(self.0[i], b.0[i])))
            }
            #[inline(always)]
            fn or(self, b: Self) -> Self {
                $name([0, 1].map(|i| v128_or(self.0[i], b.0[i])))
            }
            #[inline(always)]
            fn nonzero(self) -> u32 {
                let of = |v| u32::from(i32x4_bitmask(f32x4_ne(v, f32x4_splat(0.0))));
                of(self.0[0]) | of(self.0[1]) << 4
            }
        }
    };
}
#[cfg(target_feature = "relaxed-simd")]
two_vectors!(F32x8, Relaxed, f32x4_relaxed_madd);
two_vectors!(Exact, Portable, fused);

/// `a·b + c`, rounded once, as [`fused`](crate::scalar::Scalar::fused) explains. To round a sum in f64 once
/// more is harmful only if it looks as if it were halfway between two f32: that is asked first.
#[inline(always)]
fn fused(a: v128, b: v128, c: v128) -> v128 {
    let upper = |v| i32x4_shuffle::<2, 3, 2, 3>(v, v);
    let [a, b, c] = [a, b, c].map(|v| [v, upper(v)].map(|v| f64x2_promote_low_f32x4(v)));
    let products = [0, 1].map(|i| f64x2_mul(a[i], b[i]));
    let mut sums = [0, 1].map(|i| f64x2_add(products[i], c[i]));
    let [low, high] = sums.map(looks_halfway);
    if v128_any_true(v128_or(low, high)) {
        sums = [0, 1].map(|i| rounded_to_odd(products[i], c[i], sums[i]));
    }
    let [low, high] = sums.map(|sum| f32x4_demote_f64x2_zero(sum));
    i32x4_shuffle::<0, 1, 4, 5>(low, high)
}

/// Whether the bits that f32 lacks are 100...0, or may be, as the number will be denormal.
#[inline(always)]
fn looks_halfway(sum: v128) -> v128 {
    const LACKING: i64 = (1 << 29) - 1;
    let halfway = i64x2_eq(v128_and(sum, i64x2_splat(LACKING)), i64x2_splat(1 << 28));
    let size = f64x2_abs(sum);
    let denormal = f64x2_lt(size, f64x2_splat(f64::from(f32::MIN_POSITIVE)));
    v128_or(halfway, v128_and(denormal, f64x2_gt(size, f64x2_splat(0.0))))
}

/// The sum of a product and `c`, whose last bit is 1 if the sum is not exact.
#[cold]
fn rounded_to_odd(product: v128, c: v128, sum: v128) -> v128 {
    let (zero, one) = (f64x2_splat(0.0), i64x2_splat(1));
    let back = f64x2_sub(sum, product);
    let error = f64x2_add(f64x2_sub(product, f64x2_sub(sum, back)), f64x2_sub(c, back));
    let inexact = f64x2_gt(f64x2_abs(error), zero);
    let even = i64x2_neg(v128_andnot(one, sum));
    // −1 towards zero, 1 away from it.
    let towards = v128_or(v128_xor(f64x2_gt(error, zero), f64x2_gt(sum, zero)), one);
    i64x2_add(sum, v128_and(towards, v128_and(inexact, even)))
}
