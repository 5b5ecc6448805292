//! Functions of many numbers at once, written so that the compiler makes vector instructions of
//! them: no branch, and no call but of fused multiply-adds. Every operation is one that IEEE 754
//! rounds in one way only, so the bits are the same on every CPU.
//!
//! All are `#[inline(always)]`: `compiled` puts them into functions for one instruction set each.

use std::array::from_fn;

use crate::scalar::{Scalar, normal_or_zero};
use crate::tuning::{LINE, TOGETHER_IN_EACH};

/// A function of one number.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// `e` to the power of the number.
    Exp,
    /// Natural logarithm.
    Ln,
    /// Hyperbolic tangent.
    Tanh,
    /// Error function.
    Erf,
}

/// Adds `a·x` to `y`, each product and each sum rounded.
#[inline(always)]
pub fn add_scaled<F: Scalar>(y: &mut [F], a: F, x: &[F]) {
    // The most of it begins where a cache line does, so that no vector is written to two.
    let few = y.as_ptr().align_offset(LINE).min(y.len());
    let (first, most) = y.split_at_mut(few);
    for (y, x) in [(first, &x[..few]), (most, &x[few..])] {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = *y + a * x;
        }
    }
}

/// Replaces the numbers at each place of slices of one length by what `f` makes of them, and of
/// those that are read. Leaves no denormal number.
#[inline(always)]
pub fn each<F: Scalar, const N: usize, const M: usize>(
    mut changed: [&mut [F]; N],
    mut read: [&[F]; M],
    f: impl Fn([F; N], [F; M]) -> [F; N] + Copy,
) {
    const BLOCK: usize = TOGETHER_IN_EACH;
    let n = changed.first().map_or(0, |c| c.len());
    for _ in 0..n / BLOCK {
        // Blocks of a length that the compiler knows: no bounds are checked in the loop.
        let numbers: [&mut [F; BLOCK]; N] = from_fn(|k| {
            let (block, rest) =
                std::mem::take(&mut changed[k]).split_first_chunk_mut().expect("a block");
            changed[k] = rest;
            block
        });
        let others: [&[F; BLOCK]; M] = from_fn(|k| {
            let (block, rest) = read[k].split_first_chunk().expect("a block");
            read[k] = rest;
            block
        });
        for i in 0..BLOCK {
            let after = f(from_fn(|k| numbers[k][i]), from_fn(|k| others[k][i]));
            for k in 0..N {
                numbers[k][i] = normal_or_zero(after[k]);
            }
        }
    }
    for i in 0..n % BLOCK {
        let after = f(from_fn(|k| changed[k][i]), from_fn(|k| read[k][i]));
        for k in 0..N {
            changed[k][i] = normal_or_zero(after[k]);
        }
    }
}

/// The sum of the squares, in f64: sixteen sums of every sixteenth number, added in pairs.
#[inline(always)]
pub fn sum_squares<F: Scalar + Into<f64>>(numbers: &[F]) -> f64 {
    let mut sums = [0.0f64; 16];
    let (blocks, rest) = numbers.as_chunks::<16>();
    for block in blocks {
        for i in 0..16 {
            let x: f64 = block[i].into();
            sums[i] += x * x;
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        let x: f64 = x.into();
        *sum += x * x;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
    }
    sums[0]
}

/// Replaces each number by what `f` makes of its position, counted from `at`, and of it.
#[inline(always)]
pub fn map_positions<F: Copy>(numbers: &mut [F], at: u32, f: impl Fn(u32, F) -> F + Copy) {
    for (i, number) in numbers.iter_mut().enumerate() {
        *number = f(at.wrapping_add(i as u32), *number);
    }
}

/// Functions for `f32`.
pub mod f32 {
    use super::Function;
    use crate::scalar::Scalar;

    #[inline(always)]
    pub fn map(function: Function, numbers: &mut [f32]) {
        match function {
            Function::Exp => {
                for x in numbers {
                    *x = exp(*x);
                }
            }
            Function::Ln => {
                for x in numbers {
                    *x = ln(*x);
                }
            }
            Function::Tanh => {
                for x in numbers {
                    *x = tanh(*x);
                }
            }
            Function::Erf => {
                for x in numbers {
                    *x = erf(*x);
                }
            }
        }
    }

    /// Writes `bytes / 255`.
    #[inline(always)]
    pub fn from_bytes(bytes: &[u8], numbers: &mut [f32]) {
        for (number, &byte) in numbers.iter_mut().zip(bytes) {
            *number = from_byte(byte);
        }
    }

    /// The quotient by 255 is a product with its inverse, whose error a second product takes back:
    /// correctly rounded for every byte, which is tested. Where a fused product takes many instructions,
    /// it is a quotient.
    #[inline(always)]
    fn from_byte(byte: u8) -> f32 {
        if cfg!(target_arch = "wasm32") {
            return f32::from(byte) / 255.0;
        }
        const INVERSE: f32 = 1.0 / 255.0;
        const REST: f32 = (1.0 / 255.0 - INVERSE as f64) as f32;
        f32::from(byte).fused(INVERSE, f32::from(byte) * REST)
    }

    /// ln 2 as the sum of two numbers, the first of so few digits that its product with an exponent
    /// is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    /// `e^x`, within 1 unit in the last place (tested for every `f32`).
    ///
    /// `x = n·ln 2 + r` with an integer `n` and `|r| ≤ ln 2 / 2`, so that `e^x = 2^n·e^r`, and `e^r
    /// = 1 + r + r²·q(r)` with a polynomial `q` of least largest error.
    #[inline(always)]
    fn exp(x: f32) -> f32 {
        const TO_INTEGER: f32 = 12_582_912.0; // 1.5·2²³: what is added to it is rounded to an integer, in its last bits
        // Above 89 is infinity and below -104 is zero, in any case. NaN is neither, and stays.
        let x = if x > 89.0 { 89.0 } else { x };
        let x = if x < -104.0 { -104.0 } else { x };
        let shifted = x.fused(std::f32::consts::LOG2_E, TO_INTEGER);
        let n = shifted - TO_INTEGER;
        let r = n.fused(-LN_2_LOW, n.fused(-LN_2_HIGH, x));
        let q = 1.979_034_1e-4_f32;
        let q = q.fused(r, 1.394_466e-3);
        let q = q.fused(r, 8.333_497e-3);
        let q = q.fused(r, 4.166_629_5e-2);
        let q = q.fused(r, 0.166_666_66);
        let q = q.fused(r, 0.5);
        let exp_r = q.fused(r * r, r) + 1.0;
        // 2^n in two factors, as it may be too large or too small for one.
        let n = shifted.to_bits().wrapping_sub(TO_INTEGER.to_bits()) as i32;
        let half = n >> 1;
        let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
        exp_r * power(half) * power(n.wrapping_sub(half))
    }

    /// `ln x`, within 1 unit in the last place (tested for every `f32`).
    ///
    /// `x = 2^n·(1 + f)` with `1 + f` from `√½` to `√2`, so that `ln x = n·ln 2 + ln(1 + f)`, and
    /// `ln(1 + f) = f − f²/2 + f³·p(f)` with a polynomial `p` of least largest error.
    #[inline(always)]
    fn ln(x: f32) -> f32 {
        const ROOT_HALF: u32 = 0x3f35_04f3;
        let tiny = x < f32::MIN_POSITIVE;
        let scaled = if tiny { x * 8_388_608.0 } else { x }; // 2²³
        let above = scaled.to_bits().wrapping_sub(ROOT_HALF);
        let n = (above as i32 >> 23) as f32 - if tiny { 23.0 } else { 0.0 };
        let f = f32::from_bits((above & 0x007f_ffff).wrapping_add(ROOT_HALF)) - 1.0;
        let p = 6.746_649e-2_f32;
        let p = p.fused(f, -0.116_756_7);
        let p = p.fused(f, 0.118_881_68);
        let p = p.fused(f, -0.124_055_86);
        let p = p.fused(f, 0.142_195_51);
        let p = p.fused(f, -0.166_679_96);
        let p = p.fused(f, 0.200_021_19);
        let p = p.fused(f, -0.250_000_1);
        let p = p.fused(f, 0.333_333_13);
        let square = f * f;
        let small = n.fused(LN_2_LOW, (p * f).fused(square, -0.5 * square));
        let ln = n.fused(LN_2_HIGH, f + small);
        let ln = if x > f32::MAX || x.is_nan() { x } else { ln };
        let ln = if x == 0.0 { f32::NEG_INFINITY } else { ln };
        if x < 0.0 { f32::NAN } else { ln }
    }

    /// `tanh x`, within 2 units in the last place (tested for every `f32`).
    ///
    /// Near 0 it is `x + x³·p(x²)` with a polynomial `p` of least largest error, and elsewhere `1 − 2 /
    /// (e^(2·|x|) + 1)` with the sign of `x`.
    #[inline(always)]
    fn tanh(x: f32) -> f32 {
        let square = x * x;
        let p = -5.717_037e-3_f32;
        let p = p.fused(square, 2.065_057_9e-2);
        let p = p.fused(square, -5.374_349_7e-2);
        let p = p.fused(square, 0.133_314_91);
        let p = p.fused(square, -0.333_332_84);
        let near = (p * square).fused(x, x);
        let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
        if x.abs() < 0.625 { near } else { far.copysign(x) }
    }

    /// `erf x`, within 2 units in the last place (tested for every `f32`).
    ///
    /// Near 0 it is `x + x·p(x²)`, and elsewhere `1 − e^r(|x|)` with the sign of `x`, with polynomials of
    /// least largest error, `r` being that of `ln(1 − erf)`. From 4 on it is 1.
    #[inline(always)]
    fn erf(x: f32) -> f32 {
        let square = x * x;
        let p = -6.111_291_6e-4_f32;
        let p = p.fused(square, 5.016_228e-3);
        let p = p.fused(square, -2.678_195_8e-2);
        let p = p.fused(square, 0.112_822_3);
        let p = p.fused(square, -0.376_125_34);
        let p = p.fused(square, 0.128_379_17); // 2/√π − 1
        let near = p.fused(x, x);
        // NaN is not above 4, and stays.
        let t = if x.abs() > 4.0 { 4.0 } else { x.abs() };
        let r = -2.014_801_8e-5_f32;
        let r = r.fused(t, 4.236_127_4e-4);
        let r = r.fused(t, -4.119_043e-3);
        let r = r.fused(t, 2.498_407_1e-2);
        let r = r.fused(t, -0.108_073_555);
        let r = r.fused(t, -0.633_531_8);
        let r = r.fused(t, -1.129_424_9);
        let r = r.fused(t, 1.562_955_7e-4);
        let far = 1.0 - exp(r);
        if x.abs() < 0.9 { near } else { far.copysign(x) }
    }
}

/// Functions for `f64`, which is for checking gradients.
pub mod f64 {
    use super::Function;
    use crate::scalar::Scalar;

    #[inline(always)]
    pub fn map(function: Function, numbers: &mut [f64]) {
        if let Function::Exp = function {
            for x in numbers {
                *x = exp(*x);
            }
            return;
        }
        for x in numbers {
            *x = match function {
                Function::Exp => unreachable!("done above"),
                Function::Ln => libm::log(*x),
                Function::Tanh => libm::tanh(*x),
                Function::Erf => libm::erf(*x),
            };
        }
    }

    /// ln 2 as the sum of two numbers, the first of so few digits that its product with an exponent
    /// is exact.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

    /// `1/2!, 1/3!, ..`: the series of `(e^r − 1 − r) / r²`. What is left out is below 2⁻⁵⁷ of `e^r`.
    const SERIES: [f64; 12] = {
        let (mut series, mut n, mut factorial) = ([0.0; 12], 0, 1.0);
        while n < 12 {
            factorial *= (n + 2) as f64;
            series[n] = 1.0 / factorial;
            n += 1;
        }
        series
    };

    /// `e^x`, within 1 unit in the last place (tested for a million numbers), in the same way as that of f32.
    #[inline(always)]
    fn exp(x: f64) -> f64 {
        const TO_INTEGER: f64 = 6_755_399_441_055_744.0; // 1.5·2⁵²: what is added to it is rounded to an integer, in its last bits
        // Above 710 is infinity and below -746 is zero, in any case. NaN is neither, and stays.
        let x = if x > 710.0 { 710.0 } else { x };
        let x = if x < -746.0 { -746.0 } else { x };
        let n = x.fused(std::f64::consts::LOG2_E, TO_INTEGER) - TO_INTEGER;
        let r = n.fused(-LN_2_LOW, n.fused(-LN_2_HIGH, x));
        let mut q = SERIES[11];
        for coefficient in SERIES[..11].iter().rev() {
            q = q.fused(r, *coefficient);
        }
        let exp_r = q.fused(r * r, r) + 1.0;
        // 2^n in two factors, as it may be too large or too small for one.
        let half = (0.5 * n + TO_INTEGER) - TO_INTEGER;
        let power = |n: f64| f64::from_bits((n + (1023.0 + TO_INTEGER)).to_bits() << 52);
        exp_r * power(half) * power(n - half)
    }

    /// Writes `bytes / 255`, as a product that is as exact as in f32.
    #[inline(always)]
    pub fn from_bytes(bytes: &[u8], numbers: &mut [f64]) {
        const INVERSE: f64 = 1.0 / 255.0;
        const REST: f64 = 5.442269728554689e-20; // 1/255 − INVERSE
        for (number, &byte) in numbers.iter_mut().zip(bytes) {
            *number = f64::from(byte).mul_add(INVERSE, f64::from(byte) * REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Function;
    use crate::compiled::Compiled;
    use crate::isa::{Isa, Portable};

    /// The distance of `found` from `exact` in units of the last place of the `f32` next to
    /// `exact`.
    fn units(found: f32, exact: f64) -> f64 {
        let nearest = exact as f32;
        if found.to_bits() == nearest.to_bits() || (found.is_nan() && nearest.is_nan()) {
            return 0.0;
        }
        let unit = f64::from(f32::from_bits(nearest.abs().to_bits().max(1 << 23) & 0x7f80_0000))
            * f64::from(f32::EPSILON);
        (f64::from(found) - exact).abs() / unit
    }

    /// The worst error over every `step`th `f32`.
    fn worst(function: Function, exact: fn(f64) -> f64, step: usize) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        let mut bits = (0..=u32::MAX).step_by(step);
        loop {
            let x: Vec<f32> = bits.by_ref().take(1 << 16).map(f32::from_bits).collect();
            if x.is_empty() {
                return worst;
            }
            let mut found = x.clone();
            f32::map(Isa::detect(), function, &mut found);
            for (found, x) in found.into_iter().zip(x) {
                let error = units(found, exact(f64::from(x)));
                if error.is_nan() || error > worst.0 {
                    worst = (error, x);
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "millions of numbers")]
    fn errors_are_within_1_or_2_units_in_the_last_place() {
        // The step is prime, so that every exponent and every kind of mantissa is met.
        // `LONGHAND_EVERY_F32=1` takes minutes.
        let step = if std::env::var_os("LONGHAND_EVERY_F32").is_some() { 1 } else { 1009 };
        for (function, exact, most) in [
            (Function::Exp, libm::exp as fn(f64) -> f64, 1.0),
            (Function::Ln, libm::log, 1.0),
            (Function::Tanh, libm::tanh, 2.0),
            (Function::Erf, libm::erf, 2.0),
        ] {
            let (error, x) = worst(function, exact, step);
            println!("{function:?}: {error} units in the last place, at {x}");
            assert!(
                error <= most,
                "{function:?} of {x} is wrong by {error} units in the last place"
            );
        }
    }

    /// A number as the sum of two, with twice the digits.
    type Double = [f64; 2];

    fn sum(a: Double, b: Double) -> Double {
        let s = a[0] + b[0];
        let v = s - a[0];
        let rest = (a[0] - (s - v)) + (b[0] - v) + (a[1] + b[1]);
        [s + rest, rest - ((s + rest) - s)]
    }

    fn product(a: Double, b: Double) -> Double {
        let p = a[0] * b[0];
        let rest = a[0].mul_add(b[0], -p) + (a[0] * b[1] + a[1] * b[0]);
        [p + rest, rest - ((p + rest) - p)]
    }

    /// `e^x` with twice the digits of f64, without the factor `2^n`, and `n`: the series of `e^(r / 64)`, squared six
    /// times.
    fn exact_exp(x: f64) -> (Double, i32) {
        const LN_2: Double = [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17];
        let n = (x / LN_2[0]).round();
        let r = product(sum([x, 0.0], product([-n, 0.0], LN_2)), [1.0 / 64.0, 0.0]);
        let mut exp = [1.0, 0.0];
        for k in (1..=14).rev() {
            // 1/k with twice the digits.
            let inverse = 1.0 / f64::from(k);
            let inverse = [inverse, (-inverse).mul_add(f64::from(k), 1.0) / f64::from(k)];
            exp = sum([1.0, 0.0], product(product(exp, r), inverse));
        }
        for _ in 0..6 {
            exp = product(exp, exp);
        }
        (exp, n as i32)
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million numbers")]
    fn exp_of_f64_is_within_1_unit_in_the_last_place() {
        let mut worst = (0.0, 0.0);
        for i in 0..1_000_000 {
            // Uneven steps, for all results that are normal numbers.
            let x = -708.0 + 1417.0 * (f64::from(i) * 0.618_033_988_749_894_9).fract();
            let mut found = [x];
            f64::map(Isa::detect(), Function::Exp, &mut found);
            let (exact, n) = exact_exp(x);
            // Without the factor: what is left is between √½ and √2, and exact in f64.
            let found = found[0] * 2f64.powi(-n / 2) * 2f64.powi(-n - -n / 2);
            let unit = if exact[0] < 1.0 { f64::EPSILON / 2.0 } else { f64::EPSILON };
            let error = ((found - exact[0]) - exact[1]).abs() / unit;
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("exp of f64: {} units in the last place, at {}", worst.0, worst.1);
        assert!(worst.0 <= 1.0, "{worst:?}");
        let mut ends =
            [f64::NEG_INFINITY, -745.2, -745.0, -0.0, 709.78, 709.79, f64::INFINITY, f64::NAN];
        f64::map(Isa::detect(), Function::Exp, &mut ends);
        assert!(ends[7].is_nan());
        assert_eq!(ends[..2], [0.0, 0.0]);
        assert_eq!((ends[2], ends[3]), (f64::from_bits(1), 1.0)); // the least denormal number
        assert!((ends[4] / 1.792_822_7e308 - 1.0).abs() < 1e-6);
        assert_eq!(ends[5..7], [f64::INFINITY; 2]);
    }

    /// Every function gives the same bits on every instruction set. Those of a NaN are not specified.
    fn expect_same_bits<F: Compiled + Copy>(x: &[F], bits: fn(F) -> Option<u64>) {
        for function in [Function::Exp, Function::Ln, Function::Tanh, Function::Erf] {
            let found = |isa| {
                let mut found = x.to_vec();
                F::map(isa, function, &mut found);
                found.into_iter().map(bits).collect::<Vec<_>>()
            };
            let portable = found(Isa::Portable(Portable));
            for isa in Isa::available() {
                assert_eq!(found(isa), portable, "{function:?} {isa:?}");
            }
        }
    }

    #[test]
    fn functions_have_the_same_bits_on_every_instruction_set() {
        let step = if cfg!(miri) { 100_000_007 } else { 100_003 };
        let x: Vec<f32> = (0..=u32::MAX).step_by(step).map(f32::from_bits).collect();
        expect_same_bits(&x, |y| (!y.is_nan()).then(|| u64::from(y.to_bits())));
        let n = if cfg!(miri) { 50 } else { 20_000 };
        let x: Vec<f64> = (0..n).map(|i| f64::from(i) * 0.0731 - 731.0).collect();
        expect_same_bits(&x, |y| (!y.is_nan()).then(|| y.to_bits()));
    }
}
