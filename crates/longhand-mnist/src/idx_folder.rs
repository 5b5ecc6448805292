use std::fs::File;
use std::path::{Path, PathBuf};

use longhand_idx::{ElementType, Reader};

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
        let found = FILES.map(|file| (names(file), find(folder, file)));
        let missing = found.iter().filter(|(_, path)| path.is_none());
        let names: Vec<Vec<String>> = missing.map(|(names, _)| names.clone()).collect();
        let [Some(train_images), Some(train_labels), Some(test_images), Some(test_labels)] =
            found.map(|(_, path)| path)
        else {
            return Err(Error::Missing { folder: folder.to_owned(), names });
        };
        let source = folder.display().to_string();
        Dataset::from_idx_files(&[train_images, train_labels, test_images, test_labels], source)
    }

    /// Reads images and labels to learn from, and images and labels to be judged on.
    pub(crate) fn from_idx_files(files: &[PathBuf; 4], source: String) -> Result<Dataset, Error> {
        Ok(Dataset {
            train: read_split(&files[0], &files[1])?,
            test: read_split(&files[2], &files[3])?,
            class_names: DIGITS,
            source: source.into(),
        })
    }
}

/// The four files, without the ending of their names.
pub(crate) const FILES: [&str; 4] =
    ["train-images.idx3", "train-labels.idx1", "t10k-images.idx3", "t10k-labels.idx1"];

/// The names under which a file may stand, `train-images.idx3` for instance.
pub(crate) fn names(file: &str) -> Vec<String> {
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
    // The shapes are looked at before the elements are read: a file of another kind may be large.
    let images = open(images_path, 3, "images, [n, 28, 28]")?;
    let labels = open(labels_path, 1, "labels, [n]")?;
    let (n, found) = (images.shape()[0], (images.shape()[1], images.shape()[2]));
    if n == 0 {
        return Err(Error::Empty { path: images_path.to_owned() });
    }
    if found != (28, 28) {
        return Err(Error::ImageSize { path: images_path.to_owned(), found });
    }
    if n != labels.shape()[0] {
        let labels = (labels_path.to_owned(), labels.shape()[0]);
        return Err(Error::Count { images: (images_path.to_owned(), n), labels });
    }
    let labels = labels.into_bytes()?;
    if let Some(position) = labels.iter().position(|&l| usize::from(l) >= Split::CLASSES) {
        let found = labels[position];
        return Err(Error::Label { path: labels_path.to_owned(), position, found });
    }
    let images = images.into_array()?.into_dimensionality().expect("three dimensions");
    Ok(Split::new(images, labels))
}

/// Opens a file that must hold bytes in so many dimensions.
fn open(path: &Path, dimensions: usize, expected: &'static str) -> Result<Reader<File>, Error> {
    let reader = Reader::open(path)?;
    let found = match (reader.element_type(), reader.shape().len()) {
        (ElementType::U8, n) if n == dimensions => return Ok(reader),
        (ElementType::U8, n) => format!("an array of {n} dimensions"),
        (other, _) => format!("elements of type {other}"),
    };
    Err(Error::Content { path: path.to_owned(), expected, found })
}
