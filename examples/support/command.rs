//! What every example's `main` needs: how it ends, what it prints and writes, values of flags, and the digits.

// Each example is a program of its own, and has a part of the flags.
#![allow(dead_code)]

use std::ffi::OsString;
use std::fmt::{Display, Write as _};
use std::fs;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;

use longhand_mnist::Dataset;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::data;

/// Why an example ends without a result.
pub enum Failure {
    /// The command line asks for something that cannot be: exit code 2.
    Usage(String),
    /// The run itself failed: exit code 1.
    Run(String),
}

impl Failure {
    /// A failed attempt to write `path`.
    pub fn write(path: &Path, error: &dyn Display) -> Failure {
        let path = path.display();
        Failure::Run(format!("cannot write {path}: {error}; choose another folder with --out"))
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::Usage(error.to_string())
    }
}

/// The exit code of an example, after saying why it failed.
pub fn exit(ended: Result<(), Failure>) -> ExitCode {
    let (message, code) = match ended {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            (format!("{message}\n`--help` lists all flags with their defaults."), 2)
        }
        Err(Failure::Run(message)) => (message, 1),
    };
    // Not `eprintln!`, which panics where standard error is closed.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}

/// Prints on standard output. That nobody reads it any more is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether the stream is a terminal on which lines can be drawn anew.
pub fn terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text in a colour by its ANSI number, where standard output shows colours and nobody declined them.
pub fn color(number: u8, text: &str) -> String {
    // https://no-color.org: where it is set and not empty.
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match terminal(&io::stdout()) && !declined {
        true => format!("\x1b[{number}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Makes a folder for results, unless it is there.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::write(folder, &"expected a folder, found a file"));
    }
    fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))
}

pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, contents).map_err(|error| Failure::write(path, &error))
}

/// Calls `set` with each flag of the command line and its value, `check` without one; `false` where help is asked for instead.
pub fn flags(
    known: &[&str],
    mut set: impl FnMut(&str, OsString) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let flag = match argument {
            Long("help") | Short('h') => return Ok(false),
            Long(flag) if known.contains(&flag) => flag.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        let value = if flag == "check" { OsString::new() } else { parser.value()? };
        set(&flag, value)?;
    }
    Ok(true)
}

pub const COUNT: &str = "a whole number, 1 or more";

/// What can be counted: a number that an array may be as long as.
pub fn is_count(n: &usize) -> bool {
    (1..=1 << 32).contains(n)
}

/// The value of a flag, or what was expected and what was found.
pub fn number<T: std::str::FromStr>(
    flag: &str,
    value: &OsString,
    expected: &str,
    valid: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let parsed = value.to_str().and_then(|v| v.parse().ok()).filter(valid);
    parsed.ok_or_else(|| wrong_value(flag, expected, value.display()))
}

/// The values of a flag, separated by commas.
pub fn numbers<T: std::str::FromStr>(
    flag: &str,
    value: &OsString,
    expected: &str,
    valid: impl Fn(&T) -> bool,
) -> Result<Vec<T>, Failure> {
    let one = |part: &str| part.trim().parse().ok().filter(&valid);
    let all = value.to_str().and_then(|text| text.split(',').map(one).collect());
    all.ok_or_else(|| wrong_value(flag, expected, value.display()))
}

pub fn wrong_value(flag: &str, expected: &str, found: impl Display) -> Failure {
    Failure::Usage(format!("--{flag}: expected {expected}, found `{found}`"))
}

pub const RATE: &str = "0, or a finite number from 1.2e-38 to 3.4e38";
pub const POSITIVE_RATE: &str = "a finite number from 1.2e-38 to 3.4e38";

/// Whether a learning rate or weight decay can be used: it must be neither infinite nor lost in f32.
pub fn in_f32(rate: &f64) -> bool {
    *rate == 0.0 || (*rate > 0.0 && (*rate as f32).is_normal())
}

/// How many images of each digit are used.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PerClass {
    All,
    #[serde(untagged)]
    Count(usize),
}

impl PerClass {
    /// The value of `--per-class`.
    pub fn parse(value: &OsString) -> Result<PerClass, Failure> {
        if value == "all" {
            return Ok(PerClass::All);
        }
        let n = number("per-class", value, "a whole number, 1 or more, or `all`", |&n| n > 0)?;
        Ok(PerClass::Count(n))
    }
}

/// The digits that `--data` names, as many of each as `--per-class` says, drawn with a seed.
pub fn digits(data: Option<&Path>, per_class: PerClass, seed: u64) -> Result<Dataset, Failure> {
    let all = data::open(data).map_err(Failure::Run)?;
    match per_class {
        PerClass::All => Ok(all),
        PerClass::Count(n) => all.draw_per_class(n, seed).map_err(|error| {
            Failure::Usage(format!("--per-class: {error}; ask for fewer, or for `all`"))
        }),
    }
}

/// SHA-256 of the images and labels used, in their order.
pub fn identity(digits: &Dataset) -> String {
    let mut hash = Sha256::new();
    for split in [&digits.train, &digits.test] {
        hash.update(split.images().as_slice().expect("standard layout"));
        hash.update(split.labels());
    }
    hex(&hash.finalize())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Seconds as minutes and seconds, for telling how long something takes yet.
pub fn minutes(seconds: f64) -> String {
    let seconds = seconds.min(359_999.0).round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
