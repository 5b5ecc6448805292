use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ndarray::{ArrayRef, Dimension};

use crate::{Element, Error, ErrorKind};

/// Writes an array as an IDX file: gzip where the name ends in `.gz`, plain otherwise.
///
/// # Errors
/// The file cannot be written, or IDX cannot hold the array's shape.
pub fn write<T: Element, D: Dimension>(
    path: impl AsRef<Path>,
    array: &ArrayRef<T, D>,
) -> Result<(), Error> {
    let path = path.as_ref();
    let gzip = path.extension().is_some_and(|e| e == "gz");
    // What cannot be written is found before the file is touched.
    header(array).map_err(|e| e.at(path))?;
    if gzip && !cfg!(feature = "gzip") {
        return Err(Error::new(ErrorKind::GzipDisabled).at(path));
    }
    let file = File::create(path).map_err(|e| Error::new(ErrorKind::Io(e)).at(path))?;
    #[cfg(feature = "gzip")]
    if gzip {
        return write_gzip_to(file, array).map_err(|e| e.at(path));
    }
    write_to(file, array).map_err(|e| e.at(path))
}

/// Writes an array as a plain IDX stream.
///
/// # Errors
/// The writer fails, or IDX cannot hold the array's shape.
///
/// ```
/// use longhand_idx::ndarray::array;
/// let mut bytes = Vec::new();
/// longhand_idx::write_to(&mut bytes, &array![[1i16, -1]])?;
/// assert_eq!(bytes, [0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x00, 0x01, 0xFF, 0xFF]);
/// # Ok::<(), longhand_idx::Error>(())
/// ```
pub fn write_to<T: Element, D: Dimension>(
    writer: impl Write,
    array: &ArrayRef<T, D>,
) -> Result<(), Error> {
    let header = header(array)?;
    encode(BufWriter::new(writer), &header, array).map_err(|e| Error::new(ErrorKind::Io(e)))
}

/// The bytes before the elements, if IDX can hold the array's shape.
fn header<T: Element, D: Dimension>(array: &ArrayRef<T, D>) -> Result<Vec<u8>, Error> {
    let shape = array.shape();
    let unwritable = || Error::new(ErrorKind::Unwritable { shape: shape.to_vec() });
    let dimensions = u8::try_from(shape.len()).map_err(|_| unwritable())?;
    let mut header = vec![0, 0, T::TYPE as u8, dimensions];
    for &size in shape {
        let size = u32::try_from(size).map_err(|_| unwritable())?;
        header.extend(size.to_be_bytes());
    }
    Ok(header)
}

/// Writes an array as a gzip-compressed IDX stream. The same array gives the same bytes: no time,
/// no name.
///
/// # Errors
/// The writer fails, or IDX cannot hold the array's shape.
///
/// ```
/// use longhand_idx::{Reader, ndarray::array, write_gzip_to};
/// let mut bytes = Vec::new();
/// write_gzip_to(&mut bytes, &array![1.5f32])?;
/// assert_eq!(Reader::new(&bytes[..])?.into_array::<f32>()?[0], 1.5);
/// # Ok::<(), longhand_idx::Error>(())
/// ```
#[cfg(feature = "gzip")]
pub fn write_gzip_to<T: Element, D: Dimension>(
    writer: impl Write,
    array: &ArrayRef<T, D>,
) -> Result<(), Error> {
    let mut encoder = flate2::write::GzEncoder::new(writer, flate2::Compression::best());
    write_to(&mut encoder, array)?;
    let finished = encoder.finish().and_then(|mut writer| writer.flush());
    finished.map_err(|e| Error::new(ErrorKind::Io(e)))
}

fn encode<T: Element, D: Dimension>(
    mut writer: impl Write,
    header: &[u8],
    array: &ArrayRef<T, D>,
) -> io::Result<()> {
    writer.write_all(header)?;
    // as_standard_layout borrows where the elements already lie in IDX's order.
    let array = array.as_standard_layout();
    let elements = array.as_slice().expect("standard layout");
    let mut bytes = [0; 4096];
    for part in elements.chunks(bytes.len() / T::TYPE.size()) {
        let bytes = &mut bytes[..part.len() * T::TYPE.size()];
        T::to_bytes(part, bytes);
        writer.write_all(bytes)?;
    }
    writer.flush()
}
