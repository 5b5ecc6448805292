//! Runs the examples' programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of the workspace.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The program of an example, built anew where its source has changed.
pub fn program(example: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let this = std::env::current_exe().expect("the test's own path");
    let target = this.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--offline", "--examples"]);
        if target.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.current_dir(ROOT).status();
        assert!(built.expect("cargo starts").success(), "the examples do not build");
    });
    target.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Runs an example in a folder with flags separated by spaces.
pub fn run(example: &str, flags: &str, folder: &Path) -> Output {
    run_args(example, flags.split_whitespace(), folder)
}

pub fn run_args(
    example: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    folder: &Path,
) -> Output {
    let output = Command::new(program(example)).args(args).current_dir(folder).output();
    output.expect("the example starts")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Standard output of a run that must succeed in silence on standard error.
pub fn success(output: &Output) -> String {
    assert_eq!(stderr(output), "");
    assert_eq!(output.status.code(), Some(0));
    stdout(output)
}
