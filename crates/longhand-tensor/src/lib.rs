//! Matrix products and row operations on plain [`ndarray`] arrays, and the [`Parameters`] trait.
//!
//! There is no tensor type here. A batch is an `Array2` with one sample per row; what reads takes
//! `&ArrayRef2`, which owned arrays and views both are, and what computes something new returns an
//! owned `Array2`.
//!
//! With `y = x·W`, the three products of a linear layer are
//!
//! | function | computes | shapes |
//! |---|---|---|
//! | [`affine`], [`matmul`] | `x·W + b`, `x·W` | `[n, in] [in, out] [out] -> [n, out]` |
//! | [`matmul_nt`] | `dy·Wᵀ` | `[n, out] [in, out] -> [n, in]` |
//! | [`add_matmul_tn`] | `dW += xᵀ·dy` | `[n, in] [n, out] -> [in, out]` |
//! | [`add_scaled_matmul_tn`] | `W += a·(xᵀ·dy)` | the same |
//!
//! as they are defined in [`reference`](mod@reference), to the last bit, and as fast as the CPU
//! allows: with the instructions that it has, on several [threads](threads()) where that pays, and
//! leaving out products with zero.
//!
//! ```
//! use longhand_tensor::{add_matmul_tn, affine, matmul_nt, ndarray::array};
//!
//! let (x, w, b) = (array![[1., 2.]], array![[3.], [4.]], array![0.5]);
//! assert_eq!(affine(&x, &w, &b), array![[1. * 3. + 2. * 4. + 0.5]]);
//!
//! let dy = array![[10.]];
//! assert_eq!(matmul_nt(&dy, &w), array![[30., 40.]]);
//!
//! let mut dw = array![[100.], [100.]];
//! add_matmul_tn(&x, &dy, &mut dw);
//! assert_eq!(dw, array![[100. + 10.], [100. + 20.]]);
//! ```

mod arrays;
mod compiled;
mod float;
mod functions;
mod isa;
mod kernel;
mod lazy;
mod matmul;
mod memory;
mod multiply;
mod parameters;
mod plan;
mod pool;
mod product;
pub mod reference;
mod rows;
mod scalar;
mod simd;
mod tuning;

pub use float::Float;
pub use lazy::LazyMatrix;
pub use matmul::{add_matmul_tn, add_scaled_matmul_tn, affine, matmul, matmul_nt};
pub use ndarray;
pub use parameters::Parameters;
pub use pool::{set_threads, threads};
pub use rows::{add_scaled, add_sum_rows, argmax, exp_in_place, ln_in_place, sum};

// What other crates of this workspace need beside these.
#[doc(hidden)]
pub use arrays::{recycle, unspecified, unspecified_at_line};
#[doc(hidden)]
pub use pool::{ignored_environment, in_parts, zip_parts};
#[doc(hidden)]
pub use rows::from_bytes;
#[doc(hidden)]
pub use simd::prefetch;
