use std::path::{Path, PathBuf};

use longhand_idx::ErrorKind;
use ndarray::{Array1, Array3};

use crate::dataset::DIGITS;
use crate::{Dataset, Error, Split};

impl Dataset {
    /// Reads the four IDX files under their standard names, each plain or gzip: `train-images-idx3-ubyte`,
    /// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, with or without `.gz`, and with a
    /// dot for the last hyphen but one as some unpackers write it (`train-images.idx3-ubyte`).
    ///
    /// # Errors
    /// A file is missing, damaged or not IDX; images are not 28 × 28; images and labels differ in number; a label is
    /// above 9.
    ///
    /// ```
    /// let error = longhand_mnist::Dataset::from_idx_folder("no/such/folder").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/folder: expected a folder"));
    /// ```
    pub fn from_idx_folder(folder: impl AsRef<Path>) -> Result<Dataset, Error> {
        let folder = folder.as_ref();
        let reason = match folder.metadata() {
            Ok(metadata) if metadata.is_dir() => None,
            Ok(_) => Some("a file".to_owned()),
            Err(error) => Some(format!("none ({error})")),
        };
        if let Some(reason) = reason {
            return Err(Error::Folder { folder: folder.to_owned(), reason });
        }
        // All four are looked for before the first is read.
        let files =
            ["train-images.idx3", "train-labels.idx1", "t10k-images.idx3", "t10k-labels.idx1"];
        let found = files.map(|file| (names(file), find(folder, file)));
        let missing = found.iter().filter(|(_, path)| path.is_none());
        let names: Vec<Vec<String>> = missing.map(|(names, _)| names.clone()).collect();
        let [Some(train_images), Some(train_labels), Some(test_images), Some(test_labels)] =
            found.map(|(_, path)| path)
        else {
            return Err(Error::Missing { folder: folder.to_owned(), names });
        };
        Ok(Dataset {
            train: read_split(&train_images, &train_labels)?,
            test: read_split(&test_images, &test_labels)?,
            class_names: DIGITS,
            source: folder.display().to_string().into(),
        })
    }
}

/// The names under which a file may stand, `train-images.idx3` for instance.
fn names(file: &str) -> Vec<String> {
    let (hyphen, dot) = (file.replace('.', "-") + "-ubyte", format!("{file}-ubyte"));
    vec![hyphen.clone(), hyphen + ".gz", dot.clone(), dot + ".gz"]
}

/// The first of the names that is a file; if none is, one that is something else, for the error message that reading gives.
fn find(folder: &Path, file: &str) -> Option<PathBuf> {
    let paths: Vec<PathBuf> = names(file).iter().map(|name| folder.join(name)).collect();
    let file = paths.iter().find(|path| path.is_file());
    file.or_else(|| paths.iter().find(|path| path.exists())).cloned()
}

fn read_split(images_path: &Path, labels_path: &Path) -> Result<Split, Error> {
    let images: Array3<u8> =
        longhand_idx::read(images_path).map_err(|e| other_kind(e, "images, [n, 28, 28]"))?;
    let labels: Array1<u8> =
        longhand_idx::read(labels_path).map_err(|e| other_kind(e, "labels, [n]"))?;
    let (n, rows, columns) = images.dim();
    if n == 0 {
        return Err(Error::Empty { path: images_path.to_owned() });
    }
    if (rows, columns) != (28, 28) {
        return Err(Error::ImageSize { path: images_path.to_owned(), found: (rows, columns) });
    }
    if n != labels.len() {
        let (images, labels) =
            ((images_path.to_owned(), n), (labels_path.to_owned(), labels.len()));
        return Err(Error::Count { images, labels });
    }
    if let Some(position) = labels.iter().position(|&l| usize::from(l) >= Split::CLASSES) {
        let found = labels[position];
        return Err(Error::Label { path: labels_path.to_owned(), position, found });
    }
    Ok(Split::new(images, labels.to_vec()))
}

/// A sound IDX file that holds something else gets a message of its own.
fn other_kind(error: longhand_idx::Error, expected: &'static str) -> Error {
    let found = match error.kind() {
        ErrorKind::Type { found, .. } => format!("elements of type {found}"),
        ErrorKind::Dimensions { found, .. } => format!("an array of {} dimensions", found.len()),
        _ => return Error::Idx(error),
    };
    let path = error.path().map(Path::to_owned).unwrap_or_default();
    Error::Content { path, expected, found }
}
