//! The two folders of pictures: which is to train on, and which to evaluate on.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::folder::{Entry, Kind, TEST, TRAIN, VALID, list};

/// The folders of a set of pictures.
#[cfg_attr(not(feature = "png"), allow(dead_code))]
pub(crate) struct Pictures {
    pub train: PathBuf,
    pub test: PathBuf,
    /// The name of a validation folder that is not read, as there is a test folder as well.
    pub unused: Option<String>,
}

impl Pictures {
    /// The folders that are looked for where there are none.
    pub fn standard(folder: &Path) -> Pictures {
        let of = |name| folder.join(name);
        Pictures { train: of("training"), test: of("testing"), unused: None }
    }

    /// Whether a folder of a digit is there: not every folder `train` is one of pictures.
    pub fn have_digits(&self) -> bool {
        has_digits(&self.train) || has_digits(&self.test)
    }

    /// Whether both folders are there, whatever is in them.
    pub fn are_there(&self) -> bool {
        self.train.is_dir() && self.test.is_dir()
    }
}

/// Whether a folder holds one that is called as a digit.
fn has_digits(folder: &Path) -> bool {
    list(folder).unwrap_or_default().iter().any(is_digit)
}

/// Whether a folder is called as a digit.
pub(crate) fn is_digit(entry: &Entry) -> bool {
    entry.kind == Kind::Folder && matches!(entry.name.as_bytes(), [b'0'..=b'9'])
}

/// Looks for the two folders; nothing where neither is there.
pub(crate) fn find(folder: &Path, entries: &[Entry]) -> Result<Option<Pictures>, Error> {
    let [train, test, valid] = [TRAIN, TEST, VALID].map(|names| one(folder, entries, names));
    let (train, test) = (train?, test?);
    // With a test folder, it does not matter how many validation folders there are.
    let valid = match &test {
        Some(_) => valid.ok().flatten(),
        None => valid?,
    };
    let standard = Pictures::standard(folder);
    Ok(match (train, test, valid) {
        (Some(train), Some(test), unused) => Some(Pictures {
            train: train.path.clone(),
            test: test.path.clone(),
            unused: unused.map(|entry| entry.name.clone()),
        }),
        (Some(train), None, Some(test)) => {
            Some(Pictures { train: train.path.clone(), test: test.path.clone(), unused: None })
        }
        (Some(train), None, None) => Some(Pictures { train: train.path.clone(), ..standard }),
        (None, Some(test), _) | (None, None, Some(test)) => {
            Some(Pictures { test: test.path.clone(), ..standard })
        }
        (None, None, None) => None,
    })
}

/// The folder with one of the names, if there is not more than one.
fn one<'a>(
    folder: &Path,
    entries: &'a [Entry],
    names: &[&str],
) -> Result<Option<&'a Entry>, Error> {
    let named =
        |entry: &&Entry| entry.kind == Kind::Folder && names.contains(&&*entry.name.to_lowercase());
    let mut found: Vec<&Entry> = entries.iter().filter(named).collect();
    if found.len() > 1 {
        found.retain(|entry| has_digits(&entry.path));
    }
    match found[..] {
        [] => Ok(None),
        [entry] => Ok(Some(entry)),
        _ => Err(Error::Ambiguous {
            folder: folder.to_owned(),
            candidates: found.iter().map(|entry| entry.name.clone()).collect(),
        }),
    }
}

/// Whether a name is that of a picture in a format that is not read.
#[cfg(feature = "png")]
pub(crate) fn other_picture(entry: &Entry) -> bool {
    ["jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "pgm"]
        .iter()
        .any(|extension| entry.has_extension(extension))
}
