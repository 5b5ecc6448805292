//! Round trips of everything IDX can hold, and files that are not what they claim to be.

use std::fmt::Debug;
use std::io::{self, Read};

use allocation_counter::measure;
use longhand_idx::ndarray::{ArrayD, IxDyn};
use longhand_idx::{Element, ElementType, ErrorKind, Reader, write, write_to};
use proptest::prelude::*;

/// Whether bytes are an IDX file, written a second time from the format's definition.
fn is_idx(bytes: &[u8]) -> bool {
    let size = match bytes.get(2) {
        Some(0x08 | 0x09) => 1,
        Some(0x0B) => 2,
        Some(0x0C | 0x0D) => 4,
        Some(0x0E) => 8,
        _ => return false,
    };
    let Some(&dimensions) = bytes.get(3) else { return false };
    let Some(sizes) = bytes.get(4..4 + 4 * usize::from(dimensions)) else { return false };
    let sizes = sizes.chunks(4).map(|s| u128::from(u32::from_be_bytes(s.try_into().unwrap())));
    let elements = match sizes.clone().any(|s| s == 0) {
        true => 0,
        false => sizes.clone().fold(1u128, u128::saturating_mul),
    };
    let expected = elements.saturating_mul(size).saturating_add(4 + sizes.len() as u128 * 4);
    bytes[..2] == [0, 0] && expected == bytes.len() as u128
}

/// Reads bytes in every way there is; they must agree, and with `is_idx`.
fn read_all_ways(bytes: &[u8]) {
    let reader = || Reader::new(bytes);
    let as_bytes = reader().and_then(Reader::into_bytes);
    assert_eq!(as_bytes.is_ok(), is_idx(bytes), "{bytes:02X?}: {:?}", as_bytes.err());
    let Ok(header) = reader() else { return };
    fn arrays<T: Element + PartialEq + Debug>(bytes: &[u8]) -> bool {
        let whole = Reader::new(bytes).and_then(Reader::into_array::<T>);
        let items = Reader::new(bytes).and_then(Reader::into_items::<T>);
        let items = items.and_then(|items| items.collect::<Result<Vec<_>, _>>());
        if let (Ok(whole), Ok(items)) = (&whole, &items) {
            // Compared as bytes: NaN is not equal to itself.
            let encoded = |elements: Vec<T>| {
                let mut bytes = vec![0; elements.len() * T::TYPE.size()];
                T::to_bytes(&elements, &mut bytes);
                bytes
            };
            let items = items.iter().flat_map(|item| item.iter().copied()).collect();
            assert_eq!(encoded(whole.iter().copied().collect()), encoded(items));
        }
        whole.is_ok()
    }
    let sound = match header.element_type() {
        ElementType::U8 => arrays::<u8>(bytes),
        ElementType::I8 => arrays::<i8>(bytes),
        ElementType::I16 => arrays::<i16>(bytes),
        ElementType::I32 => arrays::<i32>(bytes),
        ElementType::F32 => arrays::<f32>(bytes),
        ElementType::F64 => arrays::<f64>(bytes),
    };
    // ndarray has no arrays without elements whose other sizes are beyond what can be addressed.
    let sizes = header.shape().iter().map(|&s| s.max(1) as u128).fold(1, u128::saturating_mul);
    let array = sizes.saturating_mul(header.element_type().size() as u128) < 1 << 63;
    assert_eq!(sound, is_idx(bytes) && array, "{bytes:02X?}");
}

fn sound_files() -> Vec<Vec<u8>> {
    let mut files = vec![];
    for (code, size) in [(8u8, 1), (9, 1), (0x0B, 2), (0x0C, 4), (0x0D, 4), (0x0E, 8)] {
        for shape in
            [&[][..], &[0], &[1], &[3], &[2, 3], &[2, 0, 3], &[1, 2, 1, 2], &[2; 5], &[1; 255]]
        {
            let mut file = vec![0, 0, code, shape.len() as u8];
            shape.iter().for_each(|&s: &u32| file.extend(s.to_be_bytes()));
            let elements: u32 = shape.iter().product();
            file.extend((0..elements as usize * size).map(|i| (i * 37) as u8));
            files.push(file);
        }
    }
    files
}

#[test]
fn sound_files_are_read_and_written_back_to_the_byte() {
    for file in sound_files() {
        assert!(is_idx(&file));
        read_all_ways(&file);
        if file[2] == 0x0B {
            let array = Reader::new(&file[..]).unwrap().into_array::<i16>().unwrap();
            let mut again = vec![];
            write_to(&mut again, &array).unwrap();
            assert_eq!(again, file);
        }
    }
}

/// Every truncation, every byte at the front set to odd values, and lengths off by one: 30,000
/// files.
#[test]
fn malformed_files_are_refused_and_nothing_else_is() {
    for file in sound_files() {
        for end in 0..file.len().min(80) {
            read_all_ways(&file[..end]);
        }
        for at in 0..file.len().min(28) {
            for value in [0, 1, 2, 7, 8, 0x0A, 0x0C, 0x0F, 0x1F, 0x7F, 0x80, 0xFF] {
                let mut changed = file.clone();
                changed[at] = value;
                read_all_ways(&changed);
            }
        }
        read_all_ways(&[&file[..], &[0]].concat());
        read_all_ways(&[&[0], &file[..]].concat());
    }
    for text in ["", "\0", "<html><body>403 Forbidden</body></html>", "\x7FELF", "PK\x03\x04"] {
        read_all_ways(text.as_bytes());
    }
}

fn round_trip<T: Element + Copy>(shape: &[usize], bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let array = ArrayD::from_shape_vec(IxDyn(shape), T::from_bytes(bytes.clone())).unwrap();
    let mut written = vec![];
    write_to(&mut written, &array).unwrap();
    prop_assert!(is_idx(&written));
    let reader = Reader::new(&written[..]).unwrap();
    prop_assert_eq!(reader.shape(), shape);
    prop_assert_eq!(Reader::new(&written[..]).unwrap().into_bytes().unwrap(), bytes.clone());
    // From a transposed view the elements are written in their logical order.
    let mut transposed = vec![];
    write_to(&mut transposed, &array.t()).unwrap();
    let back = Reader::new(&transposed[..]).unwrap().into_array::<T>().unwrap();
    let mut restored = vec![];
    write_to(&mut restored, &back.t()).unwrap();
    prop_assert_eq!(&restored, &written);
    #[cfg(feature = "gzip")]
    {
        let mut gzip = vec![];
        longhand_idx::write_gzip_to(&mut gzip, &array).unwrap();
        prop_assert_eq!(Reader::new(&gzip[..]).unwrap().into_bytes().unwrap(), bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(shape in prop::collection::vec(0usize..5, 0..5), kind in 0..6, seed: u64) {
        let elements: usize = shape.iter().product();
        let size = [1, 1, 2, 4, 4, 8][kind as usize];
        let bytes = (0..elements * size).map(|i| (seed.wrapping_mul(i as u64 * 2 + 1) >> 32) as u8).collect();
        match kind {
            0 => round_trip::<u8>(&shape, bytes)?,
            1 => round_trip::<i8>(&shape, bytes)?,
            2 => round_trip::<i16>(&shape, bytes)?,
            3 => round_trip::<i32>(&shape, bytes)?,
            4 => round_trip::<f32>(&shape, bytes)?,
            _ => round_trip::<f64>(&shape, bytes)?,
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(8), any::<u8>()], 0..40)) {
        read_all_ways(&bytes);
    }
}

/// The header of `[n; dimensions]` bytes, and nothing behind it.
fn header(sizes: &[u32]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|s| file.extend(s.to_be_bytes()));
    file
}

#[test]
fn nothing_is_allocated_on_the_word_of_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims-much");
    for sizes in [
        &[u32::MAX][..],
        &[60_000, 28, 28],
        &[1 << 31, 1 << 31],
        &[u32::MAX; 255],
        &[0, u32::MAX, u32::MAX],
    ] {
        std::fs::write(&path, header(sizes)).unwrap();
        let allocated = measure(|| {
            assert!(longhand_idx::read::<u8, IxDyn>(&path).is_err());
            for item in
                Reader::open(&path).and_then(Reader::into_items::<u8>).into_iter().flatten().take(2)
            {
                assert!(item.is_err());
            }
        });
        assert!(allocated.bytes_max < 200_000, "{sizes:?}: {allocated:?}");
    }
}

/// Wide elements are not held twice.
#[test]
fn memory_stays_near_the_size_of_the_file() {
    let array = ArrayD::<f64>::ones(IxDyn(&[1 << 20]));
    let mut bytes = vec![];
    write_to(&mut bytes, &array).unwrap();
    let allocated = measure(|| drop(Reader::new(&bytes[..]).unwrap().into_array::<f64>().unwrap()));
    assert!(allocated.bytes_max < 3 << 23, "{allocated:?}"); // 8 MiB, and as much again while the vector grows
}

/// What a file is not meant to be is found before its elements are read.
#[test]
fn the_wrong_kind_of_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide");
    write(&path, &ArrayD::<u8>::zeros(IxDyn(&[4, 1 << 20]))).unwrap();
    let allocated = measure(|| {
        assert!(longhand_idx::read::<u8, longhand_idx::ndarray::Ix3>(&path).is_err());
        assert!(longhand_idx::read::<f32, longhand_idx::ndarray::Ix2>(&path).is_err());
    });
    assert!(allocated.bytes_max < 200_000, "{allocated:?}");
}

#[test]
fn errors_name_the_file_and_the_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a-file");
    let message = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = longhand_idx::read::<u8, longhand_idx::ndarray::Ix2>(&path).unwrap_err();
        assert_eq!(error.path(), Some(&*path));
        let message = error.to_string();
        let (file, fault) = message.split_once(": ").unwrap();
        assert_eq!(file, path.to_str().unwrap());
        fault.to_owned()
    };
    let again = "get it again";
    assert_eq!(
        message(b"<html>"),
        format!(
            "byte 0: expected the bytes 00 00 that begin an IDX file, found 3C 68; this is not an IDX file, {again}"
        )
    );
    assert_eq!(
        message(b"\0"),
        format!("expected a header of 4 bytes, found 1; the file is incomplete, {again}")
    );
    assert_eq!(
        message(&header(&[2, 3])[..10]),
        format!("expected a header of 12 bytes, found 10; the file is incomplete, {again}")
    );
    assert_eq!(
        message(&header(&[2, 3])),
        format!(
            "expected 18 bytes for the shape [2, 3], found 12; the file is incomplete, {again}"
        )
    );
    let long = [header(&[1, 1]), vec![7, 7]].concat();
    assert!(
        message(&long)
            .starts_with("expected 13 bytes for the shape [1, 1], found more (1 more byte);")
    );
    let longer = [long, vec![0; 3_000_000]].concat();
    assert!(message(&longer).contains("found more (3000001 more bytes);"));
    let unknown = Reader::new(&longer[..]).and_then(Reader::into_bytes).unwrap_err().to_string();
    assert!(unknown.contains("found more (at least 1048577 more bytes);"), "{unknown}");
    let short = Reader::new(&longer[..5000]).and_then(Reader::into_bytes).unwrap_err().to_string();
    assert!(short.contains("found more (4987 more bytes);"), "{short}");
    assert!(message(&header(&[u32::MAX; 9])).contains("found [4294967295, 4294967295,"));
    assert!(message(&header(&[u32::MAX; 9])).contains(", ..]; the header is damaged"));
    assert!(
        message(&[header(&[1]), vec![7]].concat())
            .starts_with("expected 2 dimensions, found 1, of shape [1];")
    );
    assert!(
        message(&[0, 0, 0x0D, 2, 0, 0, 0, 0, 0, 0, 0, 0])
            .starts_with("expected elements of type u8, found f32;")
    );
    let missing = Reader::open(folder.path().join("none")).err().unwrap();
    assert!(matches!(missing.kind(), ErrorKind::Io(e) if e.kind() == io::ErrorKind::NotFound));
    let is_folder = Reader::open(folder.path()).err().unwrap();
    assert!(
        is_folder
            .to_string()
            .ends_with("expected an IDX file, found a folder; name a file inside it"),
        "{is_folder}"
    );
}

/// Opening a pipe that nobody writes into would wait for ever.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_before_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let device = std::path::PathBuf::from("/dev/zero");
    for (path, found) in [(pipe, "a named pipe"), (socket, "a socket"), (device, "a device")] {
        let expected = format!(
            "{}: expected a regular file, found {found}; copy its content into a file",
            path.display()
        );
        assert_eq!(Reader::open(&path).err().unwrap().to_string(), expected);
        assert_eq!(longhand_idx::read::<u8, IxDyn>(&path).unwrap_err().to_string(), expected);
    }
}

/// What a file is called cannot move the cursor or turn a line around.
#[cfg(unix)]
#[test]
fn names_of_files_reach_the_terminal_escaped() {
    use std::os::unix::ffi::OsStrExt;
    for (name, shown) in [
        (&b"\x1b[2J\r\n"[..], r"\u{1b}[2J\r\n: "),
        ("übung-数字-цифры".as_bytes(), "übung-数字-цифры: "),
        ("a\u{202e}b\u{9b}".as_bytes(), r"a\u{202e}b\u{9b}: "),
        (b"\xFF\xFEz", r"\xFF\xFEz: "),
    ] {
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name));
        let message = Reader::open(path).err().unwrap().to_string();
        assert!(message.starts_with(shown), "{message}");
    }
}

/// A reader that fails after some bytes, and is interrupted before every one.
struct Failing<'a>(&'a [u8], bool);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match self.0.split_first() {
            None => Err(io::Error::other("the disk is on fire")),
            Some((&byte, rest)) => {
                buffer[0] = byte;
                self.0 = rest;
                Ok(1)
            }
        }
    }
}

#[test]
fn a_failing_reader_is_an_error_of_its_own() {
    let bytes = [header(&[4]), vec![1, 2]].concat();
    for end in 0..bytes.len() {
        let error =
            Reader::new(Failing(&bytes[..end], false)).and_then(Reader::into_bytes).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}");
        assert_eq!(error.to_string(), "the disk is on fire");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    std::fs::write(&path, "precious").unwrap();
    let array = ArrayD::<u8>::zeros(IxDyn(&[1; 300]));
    let error = write(&path, &array).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unwritable { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    assert!(write(folder.path().join("no/folder"), &ArrayD::<u8>::zeros(IxDyn(&[1]))).is_err());
}

#[cfg(feature = "gzip")]
mod gzip {
    use super::*;

    fn gzip(array: &ArrayD<u8>) -> Vec<u8> {
        let mut bytes = vec![];
        longhand_idx::write_gzip_to(&mut bytes, array).unwrap();
        bytes
    }

    #[test]
    fn it_is_told_by_its_bytes_and_not_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let array = ArrayD::from_shape_fn(IxDyn(&[3, 4]), |i| (i[0] * 4 + i[1]) as u8);
        for (name, bytes) in [("plain.gz", gzip(&array)), ("compressed", gzip(&array))] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut plain = vec![];
        write_to(&mut plain, &array).unwrap();
        std::fs::write(folder.path().join("misnamed.gz"), plain).unwrap();
        for name in ["plain.gz", "compressed", "misnamed.gz"] {
            assert_eq!(longhand_idx::read::<u8, IxDyn>(folder.path().join(name)).unwrap(), array);
        }
    }

    #[test]
    fn every_truncation_and_every_damage_is_refused() {
        let array = ArrayD::from_shape_fn(IxDyn(&[40, 40]), |i| (i[0] * i[1] * 77 % 251) as u8);
        let sound = gzip(&array);
        for end in 0..sound.len() {
            let error = Reader::new(&sound[..end]).and_then(Reader::into_bytes).unwrap_err();
            assert!(end < 3 || error.to_string().contains("gzip stream"), "{end}: {error}");
        }
        // The checksum finds every changed bit of data; a bit that means nothing changes nothing.
        for at in 10..sound.len() {
            for bit in 0..8 {
                let mut damaged = sound.clone();
                damaged[at] ^= 1 << bit;
                let read = Reader::new(&damaged[..]).and_then(Reader::into_array::<u8>);
                assert!(read.is_err() || read.is_ok_and(|read| read == array), "{at} {bit}");
            }
        }
    }

    #[test]
    fn zeros_behind_it_are_padding_and_nothing_else_is() {
        let array = ArrayD::from_shape_fn(IxDyn(&[100]), |i| i[0] as u8);
        let sound = gzip(&array);
        for zeros in [1, 9, 10, 511, 100_000] {
            let padded = [&sound[..], &vec![0; zeros]].concat();
            assert_eq!(
                Reader::new(&padded[..]).unwrap().into_array::<u8>().unwrap(),
                array,
                "{zeros}"
            );
        }
        for rubbish in [&b"x"[..], b"\0x", b"something else", b"\x1F", b"\x1F\x8B"] {
            let error = Reader::new(&[&sound, rubbish].concat()[..])
                .and_then(Reader::into_bytes)
                .unwrap_err();
            assert!(error.to_string().contains("gzip stream"), "{error}");
        }
    }

    #[test]
    fn several_members_are_one_file() {
        let array = ArrayD::from_shape_fn(IxDyn(&[100]), |i| i[0] as u8);
        let mut plain = vec![];
        write_to(&mut plain, &array).unwrap();
        let member = |part: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            io::Write::write_all(&mut encoder, part).unwrap();
            encoder.finish().unwrap()
        };
        for cut in [0, 1, 3, 7, 50, plain.len()] {
            let members = [member(&plain[..cut]), member(&plain[cut..])].concat();
            assert_eq!(
                Reader::new(&members[..]).unwrap().into_array::<u8>().unwrap(),
                array,
                "{cut}"
            );
        }
        let and_more = [member(&plain), member(&[0])].concat();
        assert!(Reader::new(&and_more[..]).unwrap().into_bytes().is_err());
    }

    /// Twenty bytes each, and a decoder begins anew with every one of them.
    #[test]
    fn members_that_are_almost_empty_do_not_burn_time() {
        let member = |part: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            io::Write::write_all(&mut encoder, part).unwrap();
            encoder.finish().unwrap()
        };
        let started = std::time::Instant::now();
        let (empty, byte) = (member(b"").repeat(1 << 20), member(b"\0").repeat(1 << 20));
        let sound = gzip(&ArrayD::from_shape_fn(IxDyn(&[1000]), |i| i[0] as u8));
        let mut begun = member(&header(&[1 << 20]));
        begun.extend(&byte);
        for file in [&empty, &begun, &[&sound[..], &empty].concat()] {
            let error = Reader::new(&file[..]).and_then(Reader::into_bytes).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("more than 1000 members that are almost empty"), "{message}");
        }
        // Some are no harm: block compressors end a file with one.
        let some = [&sound[..], &member(b"").repeat(500)].concat();
        assert!(Reader::new(&some[..]).and_then(Reader::into_bytes).is_ok());
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    #[test]
    fn gzip_inside_gzip_is_named() {
        let inner = gzip(&ArrayD::<u8>::zeros(IxDyn(&[3])));
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        io::Write::write_all(&mut encoder, &inner).unwrap();
        let twice = encoder.finish().unwrap();
        let error = Reader::new(&twice[..]).err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::NestedGzip));
        assert!(error.to_string().ends_with("found gzip inside gzip; decompress it once"));
    }

    /// How much follows in a gzip file shows when it is decompressed, up to a limit.
    #[test]
    fn what_follows_is_counted() {
        let mut plain = vec![];
        write_to(&mut plain, &ArrayD::<u8>::zeros(IxDyn(&[3]))).unwrap();
        for (more, expected) in [(12, "(12 more bytes)"), (2 << 20, "(at least 10")] {
            let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            io::Write::write_all(&mut encoder, &plain).unwrap();
            io::Write::write_all(&mut encoder, &vec![7; more]).unwrap();
            let file = encoder.finish().unwrap();
            let error = Reader::new(&file[..]).and_then(Reader::into_bytes).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    /// 200 KB that decompress to 200 MB behind a header that promises ten bytes, or everything.
    #[test]
    fn a_bomb_is_not_unpacked_beyond_what_the_header_says() {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        io::Write::write_all(&mut encoder, &header(&[10])).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..200).for_each(|_| io::Write::write_all(&mut encoder, &zeros).unwrap());
        let bomb = encoder.finish().unwrap();
        let allocated = measure(|| {
            let error = Reader::new(&bomb[..]).and_then(Reader::into_bytes).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Trailing { .. }), "{error}");
        });
        assert!(allocated.bytes_max < 500_000, "{allocated:?}");
    }
}
