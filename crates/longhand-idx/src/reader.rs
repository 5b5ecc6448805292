use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
#[cfg(feature = "gzip")]
use flate2::bufread::MultiGzDecoder;
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use crate::{Element, ElementType, Error, ErrorKind};

/// The first bytes of every gzip file (RFC 1952, section 2.3.1). An IDX file begins with 00 00.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Reads a whole IDX file, plain or gzip, into an array of known element type and number of dimensions
/// (`ArrayD` takes any number).
///
/// # Errors
/// Everything in [`ErrorKind`] that can befall reading; the message names the file.
///
/// ```
/// use longhand_idx::ndarray::Array3;
/// let error = longhand_idx::read::<u8, longhand_idx::ndarray::Ix3>("no/such-file").unwrap_err();
/// assert!(error.to_string().starts_with("no/such-file: "));
/// ```
pub fn read<T: Element, D: Dimension>(path: impl AsRef<Path>) -> Result<Array<T, D>, Error> {
    let path = path.as_ref();
    let array = Reader::open(path)?.into_array().map_err(|e| e.at(path))?;
    let found = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| {
        let expected = D::NDIM.unwrap_or(found.len());
        Error::new(ErrorKind::Dimensions { expected, found }).at(path)
    })
}

/// An IDX file whose header has been read and whose elements have not.
///
/// ```
/// use longhand_idx::{ElementType, Reader};
///
/// let bytes = [0, 0, 0x08, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
/// let reader = Reader::new(&bytes[..])?;
/// assert_eq!(reader.element_type(), ElementType::U8);
/// assert_eq!(reader.shape(), [2, 3]);
/// assert_eq!(reader.into_array::<u8>()?[[1, 0]], 4);
/// # Ok::<(), longhand_idx::Error>(())
/// ```
pub struct Reader<R> {
    stream: Stream<R>,
    element_type: ElementType,
    shape: Vec<usize>,
    payload: usize,
    position: u64,
}

impl Reader<File> {
    /// Opens a file, plain or gzip, and reads its header.
    ///
    /// # Errors
    /// The file cannot be read, or does not begin with an IDX header.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader<File>, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::new(ErrorKind::Io(e)).at(path))?;
        Reader::new(file).map_err(|e| e.at(path))
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header from any reader of a plain or gzip stream. The reader is buffered here.
    ///
    /// # Errors
    /// The stream cannot be read, or does not begin with an IDX header.
    pub fn new(inner: R) -> Result<Reader<R>, Error> {
        let mut stream = Stream::new(inner)?;
        let mut header = [0; 4];
        let found = stream.fill(&mut header, 0)?;
        if found >= 2 && header[..2] != [0, 0] {
            return Err(Error::new(ErrorKind::Magic { found: [header[0], header[1]] }));
        }
        if found < 4 {
            return Err(Error::new(ErrorKind::Header { expected: 4, found: found as u64 }));
        }
        let element_type = ElementType::from_code(header[2])
            .ok_or_else(|| Error::new(ErrorKind::ElementCode { found: header[2] }))?;
        let mut sizes = vec![0; 4 * usize::from(header[3])];
        let found = stream.fill(&mut sizes, 4)?;
        if found < sizes.len() {
            let (expected, found) = (4 + sizes.len() as u64, 4 + found as u64);
            return Err(Error::new(ErrorKind::Header { expected, found }));
        }
        let shape: Vec<usize> = sizes.chunks(4).map(|s| BigEndian::read_u32(s) as usize).collect();
        // ndarray wants the product of the non-zero sizes to fit an isize, even where another size is zero.
        let elements =
            shape.iter().filter(|&&s| s > 0).try_fold(1usize, |n, &size| n.checked_mul(size));
        let bytes = elements
            .and_then(|n| n.checked_mul(element_type.size()))
            .filter(|&n| isize::try_from(n).is_ok());
        let Some(bytes) = bytes else {
            return Err(Error::new(ErrorKind::TooLarge { shape }));
        };
        let payload = if shape.contains(&0) { 0 } else { bytes };
        let position = 4 + sizes.len() as u64;
        Ok(Reader { stream, element_type, shape, payload, position })
    }

    /// The type of the elements.
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// The sizes of the dimensions, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Reads the elements into an array of the file's shape.
    ///
    /// # Errors
    /// The elements are of another type than `T`, or too few or too many bytes follow the header.
    pub fn into_array<T: Element>(self) -> Result<ArrayD<T>, Error> {
        if self.element_type != T::TYPE {
            let (expected, found) = (T::TYPE, self.element_type);
            return Err(Error::new(ErrorKind::Type { expected, found }));
        }
        let shape = IxDyn(&self.shape);
        let elements = T::from_bytes(self.into_bytes()?);
        Ok(ArrayD::from_shape_vec(shape, elements).expect("as many elements as the shape needs"))
    }

    /// Reads the elements as the big-endian bytes they are in the file.
    ///
    /// # Errors
    /// Too few or too many bytes follow the header.
    pub fn into_bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        // One byte more than announced is asked for, so that an over-long file shows; the vector grows with what comes.
        let limit = self.payload as u64 + 1;
        if let Err(source) = self.stream.by_ref().take(limit).read_to_end(&mut bytes) {
            return Err(self.stream.error(source, self.position + bytes.len() as u64));
        }
        let expected = self.position + self.payload as u64;
        let shape = self.shape;
        if bytes.len() < self.payload {
            let found = self.position + bytes.len() as u64;
            return Err(Error::new(ErrorKind::Truncated { shape, expected, found }));
        }
        if bytes.len() > self.payload {
            return Err(Error::new(ErrorKind::Trailing { shape, expected }));
        }
        Ok(bytes)
    }
}

/// The bytes of an IDX file, decompressed where they need it.
enum Stream<R> {
    Plain(Start<R>),
    #[cfg(feature = "gzip")]
    Gzip(MultiGzDecoder<Start<R>>),
}

/// The two bytes that tell gzip from plain, and the rest of the stream behind them.
type Start<R> = io::Chain<io::Cursor<Vec<u8>>, BufReader<R>>;

impl<R: Read> Stream<R> {
    fn new(inner: R) -> Result<Stream<R>, Error> {
        let mut inner = BufReader::with_capacity(64 * 1024, inner);
        let mut start = Vec::with_capacity(2);
        let read = inner.by_ref().take(2).read_to_end(&mut start);
        read.map_err(|e| Error::new(ErrorKind::Io(e)))?;
        let gzip = start == GZIP_MAGIC;
        let start = io::Cursor::new(start).chain(inner);
        if !gzip {
            return Ok(Stream::Plain(start));
        }
        #[cfg(feature = "gzip")]
        return Ok(Stream::Gzip(MultiGzDecoder::new(start)));
        #[cfg(not(feature = "gzip"))]
        return Err(Error::new(ErrorKind::GzipDisabled));
    }

    /// Reads until `buffer` is full or the stream ends, and returns how much was read.
    fn fill(&mut self, buffer: &mut [u8], position: u64) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.error(e, position + filled as u64)),
            }
        }
        Ok(filled)
    }

    /// Tells a fault of the compressed data from a fault of the disk.
    fn error(&self, source: io::Error, position: u64) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let damaged = matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof);
        match self {
            #[cfg(feature = "gzip")]
            Stream::Gzip(_) if damaged => Error::new(ErrorKind::Gzip { position, source }),
            _ => Error::new(ErrorKind::Io(source)),
        }
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "gzip")]
            Stream::Gzip(stream) => stream.read(buffer),
        }
    }
}
