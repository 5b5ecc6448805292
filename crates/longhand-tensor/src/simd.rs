//! Vectors of floats, one type for each width, so that every kernel is written once.

/// A vector of `F`. Loads and stores check that the slice holds at least `LANES` elements.
///
/// The types that stand for registers of a CPU feature may only be used where that feature was detected, which
/// `dispatch.rs` sees to: that is what the SAFETY notes below rest on.
pub(crate) trait Simd<F>: Copy {
    const LANES: usize;
    fn splat(value: F) -> Self;
    fn load(from: &[F]) -> Self;
    fn store(self, to: &mut [F]);
    /// `self·b + c`, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;
    fn add(self, b: Self) -> Self;
}

macro_rules! portable {
    ($float:ty, $lanes:expr) => {
        impl Simd<$float> for [$float; $lanes] {
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
        }
    };
}
portable!(f32, 8);
portable!(f64, 4);

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::*;

    use super::Simd;

    macro_rules! register {
        ($float:ty, $register:ty, $lanes:expr, $feature:literal, $splat:ident $load:ident $store:ident $fma:ident $add:ident) => {
            #[doc = $feature]
            impl Simd<$float> for $register {
                const LANES: usize = $lanes;
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
            }
        };
    }
    register!(f32, __m256, 8, "AVX2 and FMA", _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps);
    register!(f64, __m256d, 4, "AVX2 and FMA", _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd);
    register!(f32, __m512, 16, "AVX-512F", _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps);
}
