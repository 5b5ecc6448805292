use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use png::{ColorType, Decoder, Transformations};

use crate::dataset::DIGITS;
use crate::{Dataset, Error, Split};

/// Rows and columns of an image.
const SIDE: usize = 28;

impl Dataset {
    /// Reads a folder of pictures in fastai's layout: `training/<digit>/*.png` and `testing/<digit>/*.png`, 28 × 28 pixels,
    /// white on black. Pictures that are not 8-bit grey are converted; transparency is ignored.
    ///
    /// Where the files are named by their number in the original set, as `mnist_png` names them, the original order comes back.
    ///
    /// # Errors
    /// A folder is missing or holds no picture, a file is no PNG or damaged, or a picture has another size. The message names the
    /// file.
    ///
    /// ```
    /// let error = longhand_mnist::Dataset::from_png_folder("no/such/folder").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/folder/training/0: "));
    /// ```
    pub fn from_png_folder(folder: impl AsRef<Path>) -> Result<Dataset, Error> {
        let folder = folder.as_ref();
        Ok(Dataset {
            train: read_split(&folder.join("training"))?,
            test: read_split(&folder.join("testing"))?,
            class_names: DIGITS,
            source: folder.display().to_string().into(),
        })
    }
}

fn read_split(folder: &Path) -> Result<Split, Error> {
    let mut pictures = vec![];
    for label in 0..Split::CLASSES as u8 {
        let class = folder.join(label.to_string());
        pictures.extend(list(&class)?.into_iter().map(|path| (label, path)));
    }
    // By the number that is the name; names that are no numbers by themselves, behind them.
    pictures.sort_by_cached_key(|(_, path)| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name.parse::<u64>().unwrap_or(u64::MAX), name)
    });
    let mut pixels = Vec::with_capacity(pictures.len() * SIDE * SIDE);
    for (_, path) in &pictures {
        decode(path, &mut pixels)?;
    }
    let images = Array3::from_shape_vec((pictures.len(), SIDE, SIDE), pixels);
    let labels = pictures.iter().map(|(label, _)| *label).collect();
    Ok(Split::new(images.expect("whole pictures"), labels))
}

/// The pictures of a folder.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let picture = |reason: String| Error::Picture { path: folder.to_owned(), reason };
    let entries = fs::read_dir(folder)
        .map_err(|e| picture(format!("expected a folder of PNG files, found none ({e})")))?;
    let mut paths = vec![];
    for entry in entries {
        let path = entry.map_err(|e| picture(e.to_string()))?.path();
        // Beside each file that macOS copies elsewhere stands one of its own, `._3.png`.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(picture(
            "expected PNG files, found none; place the pictures of this class there".into(),
        ));
    }
    Ok(paths)
}

/// Appends the grey values of a picture.
fn decode(path: &Path, pixels: &mut Vec<u8>) -> Result<(), Error> {
    let picture = |reason: String| Error::Picture { path: path.to_owned(), reason };
    let damaged = |e: &dyn std::fmt::Display| {
        picture(format!("expected a PNG picture, found {e}; get the file again"))
    };
    let file = File::open(path).map_err(|e| picture(e.to_string()))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| damaged(&e))?;
    let (width, height) = reader.info().size();
    if (width as usize, height as usize) != (SIDE, SIDE) {
        return Err(picture(format!(
            "expected {SIDE} × {SIDE} pixels, found {height} × {width}; resize the picture"
        )));
    }
    // The size is known to be small by now.
    let mut buffer = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let frame = reader.next_frame(&mut buffer).map_err(|e| damaged(&e))?;
    let buffer = &buffer[..frame.buffer_size()];
    match frame.color_type {
        ColorType::Grayscale => pixels.extend_from_slice(buffer),
        ColorType::GrayscaleAlpha => pixels.extend(buffer.chunks(2).map(|p| p[0])),
        ColorType::Rgb => pixels.extend(buffer.chunks(3).map(grey)),
        _ => pixels.extend(buffer.chunks(4).map(grey)),
    }
    Ok(())
}

/// The luma of red, green and blue (ITU-R BT.601), in whole numbers.
fn grey(pixel: &[u8]) -> u8 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
}
