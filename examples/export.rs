//! Writes a trained net in the format of ONNX runtimes, or as Rust source for targets without an
//! allocator.
//!
//! `cargo run --example export -- --model runs/mlp-seed42/model.safetensors mlp.onnx`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use longhand_run::terminal::{self, print};
use longhand_run::{Failure, exit, parse, write_whole};
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
    write_whole(&out, contents)?;
    print(&format!("{model}\nwritten to {}\n", terminal::path(&out)))
}
