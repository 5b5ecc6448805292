//! The kernels, compiled for each instruction set, and the only calls into them.
//!
//! A function with `#[target_feature]` may only run on a CPU that has the features. Every one below
//! has a token of its instruction set as its first argument, and its callers hold that token: they
//! have it from [`Isa`], which is what was detected.

use crate::functions::{self, Function};
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use crate::isa::Relaxed;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Avx2, Avx512};
use crate::isa::{Isa, Portable};
use crate::kernel::groups::{self, Left, Lists, Right};
use crate::kernel::matrix::Matrix;
use crate::kernel::strips;
use crate::scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use crate::simd::F32x8;
use crate::simd::Simd;
#[cfg(target_arch = "x86_64")]
use crate::simd::{F32x8, F32x16, F64x4, F64x8};
use crate::tuning::VECTORS;

/// Numbers that kernels are compiled for. Each function takes what was detected: an [`Isa`], which
/// other crates cannot name, though the public `Float` gives them this trait.
pub trait Compiled: Scalar {
    /// `y = b + x·W`, in strips.
    fn strips_rows(
        isa: Isa,
        x: Matrix<'_, Self>,
        w: Matrix<'_, Self>,
        bias: Option<&[Self]>,
        skip: bool,
        y: &mut [&mut [Self]],
        scratch: &mut strips::Scratch<Self>,
    );

    /// `dW += scale·(xᵀ·dy)`, in strips.
    fn strips_transposed(
        isa: Isa,
        x: Matrix<'_, Self>,
        dy: Matrix<'_, Self>,
        skip: bool,
        scale: Option<Self>,
        dw: &mut [Self],
        scratch: &mut strips::Scratch<Self>,
    );

    /// `C += scale·(A·B)`, in groups of rows.
    fn groups(
        isa: Isa,
        a: Left<'_, Self>,
        b: Right<'_, Self>,
        skip: bool,
        scale: Option<Self>,
        c: &mut [&mut [Self]],
        lists: &mut Lists<Self>,
    );

    /// Replaces each number by its function's value.
    fn map(isa: Isa, function: Function, numbers: &mut [Self]);

    /// Adds `a·x` to `y`, each product and each sum rounded.
    fn add_scaled(isa: Isa, y: &mut [Self], a: Self, x: &[Self]);

    /// Writes `bytes / 255`.
    fn from_bytes(isa: Isa, bytes: &[u8], numbers: &mut [Self]);

    /// The sum of the squares.
    fn sum_squares(isa: Isa, numbers: &[Self]) -> f64;
}

/// Functions for one instruction set: `$features` are those that its token stands for, none for the
/// portable one.
macro_rules! kernels {
    ($name:ident: $isa:ty, $float:ident, $vector:ty $(, $features:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $features)])?
            pub fn strips_rows(
                isa: $isa,
                x: Matrix<'_, $float>,
                w: Matrix<'_, $float>,
                bias: Option<&[$float]>,
                skip: bool,
                y: &mut [&mut [$float]],
                scratch: &mut strips::Scratch<$float>,
            ) {
                strips::rows::<$float, $vector>(isa, x, w, bias, skip, y, scratch);
            }

            $(#[target_feature(enable = $features)])?
            pub fn strips_transposed(
                isa: $isa,
                x: Matrix<'_, $float>,
                dy: Matrix<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                dw: &mut [$float],
                scratch: &mut strips::Scratch<$float>,
            ) {
                strips::transposed::<$float, $vector>(isa, x, dy, skip, scale, dw, scratch);
            }

            $(#[target_feature(enable = $features)])?
            pub fn groups(
                isa: $isa,
                a: Left<'_, $float>,
                b: Right<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                c: &mut [&mut [$float]],
                lists: &mut Lists<$float>,
            ) {
                const PANEL: usize = VECTORS * <$vector as Simd<$float>>::LANES;
                groups::groups::<$float, $vector, PANEL>(isa, a, b, skip, scale, c, lists);
            }

            $(#[target_feature(enable = $features)])?
            pub fn map(_: $isa, function: Function, numbers: &mut [$float]) {
                functions::$float::map(function, numbers);
            }

            $(#[target_feature(enable = $features)])?
            pub fn add_scaled(_: $isa, y: &mut [$float], a: $float, x: &[$float]) {
                functions::add_scaled(y, a, x);
            }

            $(#[target_feature(enable = $features)])?
            pub fn from_bytes(_: $isa, bytes: &[u8], numbers: &mut [$float]) {
                functions::$float::from_bytes(bytes, numbers);
            }

            $(#[target_feature(enable = $features)])?
            pub fn sum_squares(_: $isa, numbers: &[$float]) -> f64 {
                functions::sum_squares(numbers)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(f32_avx512: Avx512, f32, F32x16, "avx512f,avx512vl,avx2,fma,bmi1,popcnt");
#[cfg(target_arch = "x86_64")]
kernels!(f32_avx2: Avx2, f32, F32x8, "avx2,fma,bmi1,popcnt");
#[cfg(target_arch = "x86_64")]
kernels!(f64_avx512: Avx512, f64, F64x8, "avx512f,avx512vl,avx2,fma,bmi1,popcnt");
#[cfg(target_arch = "x86_64")]
kernels!(f64_avx2: Avx2, f64, F64x4, "avx2,fma,bmi1,popcnt");
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
kernels!(f32_relaxed: Relaxed, f32, F32x8);
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
kernels!(f32_portable: Portable, f32, crate::simd::Exact);
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
kernels!(f32_portable: Portable, f32, [f32; 8]);
kernels!(f64_portable: Portable, f64, [f64; 4]);

/// Calls the function for the instruction set that was detected.
macro_rules! call {
    (f32, $isa:expr, $function:ident($($argument:expr),*)) => {
        match $isa {
            // SAFETY: the token stands for the features that the function was compiled for.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => unsafe { f32_avx512::$function(isa, $($argument),*) },
            // SAFETY: the token stands for the features that the function was compiled for.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => unsafe { f32_avx2::$function(isa, $($argument),*) },
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::Relaxed(isa) => f32_relaxed::$function(isa, $($argument),*),
            Isa::Portable(isa) => f32_portable::$function(isa, $($argument),*),
        }
    };
    (f64, $isa:expr, $function:ident($($argument:expr),*)) => {
        match $isa {
            // SAFETY: the token stands for the features that the function was compiled for.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => unsafe { f64_avx512::$function(isa, $($argument),*) },
            // SAFETY: the token stands for the features that the function was compiled for.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => unsafe { f64_avx2::$function(isa, $($argument),*) },
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::Relaxed(_) => f64_portable::$function(Portable, $($argument),*),
            Isa::Portable(isa) => f64_portable::$function(isa, $($argument),*),
        }
    };
}

macro_rules! compiled {
    ($float:ident) => {
        #[allow(unsafe_code)]
        impl Compiled for $float {
            fn strips_rows(
                isa: Isa,
                x: Matrix<'_, $float>,
                w: Matrix<'_, $float>,
                bias: Option<&[$float]>,
                skip: bool,
                y: &mut [&mut [$float]],
                scratch: &mut strips::Scratch<$float>,
            ) {
                call!($float, isa, strips_rows(x, w, bias, skip, y, scratch));
            }

            fn strips_transposed(
                isa: Isa,
                x: Matrix<'_, $float>,
                dy: Matrix<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                dw: &mut [$float],
                scratch: &mut strips::Scratch<$float>,
            ) {
                call!($float, isa, strips_transposed(x, dy, skip, scale, dw, scratch));
            }

            fn groups(
                isa: Isa,
                a: Left<'_, $float>,
                b: Right<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                c: &mut [&mut [$float]],
                lists: &mut Lists<$float>,
            ) {
                call!($float, isa, groups(a, b, skip, scale, c, lists));
            }

            fn map(isa: Isa, function: Function, numbers: &mut [$float]) {
                call!($float, isa, map(function, numbers));
            }

            fn add_scaled(isa: Isa, y: &mut [$float], a: $float, x: &[$float]) {
                call!($float, isa, add_scaled(y, a, x));
            }

            fn from_bytes(isa: Isa, bytes: &[u8], numbers: &mut [$float]) {
                call!($float, isa, from_bytes(bytes, numbers));
            }

            fn sum_squares(isa: Isa, numbers: &[$float]) -> f64 {
                call!($float, isa, sum_squares(numbers))
            }
        }
    };
}
compiled!(f32);
compiled!(f64);

/// [`functions::each`], compiled for the instruction set that was detected.
#[allow(unsafe_code)]
pub fn each<F: Scalar, const N: usize, const M: usize>(
    isa: Isa,
    changed: [&mut [F]; N],
    read: [&[F]; M],
    f: impl Fn([F; N], [F; M]) -> [F; N] + Copy,
) {
    match isa {
        // SAFETY: the token stands for the features that the function was compiled for.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { each_avx512(isa, changed, read, f) },
        // SAFETY: the token stands for the features that the function was compiled for.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { each_avx2(isa, changed, read, f) },
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::Relaxed(_) => functions::each(changed, read, f),
        Isa::Portable(_) => functions::each(changed, read, f),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,bmi1,popcnt")]
fn each_avx512<F: Scalar, const N: usize, const M: usize>(
    _: Avx512,
    changed: [&mut [F]; N],
    read: [&[F]; M],
    f: impl Fn([F; N], [F; M]) -> [F; N] + Copy,
) {
    functions::each(changed, read, f);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,popcnt")]
fn each_avx2<F: Scalar, const N: usize, const M: usize>(
    _: Avx2,
    changed: [&mut [F]; N],
    read: [&[F]; M],
    f: impl Fn([F; N], [F; M]) -> [F; N] + Copy,
) {
    functions::each(changed, read, f);
}

/// [`functions::map_positions`], compiled for the instruction set that was detected.
#[allow(unsafe_code)]
pub fn map_positions<F: Scalar>(
    isa: Isa,
    numbers: &mut [F],
    at: u32,
    f: impl Fn(u32, F) -> F + Copy,
) {
    match isa {
        // SAFETY: the token stands for the features that the function was compiled for.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { map_positions_avx512(isa, numbers, at, f) },
        // SAFETY: the token stands for the features that the function was compiled for.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { map_positions_avx2(isa, numbers, at, f) },
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::Relaxed(_) => functions::map_positions(numbers, at, f),
        Isa::Portable(_) => functions::map_positions(numbers, at, f),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,bmi1,popcnt")]
fn map_positions_avx512<F: Scalar>(
    _: Avx512,
    numbers: &mut [F],
    at: u32,
    f: impl Fn(u32, F) -> F + Copy,
) {
    functions::map_positions(numbers, at, f);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,popcnt")]
fn map_positions_avx2<F: Scalar>(
    _: Avx2,
    numbers: &mut [F],
    at: u32,
    f: impl Fn(u32, F) -> F + Copy,
) {
    functions::map_positions(numbers, at, f);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_isa_adds_the_same_and_rounds_twice() {
        let x: Vec<f32> = (0..300).map(|i| [0.0, (i * 37 % 101) as f32 / 7.0][i % 5 % 2]).collect();
        let y: Vec<f32> = (0..300).map(|i| (i * 53 % 97) as f32 / -3.0).collect();
        for isa in Isa::available() {
            // Beginnings anywhere in a cache line.
            for (from, n) in (0..20).flat_map(|from| [0, 1, 15, 64, 270].map(|n| (from, n))) {
                let mut sums = y.clone();
                f32::add_scaled(isa, &mut sums[from..from + n], -0.1, &x[from..from + n]);
                for (i, sum) in sums.iter().enumerate() {
                    let term = if (from..from + n).contains(&i) { 0.1 * x[i] } else { 0.0 };
                    assert_eq!(*sum, y[i] - term, "{isa:?} {from} {n} {i}");
                }
            }
        }
    }

    /// Momentum's step, on every instruction set and on lengths around that of a block.
    #[test]
    fn every_isa_passes_over_numbers_alike() {
        for n in [0, 1, 63, 64, 65, 200] {
            let numbers = |seed: usize| -> Vec<f32> {
                (0..n).map(|i| ((i * 37 + seed) % 101) as f32 / 7.0 - 5.0).collect()
            };
            let (p, v, g) = (numbers(1), numbers(2), numbers(3));
            let expected: Vec<(f32, f32)> = (0..n)
                .map(|i| {
                    let v = 0.9 * v[i] + g[i];
                    (p[i] - 0.1 * v, v)
                })
                .collect();
            for isa in Isa::available() {
                let (mut p, mut v) = (p.clone(), v.clone());
                each(isa, [&mut p, &mut v], [&g], |[p, v], [g]| {
                    let v = 0.9 * v + g;
                    [p - 0.1 * v, v]
                });
                let found: Vec<(f32, f32)> = p.into_iter().zip(v).collect();
                assert_eq!(found, expected, "{isa:?} {n}");
            }
            let mut tiny = vec![f32::MIN_POSITIVE; n];
            for isa in Isa::available() {
                each(isa, [&mut tiny], [], |[x], []| [x * 0.5]);
                assert!(tiny.iter().all(|&x| x == 0.0), "{isa:?}");
                tiny.fill(f32::MIN_POSITIVE);
            }
        }
    }

    #[test]
    fn every_isa_sums_the_same_squares() {
        for n in [0, 1, 15, 16, 17, 1000] {
            let numbers: Vec<f32> = (0..n).map(|i| (i * 37 % 101) as f32 / 7.0 - 5.0).collect();
            let exact: f64 = numbers.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            let of = |isa| f32::sum_squares(isa, &numbers);
            let portable = of(Isa::Portable(Portable));
            assert!((portable - exact).abs() <= 1e-12 * exact, "{n}: {portable} {exact}");
            assert!(
                Isa::available().into_iter().all(|isa| of(isa).to_bits() == portable.to_bits())
            );
        }
    }

    #[test]
    fn every_isa_counts_positions_alike() {
        for n in [0, 1, 15, 16, 17, 100] {
            let expected: Vec<f32> = (0..n).map(|i| (7 + i) as f32 * 2.0 + 1.0).collect();
            for isa in Isa::available() {
                let mut numbers = vec![1.0f32; n];
                map_positions(isa, &mut numbers, 7, |i, x| (i * 2) as f32 + x);
                assert_eq!(numbers, expected, "{isa:?} {n}");
            }
        }
    }

    #[test]
    fn every_byte_becomes_the_quotient_by_255() {
        #[track_caller]
        fn check<F: Compiled>(quotients: impl Iterator<Item = F>) {
            let bytes: Vec<u8> = (0..=255).collect();
            let expected: Vec<F> = quotients.collect();
            for isa in Isa::available() {
                for n in [256, 63, 0] {
                    let mut out = vec![F::zero(); n];
                    F::from_bytes(isa, &bytes[..n], &mut out);
                    assert_eq!(out, expected[..n], "{isa:?}");
                }
            }
        }
        check((0..=255u8).map(|b| f32::from(b) / 255.0));
        check((0..=255u8).map(|b| f64::from(b) / 255.0));
    }
}
