//! Registers of AVX2 and AVX-512 as vectors.
//!
//! The register in each type is private, and every function that makes one takes a token or another
//! vector. So each `unsafe` block below has one of these at hand: "proven" in its comment means
//! that the token, or the vector, exists only where the CPU has the feature.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::Simd;
use crate::isa::{Avx2, Avx512};
use crate::tuning::COLUMNS_TOGETHER;

macro_rules! register {
    ($name:ident($register:ty), $isa:ty, $part:ty, $float:ty, $lanes:expr, $splat:ident $load:ident $store:ident $fma:ident $add:ident $mul:ident $or:expr, $nonzero:expr $(; $($faster:item)+)?) => {
        #[doc = concat!("A register of ", stringify!($lanes), " lanes.")]
        #[derive(Clone, Copy)]
        pub struct $name($register);

        impl Simd<$float> for $name {
            type Isa = $isa;
            type Part = $part;
            const LANES: usize = $lanes;
            const REGISTERS: usize = if size_of::<$register>() == 64 { 32 } else { 16 };
            #[inline(always)]
            fn splat(_: $isa, value: $float) -> Self {
                // SAFETY: the feature is proven by the token; no memory is touched.
                $name(unsafe { $splat(value) })
            }
            #[inline(always)]
            fn load(_: $isa, from: &[$float]) -> Self {
                let from: &[$float; $lanes] = from.first_chunk().expect("as many elements as lanes");
                // SAFETY: the feature is proven by the token; `from` is LANES readable elements,
                // and the instruction needs no alignment.
                $name(unsafe { $load(from.as_ptr()) })
            }
            #[inline(always)]
            fn store(self, to: &mut [$float]) {
                let to: &mut [$float; $lanes] =
                    to.first_chunk_mut().expect("as many elements as lanes");
                // SAFETY: the feature is proven by `self`; `to` is LANES writable elements, and the
                // instruction needs no alignment.
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                // SAFETY: the feature is proven by `self`; no memory is touched.
                $name(unsafe { $fma(self.0, b.0, c.0) })
            }
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                // SAFETY: the feature is proven by `self`; no memory is touched.
                $name(unsafe { $add(self.0, b.0) })
            }
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                // SAFETY: the feature is proven by `self`; no memory is touched.
                $name(unsafe { $mul(self.0, b.0) })
            }
            #[inline(always)]
            fn or(self, b: Self) -> Self {
                // SAFETY: the feature is proven by `self`; no memory is touched.
                $name(unsafe { $or(self.0, b.0) })
            }
            #[inline(always)]
            fn nonzero(self) -> u32 {
                // SAFETY: the feature is proven by `self`; no memory is touched.
                unsafe { $nonzero(self.0) }
            }
            $($($faster)+)?
        }
    };
}
register!(
    F32x8(__m256), Avx2, Self, f32, 8,
    _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_mul_ps _mm256_or_ps,
    |v| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(v, _mm256_setzero_ps())) as u32
);
register!(
    F64x4(__m256d), Avx2, Self, f64, 4,
    _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_mul_pd _mm256_or_pd,
    |v| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(v, _mm256_setzero_pd())) as u32
);
register!(
    F32x16(__m512), Avx512, Part, f32, 16,
    _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_mul_ps
    |a, b| _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))),
    |v| u32::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_ps()));
    #[inline(always)]
    fn positions(_: Avx512, lanes: u32, first: u32, out: &mut [u32]) -> usize {
        let to: &mut [u32; 16] = out.first_chunk_mut().expect("as many elements as lanes");
        // SAFETY: the feature is proven by the token; `to` is LANES writable elements, and the
        // instruction needs no alignment.
        unsafe {
            let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let position = _mm512_add_epi32(_mm512_set1_epi32(first as i32), lane);
            let found = _mm512_maskz_compress_epi32(lanes as u16, position);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), found);
        }
        lanes.count_ones() as usize
    }
    #[inline(always)]
    fn rows_alive(isa: Avx512, x: &[f32], stride: usize, rows: usize, alive: &mut [u32]) {
        let alive: &mut [u32; 16 / COLUMNS_TOGETHER] =
            alive.first_chunk_mut().expect("one for each four columns");
        // SAFETY: the feature is proven by the token; rows are read by `load`, which checks them,
        // and `alive` is four writable numbers of 32 bits.
        unsafe {
            let (mut bits, mut bit) = (_mm512_setzero_si512(), _mm512_set1_epi32(1));
            for r in 0..rows {
                let x = Self::load(isa, &x[r * stride..]).0;
                let lanes = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
                bits = _mm512_mask_or_epi32(bits, lanes, bits, bit);
                bit = _mm512_add_epi32(bit, bit);
            }
            // Each lane with its neighbours, and one lane of each four.
            bits = _mm512_or_si512(bits, _mm512_shuffle_epi32::<0b10_11_00_01>(bits));
            bits = _mm512_or_si512(bits, _mm512_shuffle_epi32::<0b01_00_11_10>(bits));
            let each = _mm512_maskz_compress_epi32(0b0001_0001_0001_0001, bits);
            _mm_storeu_si128(alive.as_mut_ptr().cast(), _mm512_castsi512_si128(each));
        }
    }
);

register!(
    F64x8(__m512d), Avx512, Self, f64, 8,
    _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_mul_pd
    |a, b| _mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(a), _mm512_castpd_si512(b))),
    |v| u32::from(_mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_pd()))
);

/// The first 8 to 16 lanes of an AVX-512 register, as many as a slice has elements.
#[derive(Clone, Copy)]
pub struct Part(F32x16);

impl Part {
    /// Lanes that are loaded from or stored to a slice of so many elements.
    #[inline(always)]
    fn lanes(elements: usize) -> usize {
        assert!(elements >= Part::LEAST, "at least half as many elements as lanes");
        elements.min(Part::LANES)
    }
}

impl Simd<f32> for Part {
    type Isa = Avx512;
    type Part = Self;
    const LANES: usize = 16;
    const LEAST: usize = 8;
    const VECTORS: usize = 1;
    #[inline(always)]
    fn splat(isa: Avx512, value: f32) -> Self {
        Part(Simd::splat(isa, value))
    }
    #[inline(always)]
    fn load(_: Avx512, from: &[f32]) -> Self {
        let lanes = u16::MAX >> (Part::LANES - Part::lanes(from.len()));
        // SAFETY: the feature is proven by the token; the instruction reads the elements whose bit
        // is set in `lanes`, which `from` has, touches no others, and needs no alignment.
        Part(F32x16(unsafe { _mm512_maskz_loadu_ps(lanes, from.as_ptr()) }))
    }
    /// As two halves that overlap. A masked store would look as if it reached into the next row,
    /// whose load would wait for it.
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let behind = Part::lanes(to.len()) - 8;
        let Part(F32x16(register)) = self;
        // SAFETY: the features are proven by `self`; no memory is touched.
        let (first, last) = unsafe {
            let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let lane = _mm512_add_epi32(lane, _mm512_set1_epi32(behind as i32));
            let last = _mm512_permutexvar_ps(lane, register);
            (_mm512_castps512_ps256(register), _mm512_castps512_ps256(last))
        };
        // AVX-512 implies AVX2, so these are vectors of that as well.
        F32x8(first).store(to);
        F32x8(last).store(&mut to[behind..]);
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Part(self.0.mul_add(b.0, c.0))
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Part(self.0.add(b.0))
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        Part(self.0.mul(b.0))
    }
    #[inline(always)]
    fn or(self, b: Self) -> Self {
        Part(self.0.or(b.0))
    }
    #[inline(always)]
    fn nonzero(self) -> u32 {
        self.0.nonzero()
    }
}
