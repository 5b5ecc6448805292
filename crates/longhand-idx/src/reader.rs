use std::fs::File;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

#[cfg(feature = "gzip")]
use crate::gzip::Members;
use byteorder::{BigEndian, ByteOrder};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use crate::{Element, ElementType, Error, ErrorKind, open_file};

/// The first bytes of every gzip file (RFC 1952, section 2.3.1). An IDX file begins with 00 00.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What is allocated at once for a file that is as long as its header says: a sparse file may be of
/// any length.
const LARGEST_RESERVE: u64 = 64 << 20;

/// Bytes behind the last element are counted up to here.
const MOST_COUNTED: u64 = 1 << 20;

/// Reads a whole IDX file, plain or gzip, into an array of known element type and number of
/// dimensions (`ArrayD` takes any number).
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
    let reader = Reader::open(path)?;
    // Before the elements are read: a file of another kind may be large.
    if let Some(expected) = D::NDIM.filter(|&n| n != reader.shape.len()) {
        let found = reader.shape.clone();
        return Err(reader.error(ErrorKind::Dimensions { expected, found }));
    }
    Ok(reader.into_array()?.into_dimensionality().expect("as many dimensions as D has"))
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
    /// Bytes that have been read.
    position: u64,
    /// Bytes that are known to be there, whatever the header says: a file's length. So much may be
    /// allocated at once.
    known: u64,
    path: Option<PathBuf>,
}

impl Reader<File> {
    /// Opens a file, plain or gzip, and reads its header.
    ///
    /// # Errors
    /// The file cannot be read, is not a regular file, or does not begin with an IDX header.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader<File>, Error> {
        let path = path.as_ref();
        let file = open_file(path).map_err(|e| Error::new(ErrorKind::Io(e)).at(path))?;
        let known = file.metadata().map_or(0, |metadata| metadata.len());
        let reader = Reader::new(file).map_err(|e| e.at(path))?;
        Ok(Reader { known, path: Some(path.to_owned()), ..reader })
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
        let found = stream.fill(&mut header, 0).map_err(Error::new)?;
        if found >= 2 && header[..2] == GZIP_MAGIC && stream.is_gzip() {
            return Err(Error::new(ErrorKind::NestedGzip));
        }
        if found >= 2 && header[..2] != [0, 0] {
            return Err(Error::new(ErrorKind::Magic { found: [header[0], header[1]] }));
        }
        if found < 4 {
            return Err(Error::new(ErrorKind::Header { expected: 4, found: found as u64 }));
        }
        let element_type = ElementType::from_code(header[2])
            .ok_or_else(|| Error::new(ErrorKind::ElementCode { found: header[2] }))?;
        let mut sizes = vec![0; 4 * usize::from(header[3])];
        let found = stream.fill(&mut sizes, 4).map_err(Error::new)?;
        if found < sizes.len() {
            let (expected, found) = (4 + sizes.len() as u64, 4 + found as u64);
            return Err(Error::new(ErrorKind::Header { expected, found }));
        }
        let shape: Vec<usize> = sizes.chunks(4).map(|s| BigEndian::read_u32(s) as usize).collect();
        let bytes = shape.iter().try_fold(element_type.size(), |n, &size| n.checked_mul(size));
        let bytes = if shape.contains(&0) { Some(0) } else { bytes };
        let Some(payload) = bytes.filter(|&n| isize::try_from(n).is_ok()) else {
            return Err(Error::new(ErrorKind::TooLarge { shape }));
        };
        let position = 4 + sizes.len() as u64;
        Ok(Reader { stream, element_type, shape, payload, position, known: 0, path: None })
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
    pub fn into_array<T: Element>(mut self) -> Result<ArrayD<T>, Error> {
        self.expect_type::<T>()?;
        let mut elements = vec![];
        if T::TYPE.size() == 1 {
            elements = T::from_bytes(self.read_bytes(self.payload)?);
        }
        // Wider elements are decoded part by part, so that bytes and elements are not both held.
        while elements.len() * T::TYPE.size() < self.payload {
            let part = (self.payload - elements.len() * T::TYPE.size()).min(64 * 1024);
            elements.extend(T::from_bytes(self.read_bytes(part)?));
        }
        self.expect_end()?;
        ArrayD::from_shape_vec(IxDyn(&self.shape), elements).map_err(|_| {
            // Of arrays without elements, ndarray wants the other sizes' product to be addressable
            // as well.
            self.error(ErrorKind::TooLarge { shape: self.shape.clone() })
        })
    }

    /// Reads the elements as the big-endian bytes they are in the file.
    ///
    /// # Errors
    /// Too few or too many bytes follow the header.
    ///
    /// ```
    /// let bytes = [0, 0, 0x0B, 1, 0, 0, 0, 1, 0x12, 0x34]; // one i16
    /// assert_eq!(longhand_idx::Reader::new(&bytes[..])?.into_bytes()?, [0x12, 0x34]);
    /// # Ok::<(), longhand_idx::Error>(())
    /// ```
    pub fn into_bytes(mut self) -> Result<Vec<u8>, Error> {
        let bytes = self.read_bytes(self.payload)?;
        self.expect_end()?;
        Ok(bytes)
    }

    /// Reads the elements item by item, an item being what one position of the first dimension
    /// holds: one image of a file of images. Only one item is held at a time. A file without
    /// elements has no items.
    ///
    /// # Errors
    /// The elements are of another type than `T`, or there is no first dimension.
    ///
    /// ```
    /// use longhand_idx::{Reader, ndarray::array};
    ///
    /// let bytes = [0, 0, 0x08, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
    /// let mut items = Reader::new(&bytes[..])?.into_items::<u8>()?;
    /// assert_eq!(items.next().unwrap()?, array![1, 2, 3].into_dyn());
    /// assert_eq!(items.next().unwrap()?, array![4, 5, 6].into_dyn());
    /// assert!(items.next().is_none());
    /// # Ok::<(), longhand_idx::Error>(())
    /// ```
    pub fn into_items<T: Element>(self) -> Result<Items<R, T>, Error> {
        self.expect_type::<T>()?;
        // Of items without elements a header of a few bytes may promise billions: none of them is
        // given out.
        let items = self.shape.first().map(|&n| if self.payload == 0 { 0 } else { n });
        match items {
            Some(left) => Ok(Items { reader: self, left, ended: false, element: PhantomData }),
            None => Err(self.error(ErrorKind::Dimensions { expected: 1, found: vec![] })),
        }
    }

    fn expect_type<T: Element>(&self) -> Result<(), Error> {
        if self.element_type == T::TYPE {
            return Ok(());
        }
        let (expected, found) = (T::TYPE, self.element_type);
        Err(self.error(ErrorKind::Type { expected, found }))
    }

    /// The next `n` bytes, which the header promises and which may not be there: the vector grows
    /// with what comes.
    fn read_bytes(&mut self, n: usize) -> Result<Vec<u8>, Error> {
        let mut bytes =
            Vec::with_capacity((n as u64).min(self.known).min(LARGEST_RESERVE) as usize);
        let read = self.stream.read_up_to(n as u64, &mut bytes);
        self.position += bytes.len() as u64;
        if let Err(source) = read {
            return Err(self.error(self.stream.fault(source, self.position)));
        }
        if bytes.len() < n {
            let (shape, expected, found) = (self.shape.clone(), self.length(), self.position);
            return Err(self.error(ErrorKind::Truncated { shape, expected, found }));
        }
        Ok(bytes)
    }

    /// Checks that nothing follows the last element, and with it what gzip has in its trailer.
    fn expect_end(&mut self) -> Result<(), Error> {
        match self.stream.fill(&mut [0], self.position) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let (shape, expected) = (self.shape.clone(), self.length());
                let (more, at_least) = self.count_more();
                Err(self.error(ErrorKind::Trailing { shape, expected, more, at_least }))
            }
            Err(kind) => Err(self.error(kind)),
        }
    }

    /// How many bytes follow the last element, of which one has been read; and whether that is
    /// only a part of them.
    fn count_more(&mut self) -> (u64, bool) {
        let in_file = self.known.saturating_sub(self.length());
        if in_file > 0 && !self.stream.is_gzip() {
            return (in_file, false);
        }
        let (mut more, mut buffer) = (1, [0; 4096]);
        while more < MOST_COUNTED {
            match self.stream.fill(&mut buffer, self.position + more) {
                Ok(n) if n < buffer.len() => return (more + n as u64, false),
                Ok(n) => more += n as u64,
                Err(_) => break,
            }
        }
        (more, true)
    }

    /// Bytes of the whole file, by its header.
    fn length(&self) -> u64 {
        4 + 4 * self.shape.len() as u64 + self.payload as u64
    }

    fn error(&self, kind: ErrorKind) -> Error {
        let error = Error::new(kind);
        match &self.path {
            Some(path) => error.at(path),
            None => error,
        }
    }
}

/// The items of an IDX file, one after the other. Made by [`Reader::into_items`]. After an error it
/// ends.
pub struct Items<R, T> {
    reader: Reader<R>,
    left: usize,
    ended: bool,
    element: PhantomData<T>,
}

impl<R: Read, T: Element> Iterator for Items<R, T> {
    type Item = Result<ArrayD<T>, Error>;

    fn next(&mut self) -> Option<Result<ArrayD<T>, Error>> {
        if self.ended {
            return None;
        }
        if self.left == 0 {
            self.ended = true;
            return self.reader.expect_end().err().map(Err);
        }
        self.left -= 1;
        let bytes = self.reader.payload / self.reader.shape[0];
        let item = self.reader.read_bytes(bytes);
        self.ended = item.is_err();
        let shape = IxDyn(&self.reader.shape[1..]);
        Some(item.map(|bytes| {
            let elements = T::from_bytes(bytes);
            ArrayD::from_shape_vec(shape, elements).expect("as many elements as the shape needs")
        }))
    }
}

/// The bytes of an IDX file, decompressed where they need it.
enum Stream<R> {
    Plain(Start<R>),
    #[cfg(feature = "gzip")]
    Gzip(Members<Start<R>>),
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
        return Ok(Stream::Gzip(Members::new(start)));
        #[cfg(not(feature = "gzip"))]
        return Err(Error::new(ErrorKind::GzipDisabled));
    }

    fn is_gzip(&self) -> bool {
        !matches!(self, Stream::Plain(_))
    }

    /// Reads until `buffer` is full or the stream ends, and returns how much was read.
    fn fill(&mut self, buffer: &mut [u8], position: u64) -> Result<usize, ErrorKind> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fault(e, position + filled as u64)),
            }
        }
        Ok(filled)
    }

    /// Appends up to `n` bytes. Not by the trait's own `read_to_end`, which would have to zero the
    /// memory first.
    fn read_up_to(&mut self, n: u64, bytes: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.take(n).read_to_end(bytes),
            #[cfg(feature = "gzip")]
            Stream::Gzip(stream) => stream.take(n).read_to_end(bytes),
        }
    }

    /// Tells a fault of the compressed data from a fault of the disk.
    fn fault(&self, source: io::Error, position: u64) -> ErrorKind {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if self.is_gzip() && matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            return ErrorKind::Gzip { position, source };
        }
        ErrorKind::Io(source)
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
