use std::ffi::OsStr;
use std::fs::{self, File, FileType};
use std::io;
use std::path::Path;

/// Opens a file that has an end. To open a pipe may wait for ever, and a device may never end.
///
/// # Errors
/// The file cannot be opened, or is a folder, a named pipe, a socket or a device.
///
/// ```
/// let error = longhand_idx::open_file(".").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::IsADirectory);
/// ```
pub fn open_file(path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    let file_type = fs::metadata(path)?.file_type();
    if file_type.is_file() {
        return File::open(path);
    }
    if file_type.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let found = special(file_type);
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("expected a regular file, found {found}; copy its content into a file"),
    ))
}

/// What a file is that is neither regular nor a folder.
#[cfg(unix)]
fn special(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match file_type {
        t if t.is_fifo() => "a named pipe",
        t if t.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "something else"
}

/// A path or other text as a terminal can show it. Control characters are escaped, as are those
/// that change the direction of writing, and bytes that are not Unicode. Letters of all languages
/// stay.
///
/// ```
/// assert_eq!(longhand_idx::escaped("mein/Ordner/züge-数字"), "mein/Ordner/züge-数字");
/// assert_eq!(longhand_idx::escaped("red\x1b[31m\n"), r"red\u{1b}[31m\n");
/// ```
pub fn escaped(text: impl AsRef<OsStr>) -> String {
    let mut shown = String::new();
    for chunk in text.as_ref().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                    shown.extend(c.escape_default())
                }
                c if c.is_control() => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| shown += &format!("\\x{byte:02X}"));
    }
    shown
}
