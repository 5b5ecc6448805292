//! Chooses the kernels for the CPU that the program runs on, and for the width of the matrix.

use crate::Float;
use crate::kernel::{
    Matrix, NonZero, dense, sparse_rows, sparse_rows_narrow, sparse_transposed,
    sparse_transposed_narrow,
};
use crate::simd::Simd;

/// An instruction set that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// The fastest that this CPU has. The standard library detects once and remembers.
    pub fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1");
            if fma && is_x86_feature_detected!("avx512f") {
                return Isa::Avx512;
            }
            if fma {
                return Isa::Avx2;
            }
        }
        Isa::Portable
    }
}

/// A product to be computed, all operands in standard layout and of fitting shapes.
pub enum Product<'a, F> {
    /// `y += x·W`.
    Rows { x: Matrix<'a, F>, w: Matrix<'a, F>, y: &'a mut [F] },
    /// `dx += dy·Wᵀ`.
    TransposedRight { dy: Matrix<'a, F>, w: Matrix<'a, F>, dx: &'a mut [F] },
    /// `dW += xᵀ·dy`.
    TransposedLeft { x: Matrix<'a, F>, dy: Matrix<'a, F>, dw: &'a mut [F] },
}

/// How to go about zeros: by what is found, or as tests want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub enum Zeros {
    /// Leave them out where that pays.
    Auto,
    /// Leave them out.
    Skip,
    /// Multiply them like any other number.
    Multiply,
}

impl Zeros {
    /// Whether to leave out zeros, `nonzero` of `elements` not being zero.
    fn skip(self, nonzero: usize, elements: usize) -> bool {
        match self {
            Zeros::Auto => 3 * nonzero < elements,
            Zeros::Skip => true,
            Zeros::Multiply => false,
        }
    }
}

/// The float types' own kernels. A supertrait of [`Float`] that no other type can implement, as this module is private.
pub trait Multiply: Sized {
    fn multiply(isa: Isa, zeros: Zeros, product: Product<'_, Self>);

    /// `out = bytes / 255`, of slices of the same length.
    fn bytes_to_unit(isa: Isa, bytes: &[u8], out: &mut [Self]);
}

macro_rules! multiply {
    ($float:ident, $narrow:literal, $([$($isa:ident)*] $function:ident $unit:ident $features:literal $rows:literal $vector:ident $half:ident),*;
     $portable:ident $array:ty) => {
        impl Multiply for $float {
            #[allow(unsafe_code)]
            fn multiply(isa: Isa, zeros: Zeros, product: Product<'_, $float>) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $(#[cfg(target_arch = "x86_64")]
                    $(Isa::$isa)|* => unsafe { $function(zeros, product) },)*
                    Isa::Portable => $portable(zeros, product),
                }
            }

            #[allow(unsafe_code)]
            fn bytes_to_unit(isa: Isa, bytes: &[u8], out: &mut [$float]) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $(#[cfg(target_arch = "x86_64")]
                    $(Isa::$isa)|* => unsafe { $unit(bytes, out) },)*
                    Isa::Portable => out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = $float::from(b) / 255.0),
                }
            }
        }

        $(#[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $function(zeros: Zeros, product: Product<'_, $float>) {
            run::<$float, std::arch::x86_64::$vector, std::arch::x86_64::$half, $rows, $narrow>(zeros, product);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $unit(bytes: &[u8], out: &mut [$float]) {
            // The quotient by a multiplication, put right by its remainder: what a division would give, in a third of the
            // time. (P. Markstein, 1990; that it holds for every byte is tested.)
            const INVERSE: $float = 1.0 / 255.0;
            for (out, &byte) in out.iter_mut().zip(bytes) {
                let byte = $float::from(byte);
                let quotient = byte * INVERSE;
                let remainder = quotient.mul_add(-255.0, byte);
                *out = remainder.mul_add(INVERSE, quotient);
            }
        })*

        fn $portable(zeros: Zeros, product: Product<'_, $float>) {
            run::<$float, $array, $array, 4, $narrow>(zeros, product);
        }
    };
}

/// The body of a `multiply` function: vectors `V`, and `H` for what is narrower than one of them; dense tiles of `MR` rows and
/// two vectors; `NARROW` columns for which the narrow kernels serve.
#[inline(always)]
fn run<F: Float, V: Simd<F>, H: Simd<F>, const MR: usize, const NARROW: usize>(
    zeros: Zeros,
    product: Product<'_, F>,
) {
    match product {
        Product::Rows { w, .. } if w.columns == 0 => {}
        Product::TransposedLeft { dy, .. } if dy.columns == 0 => {}
        Product::Rows { x, w, y } if w.columns <= NARROW && zeros != Zeros::Multiply => {
            sparse_rows_narrow::<F, V, NARROW>(x, w, y);
        }
        Product::Rows { x, w, y } => {
            let nonzero = NonZero::of_rows(x);
            let few = x.rows < 8 && zeros == Zeros::Auto;
            if few || zeros.skip(nonzero.count, x.data.len()) {
                sparse_rows::<F, V>(x, &nonzero, w, y);
            } else {
                let shape = (x.rows, x.columns, w.columns);
                dense::<F, V, MR, 2>(shape, columns_of(x), rows_of(w), y);
            }
        }
        Product::TransposedRight { dy, w, dx } => {
            let shape = (dy.rows, dy.columns, w.rows);
            dense::<F, V, MR, 2>(shape, columns_of(dy), columns_of(w), dx);
        }
        Product::TransposedLeft { x, dy, dw }
            if dy.columns <= NARROW && zeros != Zeros::Multiply =>
        {
            if dy.columns >= V::LANES {
                sparse_transposed::<F, V>(x, dy, dw);
            } else if dy.columns >= H::LANES {
                sparse_transposed::<F, H>(x, dy, dw);
            } else {
                sparse_transposed_narrow::<F, H, NARROW>(x, dy, dw);
            }
        }
        Product::TransposedLeft { x, dy, dw } => {
            let few = x.rows < 8 && zeros == Zeros::Auto;
            let nonzero = x.data.iter().filter(|x| **x != F::zero()).count();
            if few || zeros.skip(nonzero, x.data.len()) {
                sparse_transposed::<F, V>(x, dy, dw);
            } else {
                let shape = (x.columns, x.rows, dy.columns);
                dense::<F, V, MR, 2>(shape, rows_of(x), rows_of(dy), dw);
            }
        }
    }
}

/// Packs rows `from..from + width` as `out[k][row]`: for a right operand that is to be transposed, or a left one.
#[inline(always)]
fn columns_of<F: Float>(a: Matrix<'_, F>) -> impl Fn(usize, usize, &mut [F]) {
    move |from, width, out| {
        for i in 0..width {
            let column = out.iter_mut().skip(i).step_by(width);
            if from + i < a.rows {
                let row = &a.data[(from + i) * a.columns..][..a.columns];
                column.zip(row).for_each(|(out, &a)| *out = a);
            } else {
                column.for_each(|out| *out = F::zero());
            }
        }
    }
}

/// Packs columns `from..from + width` as `out[k][column]`: for a right operand, or a left one that is to be transposed.
#[inline(always)]
fn rows_of<F: Float>(b: Matrix<'_, F>) -> impl Fn(usize, usize, &mut [F]) {
    move |from, width, out| {
        let there = width.min(b.columns - from);
        for (out, row) in out.chunks_exact_mut(width).zip(b.data.chunks_exact(b.columns)) {
            out[..there].copy_from_slice(&row[from..][..there]);
            out[there..].fill(F::zero());
        }
    }
}

multiply!(
    f32, 32,
    [Avx512] f32_avx512 f32_unit_avx512 "avx512f,avx2,fma,bmi1" 8 __m512 __m256,
    [Avx2] f32_avx2 f32_unit_avx2 "avx2,fma,bmi1" 6 __m256 __m256;
    f32_portable [f32; 8]
);
// f64 is for checking gradients: one set of kernels, and a shorter wait for the compiler.
multiply!(f64, 16, [Avx512 Avx2] f64_avx2 f64_unit_avx2 "avx2,fma,bmi1" 6 __m256d __m256d; f64_portable [f64; 4]);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every product in every way that this CPU can compute it.
    fn ways() -> Vec<(Isa, Zeros)> {
        let mut isas = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let widest = Isa::detect();
            isas.extend(
                [Isa::Avx2, Isa::Avx512]
                    .into_iter()
                    .filter(|&isa| isa == widest || widest == Isa::Avx512),
            );
        }
        let zeros = [Zeros::Auto, Zeros::Skip, Zeros::Multiply];
        isas.into_iter().flat_map(|isa| zeros.map(|zeros| (isa, zeros))).collect()
    }

    /// Numbers in -1..1, a share of them zero (every other one of these negative).
    fn numbers(n: usize, zeros: f64, state: &mut u64) -> Vec<f64> {
        let mut next = || {
            *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (*state >> 40) as f64 / f64::from(1 << 24)
        };
        let mut number = |i| if next() < zeros { [0.0, -0.0][i % 2] } else { 2.0 * next() - 1.0 };
        (0..n).map(|i| f64::from(number(i) as f32)).collect()
    }

    /// The three products, written as their definition.
    fn naive(kind: usize, (m, k, n): (usize, usize, usize), a: &[f64], b: &[f64], c: &mut [f64]) {
        for i in 0..m {
            for j in 0..n {
                for l in 0..k {
                    c[i * n + j] += match kind {
                        0 => a[i * k + l] * b[l * n + j],
                        1 => a[i * k + l] * b[j * k + l],
                        _ => a[l * m + i] * b[l * n + j],
                    };
                }
            }
        }
    }

    fn product<'a, F>(
        kind: usize,
        (m, k, n): (usize, usize, usize),
        a: &'a [F],
        b: &'a [F],
        c: &'a mut [F],
    ) -> Product<'a, F> {
        let matrix = |data, rows, columns| Matrix { data, rows, columns };
        match kind {
            0 => Product::Rows { x: matrix(a, m, k), w: matrix(b, k, n), y: c },
            1 => Product::TransposedRight { dy: matrix(a, m, k), w: matrix(b, n, k), dx: c },
            _ => Product::TransposedLeft { x: matrix(a, k, m), dy: matrix(b, k, n), dw: c },
        }
    }

    fn check<F: Float>(kind: usize, shape: (usize, usize, usize), zeros: f64, tolerance: f64) {
        let (m, k, n) = shape;
        let state = &mut ((m * 31 + k * 17 + n + kind) as u64);
        let (a, b, c) =
            (numbers(m * k, zeros, state), numbers(k * n, 0.1, state), numbers(m * n, 0.3, state));
        // What is added to has no negative zeros: whether those stay is the one thing the ways may differ in.
        let c: Vec<f64> = c.into_iter().map(|c| c + 0.0).collect();
        let narrow = |v: &[f64]| v.iter().map(|&v| F::from_f64(v)).collect::<Vec<F>>();
        let mut expected = c.clone();
        naive(kind, shape, &a, &b, &mut expected);
        let mut first: Option<Vec<F>> = None;
        for (isa, zeros) in ways() {
            let (a, b, mut c) = (narrow(&a), narrow(&b), narrow(&c));
            F::multiply(isa, zeros, product(kind, shape, &a, &b, &mut c));
            for (c, expected) in c.iter().zip(&expected) {
                let error = (c.to_f64() - expected).abs();
                assert!(
                    error <= tolerance * (k as f64).sqrt().max(1.0),
                    "{kind} {shape:?} {isa:?} {zeros:?}: {c} {expected}"
                );
            }
            // Debug prints as many digits as tell two floats apart, and the sign of zero.
            let first = first.get_or_insert_with(|| c.clone());
            assert_eq!(
                format!("{first:?}"),
                format!("{c:?}"),
                "{kind} {shape:?}: {isa:?} {zeros:?} gives other bits"
            );
        }
    }

    #[test]
    fn every_byte_becomes_the_quotient_by_255() {
        fn check<F: Float>(quotients: impl Iterator<Item = F>) {
            let bytes: Vec<u8> = (0..=255).collect();
            let expected: Vec<F> = quotients.collect();
            for (isa, _) in ways() {
                let mut out = vec![F::one(); 256];
                F::bytes_to_unit(isa, &bytes, &mut out);
                assert_eq!(out, expected, "{isa:?}");
            }
        }
        check((0..=255u8).map(|b| f32::from(b) / 255.0));
        check((0..=255u8).map(|b| f64::from(b) / 255.0));
    }

    /// A sum that underflows to -0 stays -0 when the products with zero behind it are skipped, and does not otherwise.
    #[test]
    fn a_zero_is_positive() {
        for n in [3, 10, 30, 33] {
            let (x, w) = ([-1e-30f32, 0.0], [vec![1e-30f32; n], vec![1.0; n]].concat());
            for (isa, zeros) in ways() {
                let (mut y, mut dw) = (vec![0.0; n], vec![0.0; 2 * n]);
                f32::multiply(isa, zeros, product(0, (1, 2, n), &x, &w, &mut y));
                f32::multiply(isa, zeros, product(2, (2, 1, n), &x, &w[..n], &mut dw));
                let positive = y.iter().chain(&dw).all(|v| v.to_bits() == 0);
                assert!(positive, "{n} {isa:?} {zeros:?}: {y:?} {dw:?}");
            }
        }
    }

    #[test]
    fn every_way_gives_the_same_bits_and_the_right_ones() {
        let mut shapes = vec![
            (16, 784, 10),
            (16, 784, 30),
            (16, 30, 10),
            (17, 65, 129),
            (40, 33, 300),
            (8, 64, 128),
        ];
        for m in [0, 1, 2, 7, 9] {
            for k in [0, 1, 3, 33, 64] {
                shapes.extend(
                    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 140].map(|n| (m, k, n)),
                );
            }
        }
        for shape in shapes {
            for kind in 0..3 {
                for zeros in [0.0, 0.8] {
                    check::<f32>(kind, shape, zeros, 1e-6);
                    check::<f64>(kind, shape, zeros, 1e-14);
                }
            }
        }
    }
}
