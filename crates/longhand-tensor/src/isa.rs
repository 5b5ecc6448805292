//! Instruction sets, as proofs: a token of one exists only where its features were detected.
//!
//! The fields of the tokens are private, and only [`Isa::available`] makes any. Whoever has a token
//! has the proof that the CPU can do what it stands for, and passes it on. It takes no memory.

use std::sync::OnceLock;

/// The CPU has AVX-512 F and VL, and all that [`Avx2`] stands for.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512 {
    avx2: Avx2,
}

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    /// The lesser proof.
    #[inline(always)]
    pub fn avx2(self) -> Avx2 {
        self.avx2
    }
}

/// The CPU has AVX2, FMA, BMI1 and POPCNT.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2 {
    detected: (),
}

/// The engine's relaxed multiply-add rounds once.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relaxed {
    tried: (),
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
impl Relaxed {
    /// The proof, if a product that has to be rounded is not.
    fn tried() -> Option<Relaxed> {
        use std::arch::wasm32::{f32x4_extract_lane, f32x4_relaxed_madd, f32x4_splat};
        // (1 + ε)² − (1 + 2ε) is ε², or 0 where the square is rounded. The compiler must not know it.
        let x = std::hint::black_box(1.0 + f32::EPSILON);
        let y = std::hint::black_box(-(1.0 + 2.0 * f32::EPSILON));
        let z = f32x4_relaxed_madd(f32x4_splat(x), f32x4_splat(x), f32x4_splat(y));
        (f32x4_extract_lane::<0>(z) == f32::EPSILON * f32::EPSILON).then_some(Relaxed { tried: () })
    }
}

/// The CPU has what the whole program was compiled for, which needs no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable;

/// The name of the kernels that this program uses: `avx512`, `avx2`, in WebAssembly `relaxed`, or `portable`.
///
/// All give the same bits. They are the fastest that the processor has, or those that
/// `LONGHAND_KERNELS` asks for.
///
/// ```
/// assert!(["avx512", "avx2", "relaxed", "portable"].contains(&longhand_tensor::kernels()));
/// ```
pub fn kernels() -> &'static str {
    Isa::detect().name()
}

/// An instruction set that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    Relaxed(Relaxed),
    Portable(Portable),
}

impl Isa {
    /// The fastest that this CPU has, detected once. If `LONGHAND_KERNELS` in the environment is
    /// the name of another one that it has, that one: `avx2` or `portable`.
    #[inline]
    pub fn detect() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let (available, asked) = (Isa::available(), std::env::var("LONGHAND_KERNELS"));
            let named = available.iter().position(|isa| asked.as_deref() == Ok(isa.name()));
            available[named.unwrap_or(available.len() - 1)]
        })
    }

    /// All that this CPU has, the fastest last.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)] // on other processors
        let mut available = vec![Isa::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("popcnt")
        {
            let avx2 = Avx2 { detected: () };
            available.push(Isa::Avx2(avx2));
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                available.push(Isa::Avx512(Avx512 { avx2 }));
            }
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        available.extend(Relaxed::tried().map(Isa::Relaxed));
        available
    }

    fn name(&self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => "avx2",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::Relaxed(_) => "relaxed",
            Isa::Portable(_) => "portable",
        }
    }
}
