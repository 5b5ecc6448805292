//! Arrays from NumPy's files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use longhand_idx::open_file;
use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use crate::TableError;
use crate::table::shown;

/// The most bytes that an array of an archive may have when it is unpacked.
const LARGEST: u64 = 4 << 30;

/// An array of a kind that samples or their targets can be.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyArray {
    /// Bytes, such as pixels.
    Bytes(ArrayD<u8>),
    /// Other whole numbers.
    Whole(ArrayD<i64>),
    /// Numbers with a fraction.
    Numbers(ArrayD<f64>),
}

impl NpyArray {
    /// The sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        match self {
            NpyArray::Bytes(array) => array.shape(),
            NpyArray::Whole(array) => array.shape(),
            NpyArray::Numbers(array) => array.shape(),
        }
    }

    /// The same as numbers with a fraction.
    pub fn into_numbers(self) -> ArrayD<f64> {
        match self {
            NpyArray::Bytes(array) => array.mapv(f64::from),
            NpyArray::Whole(array) => array.mapv(|n| n as f64),
            NpyArray::Numbers(array) => array,
        }
    }
}

/// Reads an NPY file.
///
/// # Errors
/// It cannot be read, is no NPY file, or is of texts or other things than numbers.
pub fn read_npy(path: impl AsRef<Path>) -> Result<NpyArray, TableError> {
    let path = path.as_ref();
    let mut bytes = vec![];
    let read = open_file(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|error| fault(path, error.to_string()))?;
    decode(&bytes).map_err(|reason| fault(path, reason))
}

/// Reads those arrays of an NPZ file that are in it under one of these names.
///
/// # Errors
/// It cannot be read, is no NPZ file, or one of the arrays is of texts or other things than numbers.
pub fn read_npz(
    path: impl AsRef<Path>,
    names: &[&str],
) -> Result<BTreeMap<String, NpyArray>, TableError> {
    let path = path.as_ref();
    let file = open_file(path).map_err(|error| fault(path, error.to_string()))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| {
        fault(path, format!("expected an NPZ file, found {error}; get the file again"))
    })?;
    let mut found = BTreeMap::new();
    for name in names {
        let Some(index) = archive.index_for_name(&format!("{name}.npy")) else { continue };
        let array = entry(&mut archive, index);
        let array = array.map_err(|reason| fault(path, format!("array {name}: {reason}")))?;
        found.insert((*name).to_owned(), array);
    }
    Ok(found)
}

/// The names of the arrays of an NPZ file, for messages.
///
/// # Errors
/// It cannot be read, or is no NPZ file.
pub fn npz_names(path: impl AsRef<Path>) -> Result<Vec<String>, TableError> {
    let path = path.as_ref();
    let file = open_file(path).map_err(|error| fault(path, error.to_string()))?;
    let archive = zip::ZipArchive::new(file).map_err(|error| {
        fault(path, format!("expected an NPZ file, found {error}; get the file again"))
    })?;
    Ok(archive.file_names().map(|name| shown(name.trim_end_matches(".npy"))).collect())
}

fn entry(archive: &mut zip::ZipArchive<File>, index: usize) -> Result<NpyArray, String> {
    let failed = |error: String| format!("expected an array, found {error}; get the file again");
    let file = archive.by_index(index).map_err(|error| failed(error.to_string()))?;
    let mut bytes = vec![];
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("expected at most {LARGEST} bytes, found more"));
    }
    decode(&bytes)
}

fn decode(bytes: &[u8]) -> Result<NpyArray, String> {
    expect_as_long_as_promised(bytes)?;
    fn read<T: ReadableElement>(bytes: &[u8]) -> Result<ArrayD<T>, ReadNpyError> {
        ArrayD::<T>::read_npy(Cursor::new(bytes))
    }
    /// The array, if it is of this type.
    fn of<T: ReadableElement>(bytes: &[u8]) -> Result<Option<ArrayD<T>>, String> {
        match read::<T>(bytes) {
            Ok(array) => Ok(Some(array)),
            Err(ReadNpyError::WrongDescriptor(_)) => Ok(None),
            Err(error) => Err(format!("expected an NPY array, found {error}; get the file again")),
        }
    }
    if let Some(array) = of::<u8>(bytes)? {
        return Ok(NpyArray::Bytes(array));
    }
    if let Some(array) = of::<f64>(bytes)? {
        return Ok(NpyArray::Numbers(array));
    }
    if let Some(array) = of::<f32>(bytes)? {
        return Ok(NpyArray::Numbers(array.mapv(f64::from)));
    }
    if let Some(array) = of::<bool>(bytes)? {
        return Ok(NpyArray::Whole(array.mapv(i64::from)));
    }
    macro_rules! whole {
        ($($type:ty),+) => {
            $(if let Some(array) = of::<$type>(bytes)? {
                #[allow(clippy::cast_lossless)] // of some of the types
                return Ok(NpyArray::Whole(array.mapv(|n| n as i64)));
            })+
        };
    }
    whole!(i64, i32, i16, i8, u64, u32, u16);
    match read::<u8>(bytes) {
        Err(ReadNpyError::WrongDescriptor(found)) => Err(format!(
            "expected numbers, found the type {}; save them as numbers",
            shown(&found.to_string())
        )),
        _ => Err("expected numbers, found something else".to_owned()),
    }
}

/// Checks that the bytes behind a header are as many as it promises, before a reader trusts it.
fn expect_as_long_as_promised(bytes: &[u8]) -> Result<(), String> {
    let damaged = || {
        "expected an NPY array, found a header that cannot be read; get the file again".to_owned()
    };
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err("expected an NPY array, found another file; get the file again".to_owned());
    }
    let (start, length) = match bytes.get(6..12) {
        Some([1, _, a, b, ..]) => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        Some([2 | 3, _, a, b, c, d]) => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err(damaged()),
    };
    let header = bytes.get(start..start + length).ok_or_else(damaged)?;
    let header = String::from_utf8_lossy(header);
    // Not deeper than a list of fields: the reader goes down with the brackets.
    if header.matches(['(', '[', '{']).count() > 16 {
        return Err(
            "expected an array of numbers, found a type of several fields; save plain numbers"
                .to_owned(),
        );
    }
    let mut shapes = header.match_indices("shape");
    let (Some((at, _)), None) = (shapes.next(), shapes.next()) else { return Err(damaged()) };
    let shape = header[at..].split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let shape = shape.ok_or_else(damaged)?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let elements = sizes
        .map(|size| size.parse::<usize>().ok())
        .try_fold(1usize, |n, size| n.checked_mul(size?));
    let there = bytes.len() - start - length;
    match elements {
        Some(elements) if elements <= there => Ok(()),
        _ => Err(format!(
            "expected the elements of shape ({}), found {there} bytes; get the file again",
            shown(shape)
        )),
    }
}

fn fault(path: &Path, reason: impl Into<String>) -> TableError {
    TableError { path: path.to_owned(), line: None, column: None, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{header:<117}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn arrays_of_numbers_are_read_and_others_refused() {
        let of = |descr: &str, shape: &str, body: &[u8]| {
            decode(&file(
                &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"),
                body,
            ))
        };
        let numbers = |array: NpyArray| array.into_numbers().into_iter().collect::<Vec<_>>();
        assert_eq!(numbers(of("|u1", "(3,)", &[1, 2, 3]).unwrap()), [1.0, 2.0, 3.0]);
        assert_eq!(
            numbers(of("<i4", "(1, 2)", &[1, 0, 0, 0, 255, 255, 255, 255]).unwrap()),
            [1.0, -1.0]
        );
        assert_eq!(numbers(of("<f4", "(1,)", &1.5f32.to_le_bytes()).unwrap()), [1.5]);
        for (descr, shape, expected) in [
            ("<U3", "(1,)", "found the type"),
            ("<f8", "(1000000000000,)", "found 12 bytes"),
            ("<f8", "(4294967296, 4294967296)", "found 12 bytes"),
            ("<f8", "(2,)", "expected an NPY array"),
            ("<f8", "5", "header that cannot be read"),
            ("<f8", &"(".repeat(40_000)[..40], "several fields"),
        ] {
            let message = of(descr, shape, &[0; 12]).unwrap_err();
            assert!(message.contains(expected), "{descr} {shape}: {message}");
        }
        let good = file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[1, 2, 3]);
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_err(), "{length} bytes");
        }
    }
}
