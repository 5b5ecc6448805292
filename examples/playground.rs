//! Makes the playground: one page, in which a net is trained on the digits and reads what one draws. It needs no
//! server and loads nothing.
//!
//! `rustup target add wasm32-unknown-unknown`, then `cargo run --example playground`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Parser;
use flate2::{Compression, write::GzEncoder};
use longhand_report::web;
use longhand_run::{Failure, exit, parse, terminal, write_whole};

/// Makes a page in which a net is trained on the digits, and reads what one draws.
#[derive(Parser)]
struct Flags {
    /// The page
    #[arg(long, value_name = "FILE", default_value = "playground.html")]
    out: PathBuf,
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TARGET: &str = "wasm32-unknown-unknown";

/// What all such pages begin with.
const BEGINNING: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>longhand playground</title>\n";

const PAGE: &str = include_str!("../crates/longhand-playground/page/page.html");
const STYLE: &str = include_str!("../crates/longhand-playground/page/playground.css");
const SCRIPT: &str = include_str!("../crates/longhand-playground/page/playground.js");

/// The digits inside longhand-mnist: images and labels to learn from, images and labels to validate with.
const DIGITS: [&[u8]; 4] = [
    include_bytes!("../crates/longhand-mnist/data/train-images-idx3-ubyte.gz"),
    include_bytes!("../crates/longhand-mnist/data/train-labels-idx1-ubyte.gz"),
    include_bytes!("../crates/longhand-mnist/data/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../crates/longhand-mnist/data/t10k-labels-idx1-ubyte.gz"),
];

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let out = parse::<Flags>()?.out;
    let shown = terminal::path(&out);
    let there = fs::read_to_string(&out);
    if out.exists() && !there.is_ok_and(|page| page.starts_with(BEGINNING)) {
        return Err(Failure::Run(format!(
            "--out: {shown}: expected a playground to overwrite, or nothing, found something else; choose another name"
        )));
    }
    let module = module()?;
    let page = page(&packed(&module));
    write_whole(&out, &page)?;
    terminal::print(&format!(
        "{shown}: {:.1} MB, {:.0} kB of it code; open it in a browser\n",
        page.len() as f64 / 1e6,
        (page.len() - digits().len()) as f64 / 1e3
    ))
}

/// The crate `longhand-playground` as WebAssembly.
fn module() -> Result<Vec<u8>, Failure> {
    let target = Path::new(ROOT).join("target/web");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args([
        "build",
        "--quiet",
        "--profile",
        "web",
        "--package",
        "longhand-playground",
        "--target",
        TARGET,
    ]);
    cargo.arg("--target-dir").arg(&target).current_dir(ROOT);
    // Without where the sources are on this machine, which is in the messages of panics.
    let home = env::var("CARGO_HOME")
        .or(env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let remap = |folder: &str| format!("--remap-path-prefix={folder}=");
    let flags = ["-C", "target-feature=+simd128,+relaxed-simd", &remap(&home), &remap(ROOT)];
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let failed = |reason: String| {
        Failure::Run(format!(
            "cannot compile for {TARGET}: {reason}; `rustup target add {TARGET}` installs the target"
        ))
    };
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(failed(format!("cargo ended with {status}"))),
        Err(error) => return Err(failed(error.to_string())),
    }
    let module = target.join(TARGET).join("web/longhand_playground.wasm");
    fs::read(&module).map_err(|error| failed(format!("{}: {error}", terminal::path(&module))))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory")
}

/// Bytes that the page's script reads.
fn data(name: &str, bytes: &[u8]) -> String {
    format!(
        "<script type=\"text/plain\" id=\"{name}\">{}</script>\n",
        BASE64_STANDARD.encode(bytes)
    )
}

fn digits() -> String {
    DIGITS.iter().enumerate().map(|(i, file)| data(&format!("digits{i}"), file)).collect()
}

fn page(module: &[u8]) -> String {
    let (module, digits) = (data("module", module), digits());
    // Texts without the indentation of their lines.
    let lines = |texts: &[&str]| -> String {
        texts
            .iter()
            .flat_map(|text| text.lines())
            .map(|line| line.trim_start().to_owned() + "\n")
            .collect()
    };
    let style = lines(&[web::STYLE, web::CHART_STYLE, STYLE]);
    let (page, script) = (lines(&[PAGE]), lines(&[web::PAD, SCRIPT]));
    format!(
        "{BEGINNING}<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <style>\n{style}</style>\n<main>\n{page}</main>\n{module}{digits}<script>\n\"use strict\";\n{script}</script>\n</html>\n"
    )
}
