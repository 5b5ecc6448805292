//! Tensors by name, as a safetensors file holds them.
//!
//! The `safetensors` crate writes the bytes and says whether a header is sound. What it does not
//! look at is looked at here: names that appear twice, and headers that would take more memory than
//! the file is long.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use longhand_idx::open_file;
use longhand_tensor::Float;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, View};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, ErrorKind, shown};
use crate::write_whole;

/// The longest header that is read or written, in bytes: that of a net with some 40,000 features, whose
/// means stand there. Reading one may take twenty times its length in memory.
const LONGEST_HEADER: u64 = 4 << 20;

/// The one key of the metadata: with several, their order in the file would be random.
pub(crate) const KEY: &str = "longhand";

/// `f32` or `f64`, as files hold them: little-endian, as `F32` and `F64`.
pub trait Stored: Float {
    #[doc(hidden)]
    const DTYPE: Dtype;
    #[doc(hidden)]
    fn append_to(self, bytes: &mut Vec<u8>);
    #[doc(hidden)]
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! stored {
    ($type:ty, $dtype:ident) => {
        impl Stored for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            #[inline]
            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                <$type>::from_le_bytes(bytes.try_into().expect("as many bytes as a number has"))
            }
        }
    };
}
stored!(f32, F32);
stored!(f64, F64);

/// A tensor that is to be written.
pub(crate) struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    pub fn new<F: Stored>(shape: Vec<usize>, values: impl Iterator<Item = F>) -> Tensor {
        let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * size_of::<F>());
        values.for_each(|value| value.append_to(&mut bytes));
        Tensor { dtype: F::DTYPE, shape, bytes }
    }
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of a file of tensors, with a line about them.
pub(crate) fn bytes(
    tensors: Vec<(String, Tensor)>,
    metadata: Option<String>,
) -> Result<Vec<u8>, ErrorKind> {
    let metadata = metadata.map(|text| [(KEY.to_owned(), text)].into_iter().collect());
    let bytes = safetensors::serialize(tensors, metadata)
        .map_err(|error| ErrorKind::Content(error.to_string()))?;
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    if header > LONGEST_HEADER {
        return Err(ErrorKind::Content(format!(
            "expected a header of at most {LONGEST_HEADER} bytes, found one of {header}; use fewer features or layers"
        )));
    }
    Ok(bytes)
}

/// Writes a file of tensors, with a line about them.
pub(crate) fn write(
    path: &Path,
    tensors: Vec<(String, Tensor)>,
    metadata: Option<String>,
) -> Result<(), Error> {
    let bytes = bytes(tensors, metadata).map_err(|kind| kind.at(path))?;
    write_whole(path, &bytes).map_err(|error| Error::io(path, error))
}

/// A file of tensors that has been read, whose header is sound.
#[derive(Debug)]
pub(crate) struct Tensors {
    pub path: PathBuf,
    /// All of the file.
    bytes: Vec<u8>,
    /// Where each tensor is in it.
    tensors: BTreeMap<String, Place>,
    /// What this crate has written about them, if it has written them.
    pub metadata: Option<String>,
}

#[derive(Debug)]
struct Place {
    dtype: Dtype,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

impl Tensors {
    pub fn open(path: &Path) -> Result<Tensors, Error> {
        let failed = |error| Error::io(path, error);
        let mut file = open_file(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let (mut bytes, header) = read_header(&mut file, length).map_err(|kind| kind.at(path))?;
        let start = bytes.len();
        let rest = usize::try_from(length).unwrap_or(usize::MAX) - start;
        bytes.try_reserve_exact(rest).map_err(|error| failed(error.into()))?;
        file.take(rest as u64).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() - start < rest {
            return Err(
                ErrorKind::Format("one that gets shorter while it is read".to_owned()).at(path)
            );
        }
        let tensors = header.tensors.into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            let (dtype, shape) = (info.dtype, info.shape);
            (name, Place { dtype, shape, range: start + from..start + to })
        });
        let (path, tensors) = (path.to_owned(), tensors.collect());
        Ok(Tensors { path, bytes, tensors, metadata: header.metadata })
    }

    /// Checks that a tensor is there, of this type and shape, without NaN or infinity.
    pub fn check<F: Stored>(&self, name: &str, shape: &[usize]) -> Result<(), ErrorKind> {
        let Some(Place { dtype, shape: found, .. }) = self.tensors.get(name) else {
            let names: Vec<String> = self.tensors.keys().take(6).map(|name| shown(name)).collect();
            let more = if self.tensors.len() > 6 { ", …" } else { "" };
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let reason = format!(
                "expected {} {shape:?}, found no such tensor; there are {names}{more}",
                F::DTYPE
            );
            return Err(ErrorKind::tensor(name, reason));
        };
        if *dtype != F::DTYPE || found != shape {
            let found: String = format!("{found:?}").chars().take(60).collect();
            let reason = format!("expected {} {shape:?}, found {dtype} {found}", F::DTYPE);
            return Err(ErrorKind::tensor(name, reason));
        }
        match self.values::<F>(name).position(|value| !value.is_finite()) {
            Some(at) => {
                let reason =
                    format!("expected finite numbers, found NaN or infinity at position {at}");
                Err(ErrorKind::tensor(name, reason))
            }
            None => Ok(()),
        }
    }

    /// Checks that every tensor with this prefix is one of these.
    pub fn check_no_more(&self, prefix: &str, names: &BTreeSet<String>) -> Result<(), ErrorKind> {
        let mut all = self.tensors.iter().filter(|(name, _)| name.starts_with(prefix));
        match all.find(|(name, _)| !names.contains(*name)) {
            Some((name, place)) => {
                let shape: String = format!("{:?}", place.shape).chars().take(60).collect();
                let reason = format!("expected no such tensor, found {} {shape}", place.dtype);
                Err(ErrorKind::tensor(name, reason))
            }
            None => Ok(()),
        }
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|place| &place.shape[..])
    }

    /// The numbers of a tensor that has been checked.
    pub fn values<F: Stored>(&self, name: &str) -> impl Iterator<Item = F> + '_ {
        let range = self.tensors.get(name).map_or(0..0, |place| place.range.clone());
        self.bytes[range].chunks_exact(size_of::<F>()).map(F::read)
    }
}

/// The header as it stands, with its length, and what it says. What would be costly or is ambiguous is
/// refused.
fn read_header(file: &mut File, length: u64) -> Result<(Vec<u8>, Header), ErrorKind> {
    let mut bytes = vec![];
    file.take(8).read_to_end(&mut bytes).map_err(ErrorKind::Io)?;
    let (Ok(first), Some(rest)) = (<[u8; 8]>::try_from(&bytes[..]), length.checked_sub(8)) else {
        return Err(ErrorKind::Format(format!("{length} bytes, which are too few for a header")));
    };
    let n = u64::from_le_bytes(first);
    if n > rest {
        return Err(ErrorKind::Format(format!(
            "{length} bytes, where its first 8 promise a header of {n}"
        )));
    }
    if n > LONGEST_HEADER {
        let found =
            format!("a header of {n} bytes, where {LONGEST_HEADER} are the most that is read");
        return Err(ErrorKind::Format(found));
    }
    file.take(n).read_to_end(&mut bytes).map_err(ErrorKind::Io)?;
    let header: Header = serde_json::from_slice(bytes.get(8..).unwrap_or_default())
        .map_err(|error| ErrorKind::Format(format!("a header that cannot be read ({error})")))?;
    check_places(&header.tensors, rest - n)?;
    // The official opinion of it, which is the same.
    let tensors = header.tensors.iter().map(|(name, info)| {
        let Info { dtype, shape, data_offsets } = info.clone();
        (name.clone(), TensorInfo { dtype, shape, data_offsets })
    });
    Metadata::new(None, tensors.collect())
        .map_err(|error| ErrorKind::Format(format!("a damaged one: {error}")))?;
    Ok((bytes, header))
}

/// Checks that each tensor has as many bytes as its shape needs, behind those of the one before, and
/// that all of them are there.
fn check_places(tensors: &[(String, Info)], there: u64) -> Result<(), ErrorKind> {
    let mut end = 0;
    for (name, Info { dtype, shape, data_offsets: (from, to) }) in tensors {
        let bits = shape.iter().try_fold(dtype.bitsize(), |bits, &size| bits.checked_mul(size));
        let needed = bits.map(|bits| bits / 8);
        if needed.is_none() || to.checked_sub(*from) != needed {
            let shape: String = format!("{shape:?}").chars().take(60).collect();
            let reason = format!(
                "expected as many bytes as {dtype} {shape} needs, found those from {from} to {to}"
            );
            return Err(ErrorKind::tensor(name, reason));
        }
        if *from != end {
            let reason = format!(
                "expected its numbers from byte {end}, behind those of the tensor before, found them from {from}"
            );
            return Err(ErrorKind::tensor(name, reason));
        }
        end = *to;
        if end as u64 > there {
            let reason = format!(
                "expected its numbers up to byte {end}, found {there} bytes; the file is cut off, get it again"
            );
            return Err(ErrorKind::tensor(name, reason));
        }
    }
    match there - end as u64 {
        0 => Ok(()),
        more => Err(ErrorKind::Format(format!("{more} more bytes than its tensors have"))),
    }
}

/// What a header says of its tensors, in the order of their places; no name appears twice.
struct Header {
    tensors: Vec<(String, Info)>,
    /// What this crate has written about them.
    metadata: Option<String>,
}

/// What a header says of a tensor, and nothing else.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    dtype: Dtype,
    #[serde(deserialize_with = "few_sizes")]
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// Sizes of at most eight dimensions: a shape of millions would take more memory than the file.
fn few_sizes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    struct Sizes;
    impl<'de> Visitor<'de> for Sizes {
        type Value = Vec<usize>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the sizes of up to eight dimensions")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Vec<usize>, A::Error> {
            let mut shape = vec![];
            while let Some(size) = sizes.next_element()? {
                if shape.len() == 8 {
                    return Err(A::Error::invalid_length(9, &self));
                }
                shape.push(size);
            }
            Ok(shape)
        }
    }
    deserializer.deserialize_seq(Sizes)
}

/// The value of this crate's key in an object of texts, whose keys differ.
struct Own(Option<String>);

impl<'de> Deserialize<'de> for Own {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Own, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Own;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Own, A::Error> {
                let (mut names, mut own) = (BTreeSet::new(), None);
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value::<String>()?;
                    if name == KEY {
                        own = Some(value);
                    }
                    if let Some(twice) = names.replace(name) {
                        return Err(A::Error::custom(format!("{} appears twice", shown(&twice))));
                    }
                }
                Ok(Own(own))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Header;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut names, mut tensors, mut metadata) = (BTreeSet::new(), vec![], None);
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        let twice = shown(&name);
                        return Err(A::Error::custom(format!("tensor {twice} appears twice")));
                    }
                    if name == "__metadata__" {
                        metadata = map.next_value::<Own>()?.0;
                        continue;
                    }
                    let info = map.next_value::<Info>();
                    let of = |error| A::Error::custom(format!("tensor {}: {error}", shown(&name)));
                    tensors.push((name.clone(), info.map_err(of)?));
                }
                tensors.sort_by_key(|(_, info): &(String, Info)| info.data_offsets);
                Ok(Header { tensors, metadata })
            }
        }
        deserializer.deserialize_map(Names)
    }
}
