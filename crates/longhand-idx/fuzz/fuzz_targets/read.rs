//! Reads any bytes in every way; what is accepted must be written back to the byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use longhand_idx::{Element, ElementType, Reader, write_to};

fuzz_target!(|bytes: &[u8]| {
    let Ok(reader) = Reader::new(bytes) else { return };
    let payload = Reader::new(bytes).and_then(Reader::into_bytes);
    match reader.element_type() {
        ElementType::U8 => read::<u8>(bytes, payload.as_deref().ok()),
        ElementType::I8 => read::<i8>(bytes, payload.as_deref().ok()),
        ElementType::I16 => read::<i16>(bytes, payload.as_deref().ok()),
        ElementType::I32 => read::<i32>(bytes, payload.as_deref().ok()),
        ElementType::F32 => read::<f32>(bytes, payload.as_deref().ok()),
        ElementType::F64 => read::<f64>(bytes, payload.as_deref().ok()),
    }
});

fn read<T: Element>(bytes: &[u8], payload: Option<&[u8]>) {
    let array = Reader::new(bytes).and_then(Reader::into_array::<T>);
    // ndarray has no arrays without elements whose other sizes are beyond what can be addressed.
    assert!(array.is_ok() == payload.is_some() || payload == Some(&[]));
    if let (Ok(array), Some(payload)) = (array, payload) {
        let mut written = vec![];
        write_to(&mut written, &array).expect("a file that was read can be written");
        assert!(written.ends_with(payload));
        // A gzip stream is written back decompressed.
        assert!(bytes.starts_with(&[0x1F, 0x8B]) || written == bytes);
    }
    if let Ok(items) = Reader::new(bytes).and_then(Reader::into_items::<T>) {
        let whole = items.map(|item| item.is_ok()).all(|ok| ok);
        assert_eq!(whole, payload.is_some());
    }
}
