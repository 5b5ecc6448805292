use std::path::{Path, PathBuf};

use longhand_idx::escaped;

use crate::csv_files::{self, Pair};
use crate::folder::{Entry, Kind, expect_folder, list};
use crate::idx_folder::{self, Search};
use crate::splits::{self, Pictures};
use crate::{Dataset, Error};

/// Where a level has more folders, none of them is looked into.
const MOST_FOLDERS: usize = 200;

/// What a path turned out to be.
enum Found {
    Idx([PathBuf; 4]),
    Pictures(Pictures),
    Csv(Pair),
}

impl Dataset {
    /// Reads what a path is. It may be
    ///
    /// * a folder with the four IDX files ([`from_idx_folder`](Dataset::from_idx_folder)),
    /// * a folder of pictures, `training/<digit>/*.png` and `testing/<digit>/*.png`
    ///   (`Dataset::from_png_folder`, feature `png`),
    /// * a folder with `mnist_train.csv` and `mnist_test.csv`, or one of these two files
    ///   (`Dataset::from_csv`, feature `csv`),
    /// * a folder with one such set one or two levels down, as in `MNIST/raw`.
    ///
    /// # Errors
    /// There is none of these, or there are several; or what is there cannot be read. The message
    /// names the file or folder, and says what to do.
    ///
    /// ```
    /// let error = longhand_mnist::Dataset::open("no/such/folder").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/folder: expected a folder"));
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset, Error> {
        let path = path.as_ref();
        if path.is_file() && csv_files::is_csv(path) {
            return csv_files::read(&csv_files::pair_of(path)?);
        }
        expect_folder(path)?;
        let entries = list(path)?;
        let mut found = look(path, &entries)?.map(|found| (path.to_owned(), found));
        if found.is_none() {
            found = below(path, &entries)?;
        }
        if found.is_none() {
            let pair = csv_files::find(path, &entries, false)?;
            found = pair.map(|pair| (path.to_owned(), Found::Csv(pair)));
        }
        let (folder, found) = found.ok_or_else(|| nothing(path, &entries))?;
        match found {
            Found::Idx(files) => Dataset::from_idx_files(&files, escaped(&folder)),
            Found::Pictures(pictures) => read_pictures(&pictures, &folder),
            Found::Csv(pair) => csv_files::read(&pair),
        }
    }
}

/// What a folder itself holds. A part of a set is an error: the rest of it is not elsewhere.
fn look(folder: &Path, entries: &[Entry]) -> Result<Option<Found>, Error> {
    let idx = idx_folder::find(folder, entries)?;
    let pictures = splits::find(folder, entries)?.filter(Pictures::have_digits);
    let csv = csv_files::find(folder, entries, true);
    let (files, lacking) = match idx {
        Search::Files(files) => (Some(Found::Idx(files)), vec![]),
        Search::Lacking(roles) => (None, roles),
    };
    let pictures = pictures.map(Found::Pictures);
    match (files, pictures) {
        (Some(_), Some(_)) => Err(several(folder, ["IDX files", "pictures"])),
        (None, None) if (1..4).contains(&lacking.len()) => {
            Err(idx_folder::missing(folder, lacking, entries, false))
        }
        (None, None) => Ok(csv?.map(Found::Csv)),
        (Some(found), None) | (None, Some(found)) => match csv {
            Ok(Some(_)) => Err(several(folder, ["CSV files", "another set of images"])),
            _ => Ok(Some(found)),
        },
    }
}

fn several(folder: &Path, kinds: [&str; 2]) -> Error {
    let candidates = kinds.map(str::to_owned).to_vec();
    Error::Ambiguous { folder: folder.to_owned(), candidates }
}

/// The one set in the folders below, nearest first.
fn below(folder: &Path, entries: &[Entry]) -> Result<Option<(PathBuf, Found)>, Error> {
    let folders = |entries: Vec<Entry>| entries.into_iter().filter(|e| e.kind == Kind::Folder);
    let mut level: Vec<Entry> = folders(entries.to_vec()).collect();
    let mut fault = None;
    for _ in 0..2 {
        let (mut found, mut next) = (vec![], vec![]);
        if level.len() > MOST_FOLDERS {
            break;
        }
        for inner in level {
            let entries = list(&inner.path);
            let set = entries.as_ref().map_or(Ok(None), |entries| look(&inner.path, entries));
            match set {
                Ok(set) => found.extend(set.map(|set| (inner.path, set))),
                Err(error @ Error::Ambiguous { .. }) => return Err(error),
                // It counts where nothing else is found.
                Err(error) => fault = fault.or(Some(error)),
            }
            match entries {
                Ok(entries) => next.extend(folders(entries)),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        match found.len() {
            0 => level = next,
            1 => return Ok(found.pop()),
            _ => {
                let name = |(path, _): &(PathBuf, Found)| {
                    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
                };
                let candidates = found.iter().map(name).collect();
                return Err(Error::Ambiguous { folder: folder.to_owned(), candidates });
            }
        }
    }
    fault.map_or(Ok(None), Err)
}

/// The message of a folder that holds no set: what is there may tell what is meant.
fn nothing(folder: &Path, entries: &[Entry]) -> Error {
    let pictures = splits::find(folder, entries).ok().flatten();
    if let Some(pictures) = pictures.filter(Pictures::are_there)
        && let Err(error) = read_pictures(&pictures, folder)
    {
        return error;
    }
    if entries.iter().any(splits::is_digit) {
        let reason = "expected the folders training and testing with folders 0 to 9 in each, found \
                      those of the digits alone; divide the pictures";
        return Error::Picture { path: folder.to_owned(), reason: reason.to_owned() };
    }
    idx_folder::missing(folder, (0..4).collect(), entries, true)
}

#[cfg(feature = "png")]
fn read_pictures(pictures: &Pictures, folder: &Path) -> Result<Dataset, Error> {
    pictures.read(folder)
}

#[cfg(not(feature = "png"))]
fn read_pictures(_: &Pictures, folder: &Path) -> Result<Dataset, Error> {
    let reason = "pictures are read with the `png` feature of longhand-mnist; build with it".into();
    Err(Error::Picture { path: folder.to_owned(), reason })
}
