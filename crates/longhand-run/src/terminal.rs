//! Lines on standard output and warnings on standard error, whether these are terminals, files, or
//! closed.

use std::io::{self, IsTerminal, Write as _};
use std::path::Path;

use crate::Failure;

/// Prints on standard output. That nobody reads it any more is no failure.
///
/// # Errors
/// Standard output cannot be written, as where a disk is full.
pub fn print(text: &str) -> Result<(), Failure> {
    print_unless_closed(text).map(|_| ())
}

/// The same; whether anybody reads it still.
pub(crate) fn print_unless_closed(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Run(format!("cannot write to standard output: {error}"))),
    }
}

/// Says something on standard error that is no failure.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}

/// Says on standard error that something has failed, where the program goes on all the same.
pub fn error(text: &str) {
    let _ = writeln!(io::stderr(), "error: {text}");
}

/// Whether the stream is a terminal on which lines can be drawn anew.
pub fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text in a colour by its ANSI number, where standard output shows colours and nobody declined
/// them.
pub fn color(number: u8, text: &str) -> String {
    // https://no-color.org: where it is set and not empty.
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match is_terminal(&io::stdout()) && !declined {
        true => format!("\x1b[{number}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Shows a line at the bottom of a terminal, instead of the one shown before. It is taken away
/// when it is dropped.
#[derive(Debug)]
pub struct BottomLine(bool);

impl BottomLine {
    /// Nothing is shown yet, and nothing ever where `wanted` is false or standard error is no
    /// terminal.
    pub fn new(wanted: bool) -> BottomLine {
        BottomLine(wanted && is_terminal(&io::stderr()))
    }

    /// Whether anything is shown.
    pub fn is_shown(&self) -> bool {
        self.0
    }

    /// Shows the text; nothing, where it is empty.
    pub fn show(&self, text: &str) {
        if self.0 {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }
}

impl Drop for BottomLine {
    fn drop(&mut self) {
        self.show("");
    }
}

/// Seconds as minutes and seconds, for telling how long something still takes.
pub fn minutes(seconds: f64) -> String {
    let seconds = seconds.min(359_999.0).round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A path for a message: control characters, which a terminal would obey, are written out.
pub fn path(path: &Path) -> String {
    longhand_idx::escaped(path)
}

/// A path as an argument of a command that a user can copy.
pub fn argument(path: &Path) -> String {
    let text = self::path(path);
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Another text of a user's for a message, in the same way.
pub fn text(text: &str) -> String {
    longhand_idx::escaped(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_paths_are_readable() {
        assert_eq!(
            [0.4, 61.0, 3600.0, f64::INFINITY].map(minutes),
            ["0:00", "1:01", "60:00", "5999:59"]
        );
        assert_eq!(path(Path::new("a\x1b[31mb\né")), "a\\u{1b}[31mb\\né");
    }
}
