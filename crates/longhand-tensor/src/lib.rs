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
mod sums;
mod tuning;

pub use float::Float;
pub use isa::kernels;
pub use lazy::{LazyMatrix, Numbers};
pub use matmul::{add_matmul_tn, add_scaled_matmul_tn, affine, matmul, matmul_nt};
pub use ndarray;
pub use parameters::{NamedParam, Parameters, StepCounter, Visit, Walk};
pub use pool::{set_threads, threads};
pub use rows::{add_scaled, argmax, erf_in_place, exp_in_place, ln_in_place, tanh_in_place};
pub use sums::{add_sum_rows, sum};

// What other crates of this workspace need beside these.
#[doc(hidden)]
pub use arrays::{recycle, unspecified, unspecified_at_line};
#[doc(hidden)]
pub use float::Slices;
#[doc(hidden)]
pub use lazy::in_parts_of;
#[doc(hidden)]
pub use parameters::pass;
#[doc(hidden)]
pub use pool::{ignored_environment, in_parts, zip_parts};
#[doc(hidden)]
pub use rows::{for_rows, from_bytes, map_positions, sum_squares};
#[doc(hidden)]
pub use simd::prefetch;
#[doc(hidden)]
pub use sums::{sum_products, sum_slice};

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The modules from the ground floor up. `Float` stands for the module `float`.
    const FLOORS: [&str; 20] = [
        "scalar",
        "tuning",
        "isa",
        "simd",
        "functions",
        "kernel",
        "compiled",
        "plan",
        "product",
        "memory",
        "pool",
        "multiply",
        "float",
        "arrays",
        "rows",
        "sums",
        "matmul",
        "lazy",
        "parameters",
        "reference",
    ];

    /// The code of a module and of those inside it, without comments and tests.
    fn code(module: &str) -> String {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = vec![source.join(module).with_extension("rs")];
        if let Ok(inside) = source.join(module).read_dir() {
            files.extend(inside.map(|entry| entry.unwrap().path()));
        }
        let mut code = String::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                code += line;
                code.push('\n');
            }
        }
        code
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn imports_run_one_way() {
        for (floor, module) in FLOORS.iter().enumerate() {
            // (What a macro writes stands in its caller.)
            for import in code(module).replace("$crate::", "").split("crate::").skip(1) {
                let import = import.split(|c: char| !c.is_alphanumeric()).next().unwrap();
                let below = FLOORS.iter().position(|&m| m == import.to_lowercase());
                assert!(below.is_some_and(|b| b <= floor), "{module} imports {import}");
            }
        }
    }
}

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
