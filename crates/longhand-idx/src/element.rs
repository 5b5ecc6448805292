use std::fmt;

use byteorder::{BigEndian, ByteOrder};

/// The type of an IDX file's elements, as its third byte codes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ElementType {
    /// Unsigned byte, `0x08`.
    U8 = 0x08,
    /// Signed byte, `0x09`.
    I8 = 0x09,
    /// 16-bit signed integer, `0x0B`.
    I16 = 0x0B,
    /// 32-bit signed integer, `0x0C`.
    I32 = 0x0C,
    /// 32-bit float, `0x0D`.
    F32 = 0x0D,
    /// 64-bit float, `0x0E`.
    F64 = 0x0E,
}

impl ElementType {
    /// The type a code stands for, if it stands for one.
    ///
    /// ```
    /// use longhand_idx::ElementType;
    /// assert_eq!(ElementType::from_code(0x08), Some(ElementType::U8));
    /// assert_eq!(ElementType::from_code(0x0A), None);
    /// ```
    pub fn from_code(code: u8) -> Option<ElementType> {
        use ElementType::{F32, F64, I8, I16, I32, U8};
        [U8, I8, I16, I32, F32, F64].into_iter().find(|&t| t as u8 == code)
    }

    /// Bytes that one element takes in the file.
    ///
    /// ```
    /// assert_eq!(longhand_idx::ElementType::F64.size(), 8);
    /// ```
    pub fn size(self) -> usize {
        match self {
            ElementType::U8 | ElementType::I8 => 1,
            ElementType::I16 => 2,
            ElementType::I32 | ElementType::F32 => 4,
            ElementType::F64 => 8,
        }
    }
}

/// The Rust name of the type: `u8`, `f32`.
impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The six Rust types that IDX can hold: `u8`, `i8`, `i16`, `i32`, `f32`, `f64`.
///
/// ```
/// use longhand_idx::{Element, ElementType};
/// assert_eq!(f32::TYPE, ElementType::F32);
/// assert_eq!(i16::from_bytes(vec![0x01, 0x00, 0xFF, 0xFF]), [256, -1]);
/// ```
pub trait Element: Copy + sealed::Sealed {
    /// The type's code.
    const TYPE: ElementType;

    /// Decodes big-endian bytes, whose number is a multiple of the element's size.
    fn from_bytes(bytes: Vec<u8>) -> Vec<Self>;

    /// Encodes elements as big-endian bytes; `bytes` has the element's size for each of them.
    fn to_bytes(elements: &[Self], bytes: &mut [u8]);
}

impl sealed::Sealed for u8 {}
impl Element for u8 {
    const TYPE: ElementType = ElementType::U8;

    fn from_bytes(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn to_bytes(elements: &[u8], bytes: &mut [u8]) {
        bytes.copy_from_slice(elements);
    }
}

impl sealed::Sealed for i8 {}
impl Element for i8 {
    const TYPE: ElementType = ElementType::I8;

    fn from_bytes(bytes: Vec<u8>) -> Vec<i8> {
        bytes.into_iter().map(u8::cast_signed).collect()
    }

    fn to_bytes(elements: &[i8], bytes: &mut [u8]) {
        for (byte, element) in bytes.iter_mut().zip(elements) {
            *byte = element.cast_unsigned();
        }
    }
}

macro_rules! wide_element {
    ($($type:ident $variant:ident $read:ident $write:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const TYPE: ElementType = ElementType::$variant;

            fn from_bytes(bytes: Vec<u8>) -> Vec<$type> {
                let mut elements = vec![$type::default(); bytes.len() / size_of::<$type>()];
                BigEndian::$read(&bytes, &mut elements);
                elements
            }

            fn to_bytes(elements: &[$type], bytes: &mut [u8]) {
                BigEndian::$write(elements, bytes);
            }
        }
    )*};
}
wide_element!(
    i16 I16 read_i16_into write_i16_into,
    i32 I32 read_i32_into write_i32_into,
    f32 F32 read_f32_into write_f32_into,
    f64 F64 read_f64_into write_f64_into
);
