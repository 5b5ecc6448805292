use std::io::BufReader;
use std::path::{Path, PathBuf};

use longhand_idx::{escaped, open_file};
use ndarray::Array3;
use png::{ColorType, Decoder, Transformations};

use crate::dataset::DIGITS;
use crate::folder::{Kind, expect_folder, list};
use crate::splits::{Pictures, find, is_digit, other_picture};
use crate::{Dataset, Error, Split};

/// Rows and columns of an image.
const SIDE: usize = 28;

/// Half of the brightness.
const HALF: f64 = 127.5;

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
            class_names: DIGITS,
            source: (escaped(folder) + &unused.collect::<String>()).into(),
        })
    }
}

fn fault(path: &Path, reason: impl Into<String>) -> Error {
    Error::Picture { path: path.to_owned(), reason: reason.into() }
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
    let damaged = |e: &dyn std::fmt::Display| {
        fault(path, format!("expected a PNG picture, found {e}; get the file again"))
    };
    let file = open_file(path).map_err(|e| fault(path, e.to_string()))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| damaged(&e))?;
    let (width, height) = reader.info().size();
    if (width as usize, height as usize) != (SIDE, SIDE) {
        let reason = format!(
            "expected {SIDE} × {SIDE} pixels, found {height} × {width}; resize the picture"
        );
        return Err(fault(path, reason));
    }
    // The size is known to be small by now.
    let mut buffer = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let frame = reader.next_frame(&mut buffer).map_err(|e| damaged(&e))?;
    let buffer = &buffer[..frame.buffer_size()];
    let picture: Vec<[u8; 2]> = match frame.color_type {
        ColorType::Grayscale => buffer.iter().map(|&grey| [grey, 255]).collect(),
        ColorType::GrayscaleAlpha => buffer.chunks(2).map(|p| [p[0], p[1]]).collect(),
        ColorType::Rgb => buffer.chunks(3).map(|p| [grey(p), 255]).collect(),
        _ => buffer.chunks(4).map(|p| [grey(p), p[3]]).collect(),
    };
    if has_dark_ink(&picture) {
        let reason = "expected bright ink, found dark ink on a transparent ground, which on white \
                      paper is dark on bright; invert the pictures";
        return Err(fault(path, reason));
    }
    let first = on_black(picture[0]);
    if picture.iter().all(|&pixel| on_black(pixel) == first) {
        let reason = format!(
            "expected a picture, found the value {first} in every pixel; draw it again, or move it away"
        );
        return Err(fault(path, reason));
    }
    pixels.extend(picture.into_iter().map(on_black));
    Ok(())
}

/// The luma of red, green and blue (ITU-R BT.601), in whole numbers.
fn grey(pixel: &[u8]) -> u8 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
}

/// What shows of a grey value and its opacity on a black ground.
fn on_black([grey, alpha]: [u8; 2]) -> u8 {
    ((u32::from(grey) * u32::from(alpha) + 127) / 255) as u8
}

/// Whether the pixel is at the edge of its picture.
fn is_border(i: usize) -> bool {
    let (row, column) = (i / SIDE % SIDE, i % SIDE);
    row % (SIDE - 1) == 0 || column % (SIDE - 1) == 0
}

/// Whether a picture has a transparent ground, and ink on it that is dark: nothing of it would
/// show on black. The ground is what is at the border, the ink is what is more opaque.
fn has_dark_ink(picture: &[[u8; 2]]) -> bool {
    let border = (0..picture.len()).filter(|&i| is_border(i));
    let border: Vec<f64> = border.map(|i| f64::from(picture[i][1])).collect();
    let ground = border.iter().sum::<f64>() / border.len() as f64;
    let (mut weight, mut ink) = (0.0, 0.0);
    for &[grey, alpha] in picture {
        let above = (f64::from(alpha) - ground).max(0.0);
        weight += above;
        ink += above * f64::from(grey);
    }
    ground < HALF && weight > 0.0 && ink < HALF * weight
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
