use std::fmt::{self, Display};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use longhand_train::Diverged;

use crate::terminal;

/// Why an example ends without a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Help was asked for: it is printed, and the exit code is 0.
    Help(String),
    /// The command line asks for something that cannot be: exit code 2.
    Usage(String),
    /// The run itself failed: exit code 1.
    Run(String),
    /// Training diverged: exit code 1.
    Diverged(Diverged<f64>),
    /// Ctrl-C ended the run, which can be taken up again: exit code 130.
    Interrupted(String),
}

impl Failure {
    /// A failed attempt to write `path`.
    pub fn write(path: &Path, error: &dyn Display) -> Failure {
        let path = terminal::path(path);
        Failure::Run(format!("cannot write {path}: {error}; choose another folder with --out"))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Help(text) | Failure::Run(text) | Failure::Interrupted(text) => {
                f.write_str(text)
            }
            Failure::Usage(text) => {
                write!(f, "{text}\n`--help` lists all flags with their defaults.")
            }
            Failure::Diverged(diverged) => diverged.fmt(f),
        }
    }
}

impl From<Diverged<f64>> for Failure {
    fn from(diverged: Diverged<f64>) -> Failure {
        Failure::Diverged(diverged)
    }
}

/// The exit code of an example, after saying why it failed.
pub fn exit(ended: Result<(), Failure>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Help(text)) => exit(terminal::print(&format!("{}\n", text.trim_end()))),
        Err(Failure::Interrupted(text)) => {
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(130)
        }
        Err(failure) => {
            // Not `eprintln!`, which panics where standard error is closed.
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(if matches!(failure, Failure::Usage(_)) { 2 } else { 1 })
        }
    }
}
