//! Writes a trained net in the format of ONNX runtimes, or as Rust source for targets without an
//! allocator.
//!
//! `cargo run --example export -- --model runs/mlp-seed42/model.safetensors mlp.onnx`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use longhand_run::terminal::{self, print};
use longhand_run::{Failure, exit, parse};
use longhand_save::Model;

/// Writes a trained net as ONNX or as Rust source.
#[derive(Parser)]
struct Flags {
    /// The net: the file that a run of mlp or logistic has left in its folder
    #[arg(long, value_name = "FILE", default_value = "runs/mlp-seed42/model.safetensors")]
    model: PathBuf,
    /// Of ONNX: give probabilities, by a softmax behind the last layer
    #[arg(long)]
    probabilities: bool,
    /// Where it goes: a name that ends in .onnx or .rs
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let Flags { model: path, probabilities, out } = parse()?;
    let model = Model::load(&path).map_err(|error| Failure::Run(format!("--model: {error}")))?;
    let contents = match out.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => model.onnx(probabilities),
        Some("rs") => match model.rust_source() {
            Ok(source) => source.into_bytes(),
            Err(error) => {
                return Err(Failure::Run(format!("--model: {}: {error}", terminal::path(&path))));
            }
        },
        _ => {
            let found = terminal::path(&out);
            return Err(Failure::Usage(format!(
                "expected a name that ends in .onnx or .rs, found `{found}`"
            )));
        }
    };
    expect_export_or_nothing(&out)?;
    longhand_save::write_whole(&out, &contents).map_err(|error| {
        Failure::Run(format!(
            "cannot write {}: {error}; choose another place",
            terminal::path(&out)
        ))
    })?;
    print(&format!("{model}\nwritten to {}\n", terminal::path(&out)))
}

/// Refuses to overwrite what no export has written.
fn expect_export_or_nothing(path: &Path) -> Result<(), Failure> {
    let start = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned(),
        Err(_) => return Ok(()), // that it cannot be written, if so, is told when it is
    };
    match start.contains("longhand") {
        true => Ok(()),
        false => Err(Failure::Run(format!(
            "{}: expected an exported net to overwrite, or nothing, found something else; choose another name",
            terminal::path(path)
        ))),
    }
}
