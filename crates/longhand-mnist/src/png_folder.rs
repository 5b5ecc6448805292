use std::path::{Path, PathBuf};

use longhand_idx::escaped;
use ndarray::Array3;

use crate::dataset::digit_names;
use crate::folder::{Kind, expect_folder, list};
use crate::picture::{Decoded, fault, on_black};
use crate::splits::{Pictures, find, is_digit, other_picture};
use crate::{Dataset, Error, Split};

/// Rows and columns of an image.
const SIDE: usize = 28;

impl Dataset {
    /// Reads a folder of pictures in fastai's layout: `training/<digit>/*.png` and
    /// `testing/<digit>/*.png`, 28 × 28 pixels, white on black. The folders may also be called
    /// `train`, and `test`, `valid`, `validation` or `val`. A digit without a folder has no images.
    ///
    /// Pictures that are not 8-bit grey are converted. What is transparent is laid on black. Dark
    /// ink on a bright or transparent ground is refused: invert such pictures.
    ///
    /// Where the files are named by their number in the original set, as `mnist_png` names them,
    /// the original order comes back.
    ///
    /// # Errors
    /// A folder is missing, holds no picture, or is none of the ten digits; a file is no PNG or
    /// damaged; a picture has another size, or one value throughout; the pictures are dark on
    /// bright. The message names the file or folder.
    ///
    /// ```
    /// let error = longhand_mnist::Dataset::from_png_folder("no/such/folder").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/folder: expected a folder"));
    /// ```
    pub fn from_png_folder(folder: impl AsRef<Path>) -> Result<Dataset, Error> {
        let folder = folder.as_ref();
        expect_folder(folder)?;
        let pictures = find(folder, &list(folder)?)?;
        pictures.unwrap_or_else(|| Pictures::standard(folder)).read(folder)
    }
}

impl Pictures {
    /// Reads both splits.
    pub(crate) fn read(&self, folder: &Path) -> Result<Dataset, Error> {
        for split in [&self.train, &self.test] {
            if !split.is_dir() {
                let reason = "expected a folder with folders called 0 to 9, found none; place the pictures there";
                return Err(fault(split, reason));
            }
        }
        let unused = self.unused.iter().map(|name| format!(", without {}", escaped(name)));
        Ok(Dataset {
            train: read_split(&self.train)?,
            test: read_split(&self.test)?,
            class_names: digit_names(),
            source: (escaped(folder) + &unused.collect::<String>()).into(),
        })
    }
}

fn read_split(folder: &Path) -> Result<Split, Error> {
    let mut pictures = vec![];
    for class in list(folder)? {
        match class.kind {
            _ if is_digit(&class) => {
                let label = class.name.as_bytes()[0] - b'0';
                let paths = list_class(&class.path)?;
                pictures.extend(paths.into_iter().map(|path| (label, path)));
            }
            Kind::Folder => {
                let reason =
                    "expected folders called 0 to 9, found this one; rename it, or move it away";
                return Err(fault(&class.path, reason));
            }
            _ if class.has_extension("png") || other_picture(&class) => {
                let reason = "expected pictures in folders called 0 to 9, found this one beside them; \
                              move it into the folder of its digit";
                return Err(fault(&class.path, reason));
            }
            _ => {}
        }
    }
    if pictures.is_empty() {
        let reason = "expected pictures in folders called 0 to 9, found none; place them there";
        return Err(fault(folder, reason));
    }
    // By the number that is the name; names that are no numbers by themselves, behind them.
    pictures.sort_by_cached_key(|(_, path): &(u8, PathBuf)| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name.parse::<u64>().unwrap_or(u64::MAX), name)
    });
    let mut pixels = Vec::with_capacity(pictures.len() * SIDE * SIDE);
    for (_, path) in &pictures {
        decode(path, &mut pixels)?;
    }
    let images = Array3::from_shape_vec((pictures.len(), SIDE, SIDE), pixels);
    let images = images.expect("whole pictures");
    if is_dark_on_bright(&images) {
        let reason =
            "expected bright ink on a dark ground, found dark on bright; invert the pictures";
        return Err(fault(folder, reason));
    }
    Ok(Split::new(images, pictures.iter().map(|(label, _)| *label).collect()))
}

/// The pictures of a class.
fn list_class(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![];
    for entry in list(folder)? {
        if entry.kind == Kind::Folder {
            let reason = "expected PNG files, found a folder; move its pictures one level up";
            return Err(fault(&entry.path, reason));
        }
        if other_picture(&entry) {
            let reason =
                "expected a PNG picture, found another format; convert it, or move it away";
            return Err(fault(&entry.path, reason));
        }
        if entry.has_extension("png") {
            paths.push(entry.path);
        }
    }
    match paths.is_empty() {
        true => {
            let reason = "expected PNG files, found none; place the pictures of this class there";
            Err(fault(folder, reason))
        }
        false => Ok(paths),
    }
}

/// Appends the grey values of a picture.
fn decode(path: &Path, pixels: &mut Vec<u8>) -> Result<(), Error> {
    let picture = Decoded::read_if(path, |rows, columns| match (rows, columns) {
        (SIDE, SIDE) => Ok(()),
        _ => Err(format!(
            "expected {SIDE} × {SIDE} pixels, found {rows} × {columns}; resize the picture"
        )),
    })?;
    if picture.has_dark_ink() {
        let reason = "expected bright ink, found dark ink on a transparent ground, which on white \
                      paper is dark on bright; invert the pictures";
        return Err(fault(path, reason));
    }
    let first = on_black(picture.pixels[0]);
    if picture.pixels.iter().all(|&pixel| on_black(pixel) == first) {
        let reason = format!(
            "expected a picture, found the value {first} in every pixel; draw it again, or move it away"
        );
        return Err(fault(path, reason));
    }
    pixels.extend(picture.pixels.into_iter().map(on_black));
    Ok(())
}

/// Whether the pixel is at the edge of its picture.
fn is_border(i: usize) -> bool {
    let (row, column) = (i / SIDE % SIDE, i % SIDE);
    row % (SIDE - 1) == 0 || column % (SIDE - 1) == 0
}

/// Whether the ground is brighter than the ink, over a whole split: a single picture may well
/// have a bright border. Noise, whose border is as bright as the rest, is not refused.
fn is_dark_on_bright(images: &Array3<u8>) -> bool {
    let (mut border, mut inside) = ((0u64, 0u64), (0u64, 0u64));
    for (i, &pixel) in images.iter().enumerate() {
        let (sum, count) = if is_border(i) { &mut border } else { &mut inside };
        *sum += u64::from(pixel);
        *count += 1;
    }
    let mean = |(sum, count): (u64, u64)| sum as f64 / count as f64;
    let (border, inside) = (mean(border), mean(inside));
    border > 160.0 || (border > 64.0 && border > inside + 8.0)
}
