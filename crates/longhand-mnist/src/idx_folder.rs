use std::path::{Path, PathBuf};

use ndarray::{Array1, Array3};

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
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = reason {
            return Err(Error::Folder { folder: folder.to_owned(), reason });
        }
        // All four are looked for before the first is read.
        let files =
            ["train-images.idx3", "train-labels.idx1", "t10k-images.idx3", "t10k-labels.idx1"];
        let found: Result<Vec<PathBuf>, Error> = files.iter().map(|f| find(folder, f)).collect();
        let found = found?;
        Ok(Dataset {
            train: read_split(&found[0], &found[1])?,
            test: read_split(&found[2], &found[3])?,
            source: folder.display().to_string().into(),
        })
    }
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let hyphen = name.replace('.', "-") + "-ubyte";
    let dot = format!("{name}-ubyte");
    let names = [hyphen.clone(), hyphen + ".gz", dot.clone(), dot + ".gz"];
    let found = names.iter().map(|n| folder.join(n)).find(|p| p.exists());
    found.ok_or_else(|| Error::Missing { folder: folder.to_owned(), names: names.to_vec() })
}

fn read_split(images_path: &Path, labels_path: &Path) -> Result<Split, Error> {
    let images: Array3<u8> = longhand_idx::read(images_path)?;
    let labels: Array1<u8> = longhand_idx::read(labels_path)?;
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
