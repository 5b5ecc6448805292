//! Vectors of floats, one type for each width, so that every kernel is written once.

use crate::Float;

/// A vector of `F`. Loads and stores check that the slice holds as many elements.
///
/// The types that stand for registers of a CPU feature may only be used where that feature was detected, which
/// `dispatch.rs` sees to: that is what the SAFETY notes below rest on.
pub(crate) trait Simd<F: Float>: Copy {
    /// Vectors for rows that are shorter than this one, and at least [`LEAST`](Simd::LEAST) long: what is loaded is all that there is, with zeros in the
    /// lanes behind it, and what is stored is as much. The vector itself, where shorter rows than that are not multiplied.
    type Part: Simd<F>;
    const LANES: usize;
    /// Elements that a slice has at least, to be loaded from or stored to.
    const LEAST: usize = Self::LANES;
    /// Vectors of a row that are held in registers at once, at most.
    const VECTORS: usize = MOST_VECTORS;
    /// Vectors that the CPU has registers for.
    const REGISTERS: usize = 16;
    fn splat(value: F) -> Self;
    fn load(from: &[F]) -> Self;
    fn store(self, to: &mut [F]);
    /// `self·b + c`, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;
    fn add(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    /// The union of the bits: zero, of either sign, in the lanes in which both are.
    fn or(self, b: Self) -> Self;
    /// One bit for every lane that is not zero, as NaN is not.
    fn nonzero(self) -> u32;

    /// For each [`TOGETHER`] of the first `LANES` columns one bit for every row, of up to 32, that is not zero in all of them. Row `r` begins
    /// at `r * stride`.
    #[inline(always)]
    fn rows_alive(x: &[F], stride: usize, rows: usize, alive: &mut [u32]) {
        alive.fill(0);
        for r in 0..rows {
            let lanes = Self::load(&x[r * stride..]).nonzero();
            for (i, alive) in alive.iter_mut().enumerate() {
                *alive |= u32::from(lanes >> (i * TOGETHER) & 0b1111 != 0) << r;
            }
        }
    }

    /// Writes `first + lane` for every lane whose bit is set in `lanes`, in ascending order, and returns how many these are. What
    /// follows them in `out`, which is at least `LANES` long, may be overwritten.
    #[inline(always)]
    fn positions(lanes: u32, first: u32, out: &mut [u32]) -> usize {
        let out = &mut out[..Self::LANES];
        let mut n = 0;
        for lane in 0..Self::LANES {
            out[n] = first + lane as u32; // without a branch: where the bit is not set, the next one writes over it
            n += (lanes >> lane & 1) as usize;
        }
        n
    }
}

/// Lanes of the longest vector.
pub(crate) const MOST_LANES: usize = 16;

/// Vectors of a row that any kernel holds in registers at once, at most.
pub(crate) const MOST_VECTORS: usize = 4;

/// Neighbouring columns that are looked at together: pixels are mostly zero in the same images as those beside them.
pub(crate) const TOGETHER: usize = 4;

macro_rules! portable {
    ($float:ty, $lanes:expr) => {
        impl Simd<$float> for [$float; $lanes] {
            type Part = Self;
            const LANES: usize = $lanes;
            #[inline(always)]
            fn splat(value: $float) -> Self {
                [value; $lanes]
            }
            #[inline(always)]
            fn load(from: &[$float]) -> Self {
                *from.first_chunk().expect("as many elements as lanes")
            }
            #[inline(always)]
            fn store(self, to: &mut [$float]) {
                *to.first_chunk_mut().expect("as many elements as lanes") = self;
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                std::array::from_fn(|i| self[i].mul_add(b[i], c[i]))
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

/// Asks for memory that is to be read soon, so that it is in the cache by then. Reads nothing, changes nothing.
pub fn prefetch(bytes: &[u8]) {
    for line in bytes.chunks(64) {
        prefetch_line(&line[0]);
    }
}

/// The same of the cache line that something begins in.
#[inline(always)]
pub(crate) fn prefetch_line<T>(at: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: whatever the address, a prefetch reads nothing into the program and does not fault.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(at).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Simd, TOGETHER};

    macro_rules! register {
        ($float:ty, $register:ty, $part:ty, $lanes:expr, $feature:literal, $splat:ident $load:ident $store:ident $fma:ident $add:ident $mul:ident $or:expr, $nonzero:expr $(; $($faster:item)+)?) => {
            #[doc = $feature]
            impl Simd<$float> for $register {
                type Part = $part;
                const LANES: usize = $lanes;
                const REGISTERS: usize = if $lanes * size_of::<$float>() == 64 { 32 } else { 16 };
                #[inline(always)]
                fn splat(value: $float) -> Self {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                fn load(from: &[$float]) -> Self {
                    let from: &[$float; $lanes] =
                        from.first_chunk().expect("as many elements as lanes");
                    // SAFETY: the feature was detected (see the trait); `from` is LANES readable elements, and the
                    // instruction needs no alignment.
                    unsafe { $load(from.as_ptr()) }
                }
                #[inline(always)]
                fn store(self, to: &mut [$float]) {
                    let to: &mut [$float; $lanes] =
                        to.first_chunk_mut().expect("as many elements as lanes");
                    // SAFETY: the feature was detected (see the trait); `to` is LANES writable elements, and the
                    // instruction needs no alignment.
                    unsafe { $store(to.as_mut_ptr(), self) }
                }
                #[inline(always)]
                fn mul_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $fma(self, b, c) }
                }
                #[inline(always)]
                fn add(self, b: Self) -> Self {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $add(self, b) }
                }
                #[inline(always)]
                fn mul(self, b: Self) -> Self {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $mul(self, b) }
                }
                #[inline(always)]
                fn or(self, b: Self) -> Self {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $or(self, b) }
                }
                #[inline(always)]
                fn nonzero(self) -> u32 {
                    // SAFETY: the feature was detected (see the trait); no memory is touched.
                    unsafe { $nonzero(self) }
                }
                $($($faster)+)?
            }
        };
    }
    register!(
        f32, __m256, __m256, 8, "AVX2 and FMA",
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_mul_ps _mm256_or_ps,
        |v| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(v, _mm256_setzero_ps())) as u32
    );
    register!(
        f64, __m256d, __m256d, 4, "AVX2 and FMA",
        _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_mul_pd _mm256_or_pd,
        |v| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(v, _mm256_setzero_pd())) as u32
    );
    register!(
        f32, __m512, Part, 16, "AVX-512F",
        _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_mul_ps
        |a, b| _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))),
        |v| u32::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_ps()));
        #[inline(always)]
        fn positions(lanes: u32, first: u32, out: &mut [u32]) -> usize {
            let to: &mut [u32; 16] = out.first_chunk_mut().expect("as many elements as lanes");
            // SAFETY: the feature was detected (see the trait); `to` is LANES writable elements, and the instruction needs no
            // alignment.
            unsafe {
                let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let position = _mm512_add_epi32(_mm512_set1_epi32(first as i32), lane);
                let found = _mm512_maskz_compress_epi32(lanes as u16, position);
                _mm512_storeu_si512(to.as_mut_ptr().cast(), found);
            }
            lanes.count_ones() as usize
        }
        #[inline(always)]
        fn rows_alive(x: &[f32], stride: usize, rows: usize, alive: &mut [u32]) {
            let alive: &mut [u32; 16 / TOGETHER] = alive.first_chunk_mut().expect("one for each four columns");
            // SAFETY: the feature was detected (see the trait); rows are read by `load`, which checks them, and `alive` is four
            // writable numbers of 32 bits.
            unsafe {
                let (mut bits, mut bit) = (_mm512_setzero_si512(), _mm512_set1_epi32(1));
                for r in 0..rows {
                    let x = Self::load(&x[r * stride..]);
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

    /// The first 8 to 16 lanes of an AVX-512 register, as many as a slice has elements.
    #[derive(Clone, Copy)]
    pub(crate) struct Part(__m512);

    impl Part {
        /// Lanes that are loaded from or stored to a slice of so many elements.
        #[inline(always)]
        fn lanes(elements: usize) -> usize {
            assert!(elements >= Part::LEAST, "at least half as many elements as lanes");
            elements.min(Part::LANES)
        }
    }

    impl Simd<f32> for Part {
        type Part = Self;
        const LANES: usize = 16;
        const LEAST: usize = 8;
        const VECTORS: usize = 1;
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Part(Simd::splat(value))
        }
        #[inline(always)]
        fn load(from: &[f32]) -> Self {
            let lanes = u16::MAX >> (Part::LANES - Part::lanes(from.len()));
            // SAFETY: the feature was detected (see the trait); the instruction reads the elements whose bit is set in `lanes`, which `from` has,
            // touches no others, and needs no alignment.
            Part(unsafe { _mm512_maskz_loadu_ps(lanes, from.as_ptr()) })
        }
        /// As two halves that overlap. A masked store would look as if it reached into the next row, whose load would wait for it.
        #[inline(always)]
        fn store(self, to: &mut [f32]) {
            let behind = Part::lanes(to.len()) - 8;
            // SAFETY: the feature was detected (see the trait); no memory is touched.
            let (first, last) = unsafe {
                let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let lane = _mm512_add_epi32(lane, _mm512_set1_epi32(behind as i32));
                let last = _mm512_permutexvar_ps(lane, self.0);
                (_mm512_castps512_ps256(self.0), _mm512_castps512_ps256(last))
            };
            first.store(to);
            last.store(&mut to[behind..]);
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
}
