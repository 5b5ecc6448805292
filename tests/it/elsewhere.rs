//! Compiling `tests/elsewhere` for other targets, where Rust has them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::ROOT;

/// Rust's name of WebAssembly.
pub const WASM: &str = "wasm32-unknown-unknown";

/// AArch64 with Linux. It needs no linker but Rust's own.
pub const AARCH64: &str = "aarch64-unknown-linux-musl";

/// What a program prints, if it is there and succeeds.
pub fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether Rust can compile for a target.
pub fn can_compile(target: &str) -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or("rustc".to_owned());
    let library = printed(&rustc, &["--print", "target-libdir", "--target", target]);
    library.is_some_and(|library| PathBuf::from(library).exists())
}

/// Compiles the library, or its example, with these flags in a folder of `target/`; returns where they are.
pub fn compile(what: &[&str], target: &str, flags: &str, folder: &str) -> PathBuf {
    let folder = Path::new(ROOT).join("target").join(folder);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--package", "longhand-elsewhere"]).args(what);
    cargo.args(["--target", target, "--target-dir"]).arg(&folder).current_dir(ROOT);
    // Cargo would prefer flags that are set for this program's own processor.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", flags);
    assert!(cargo.status().expect("cargo starts").success(), "{target}, {flags}");
    folder.join(target).join("release")
}
