//! Vectors of numbers, one type for each width, so that every kernel is written once.
//!
//! A vector is a proof, as the tokens of [`isa`](crate::isa) are: only [`splat`](Simd::splat) and
//! [`load`](Simd::load) make one from something else, and both take the token of its instruction
//! set. Whoever has a vector may therefore use the instructions on it.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::isa::Portable;
use crate::scalar::Scalar;
use crate::tuning::{COLUMNS_TOGETHER, LINE, VECTORS};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm::Exact;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub use wasm::F32x8;
#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16, F64x4, F64x8};

/// A vector of `F`. Loads and stores check that the slice holds as many elements.
pub trait Simd<F: Scalar>: Copy {
    /// The proof that the CPU has the instructions.
    type Isa: Copy;
    /// Vectors for rows that are shorter than this one, and at least [`LEAST`](Simd::LEAST) long.
    /// A load takes all that there is, with zeros in the lanes behind it, and a store writes as
    /// much. The vector itself, where shorter rows than that are not multiplied.
    type Part: Simd<F, Isa = Self::Isa>;
    const LANES: usize;
    /// Elements that a slice has at least, to be loaded from or stored to.
    const LEAST: usize = Self::LANES;
    /// Vectors of a row that are held in registers at once, at most.
    const VECTORS: usize = VECTORS;
    /// Vectors that the CPU has registers for.
    const REGISTERS: usize = 16;
    fn splat(isa: Self::Isa, value: F) -> Self;
    fn load(isa: Self::Isa, from: &[F]) -> Self;
    fn store(self, to: &mut [F]);
    /// `self·b + c`, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;
    fn add(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    /// The union of the bits: zero, of either sign, in the lanes in which both are.
    fn or(self, b: Self) -> Self;
    /// One bit for every lane that is not zero, as NaN is not.
    fn nonzero(self) -> u32;

    /// For each [`COLUMNS_TOGETHER`] of the first `LANES` columns one bit for every row, of up to
    /// 32, that is not zero in all of them. Row `r` begins at `r * stride`.
    #[inline(always)]
    fn rows_alive(isa: Self::Isa, x: &[F], stride: usize, rows: usize, alive: &mut [u32]) {
        alive.fill(0);
        for r in 0..rows {
            let lanes = Self::load(isa, &x[r * stride..]).nonzero();
            for (i, alive) in alive.iter_mut().enumerate() {
                *alive |= u32::from(lanes >> (i * COLUMNS_TOGETHER) & 0b1111 != 0) << r;
            }
        }
    }

    /// Writes `first + lane` for every lane whose bit is set in `lanes`, in ascending order, and
    /// returns how many these are. What follows them in `out`, which is at least `LANES` long, may
    /// be overwritten.
    #[inline(always)]
    fn positions(_isa: Self::Isa, lanes: u32, first: u32, out: &mut [u32]) -> usize {
        let out = &mut out[..Self::LANES];
        let mut n = 0;
        for lane in 0..Self::LANES {
            // Without a branch: where the bit is not set, the next one writes over it.
            out[n] = first + lane as u32;
            n += (lanes >> lane & 1) as usize;
        }
        n
    }
}

/// Arrays that the compiler makes vectors of: on AArch64 NEON's, which that target always has.
macro_rules! portable {
    ($float:ty, $lanes:expr) => {
        impl Simd<$float> for [$float; $lanes] {
            type Isa = Portable;
            type Part = Self;
            const LANES: usize = $lanes;
            #[inline(always)]
            fn splat(_: Portable, value: $float) -> Self {
                [value; $lanes]
            }
            #[inline(always)]
            fn load(_: Portable, from: &[$float]) -> Self {
                *from.first_chunk().expect("as many elements as lanes")
            }
            #[inline(always)]
            fn store(self, to: &mut [$float]) {
                *to.first_chunk_mut().expect("as many elements as lanes") = self;
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                std::array::from_fn(|i| self[i].fused(b[i], c[i]))
            }
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                std::array::from_fn(|i| self[i] + b[i])
            }
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                std::array::from_fn(|i| self[i] * b[i])
            }
            #[inline(always)]
            fn or(self, b: Self) -> Self {
                std::array::from_fn(|i| <$float>::from_bits(self[i].to_bits() | b[i].to_bits()))
            }
            #[inline(always)]
            fn nonzero(self) -> u32 {
                (0..$lanes).map(|i| u32::from(self[i] != 0.0) << i).sum()
            }
        }
    };
}
portable!(f32, 8);
portable!(f64, 4);

/// Asks for memory that is to be read soon, so that it is in the cache by then. Reads nothing,
/// changes nothing.
pub fn prefetch(bytes: &[u8]) {
    for line in bytes.chunks(LINE) {
        prefetch_line(&line[0]);
    }
}

/// The same of the cache line that something begins in.
#[inline(always)]
pub(crate) fn prefetch_line<T>(at: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))] // the interpreter has no caches
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: whatever the address, a prefetch reads nothing into the program and does not
        // fault.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(at).cast());
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}
