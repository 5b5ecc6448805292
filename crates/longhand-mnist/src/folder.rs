//! What is in a folder, and which names mean training and test data.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// Names of training data, whatever the case of their letters.
pub(crate) const TRAIN: &[&str] = &["train", "training"];
/// Names of test data.
pub(crate) const TEST: &[&str] = &["test", "testing", "t10k"];
/// Names of validation data, which serve as test data where there are no others.
pub(crate) const VALID: &[&str] = &["valid", "validation", "val"];

/// What a name in a folder stands for, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A pipe, a socket, a device, or a link that leads nowhere.
    Other,
}

/// One visible name in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
}

impl Entry {
    /// Whether the name ends in this extension, in letters of any case.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
    }
}

/// All of a folder by name, except what is hidden or what a Macintosh leaves in archives.
pub(crate) fn list(folder: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |error| Error::Access { path: folder.to_owned(), error };
    let mut found = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        let path = entry.path();
        let kind = match entry.metadata() {
            // The names of a folder can be read where its files cannot be reached.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(failed(error));
            }
            _ => kind(&path),
        };
        found.push(Entry { name, path, kind });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn kind(path: &Path) -> Kind {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Kind::Folder,
        Ok(metadata) if metadata.is_file() => Kind::File,
        _ => Kind::Other,
    }
}

/// Checks that a path is a folder, before its files are looked for.
pub(crate) fn expect_folder(path: &Path) -> Result<(), Error> {
    let reason = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(metadata) if metadata.is_file() && is_archive(path) => "a file to unpack".to_owned(),
        Ok(metadata) if metadata.is_file() => "a file".to_owned(),
        Ok(_) => "a pipe, a socket or a device".to_owned(),
        Err(error) => format!("none ({error})"),
    };
    Err(Error::Folder { folder: path.to_owned(), reason })
}

/// Whether a file is named as one that holds others.
pub(crate) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    [".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".csv.gz"]
        .iter()
        .any(|ending| name.ends_with(ending))
}
