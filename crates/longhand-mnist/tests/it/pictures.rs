//! Folders of pictures.

use std::fs::{self, File};
use std::path::Path;

use png::{BitDepth, ColorType, Encoder};

use longhand_mnist::{Picture, is_centred};
use ndarray::Array2;

use super::*;

/// Writes a picture, set up by `set` in whatever is not usual.
fn write_as(
    path: &Path,
    (width, height): (u32, u32),
    set: impl Fn(&mut Encoder<'_, File>),
    data: &[u8],
) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = Encoder::new(File::create(path).unwrap(), width, height);
    encoder.set_depth(BitDepth::Eight);
    set(&mut encoder);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
}

fn write(path: &Path, size: (u32, u32), color: ColorType, pixels: &[u8]) {
    write_as(path, size, |encoder| encoder.set_color(color), pixels);
}

/// Whether a pixel is ink: an upright bar.
fn ink(i: usize) -> bool {
    (4..24).contains(&(i / 28)) && (10..15).contains(&(i % 28))
}

/// A picture of 28 × 28 pixels with one value for ink and another for the ground.
fn bar(ink_value: &[u8], ground: &[u8]) -> Vec<u8> {
    (0..784).flat_map(|i| if ink(i) { ink_value } else { ground }.to_vec()).collect()
}

/// A folder with one upright bar for each of some digits, as `training` and `testing`.
fn bars(digits: std::ops::Range<usize>, color: ColorType, pixels: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for digit in digits {
        for split in ["training", "testing"] {
            let path = folder.path().join(format!("{split}/{digit}/{digit}.png"));
            write(&path, (28, 28), color, pixels);
        }
    }
    folder
}

/// The message of a folder that is refused.
#[track_caller]
fn refused(folder: &Path) -> String {
    Dataset::open(folder).map(|dataset| dataset.source).unwrap_err().to_string()
}

#[track_caller]
fn expect(message: String, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

/// The pictures of a data set, named by their number.
fn write_tree(digits: &Dataset, folder: &Path) {
    for (name, split) in [("training", &digits.train), ("testing", &digits.test)] {
        for (i, label) in split.labels().iter().enumerate() {
            let path = folder.join(format!("{name}/{label}/{i}.png"));
            let pixels: Vec<u8> = split.image(i).iter().copied().collect();
            write(&path, (28, 28), ColorType::Grayscale, &pixels);
        }
    }
}

#[test]
fn pictures_and_idx_files_of_the_same_images_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let digits = digits(0);
    write_tree(&digits, folder.path());
    fs::write(folder.path().join("training/3/.DS_Store"), "not a picture").unwrap();
    let pictures = Dataset::from_png_folder(folder.path()).unwrap();
    assert!(pictures.train == digits.train && pictures.test == digits.test);
    let drawn = |digits: &Dataset| digits.draw_per_class(2, 42).unwrap().train;
    assert!(drawn(&pictures) == drawn(&digits));
    // Other names bring another order, and the same draw.
    for (i, label) in digits.train.labels().iter().enumerate() {
        let folder = folder.path().join(format!("training/{label}"));
        fs::rename(folder.join(format!("{i}.png")), folder.join(format!("x{}.PNG", i * 7 % 40)))
            .unwrap();
    }
    let renamed = Dataset::from_png_folder(folder.path()).unwrap();
    assert!(renamed.train != digits.train);
    let sorted = |split: Split| {
        let mut images: Vec<Vec<u8>> =
            split.images().outer_iter().map(|i| i.iter().copied().collect()).collect();
        images.sort();
        images
    };
    assert_eq!(sorted(drawn(&renamed)), sorted(drawn(&digits)));
}

#[test]
fn colours_and_depths_are_converted() {
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    let path = folder.path().join("training/0/0.png");
    let check = |expected: u8, what: &str| {
        let train = Dataset::open(folder.path()).expect(what).train;
        let image: Vec<u8> = train.image(0).iter().copied().collect();
        assert_eq!(image, bar(&[expected], &[0]), "{what}");
    };
    let size = (28, 28);
    write(&path, size, ColorType::Rgb, &bar(&[255, 0, 0], &[0; 3]));
    check(76, "red"); // 0.299·255 = 76.2
    write(&path, size, ColorType::Rgba, &bar(&[255, 255, 255, 255], &[0, 0, 0, 255]));
    check(255, "opaque white");
    write(&path, size, ColorType::Rgba, &bar(&[255, 255, 255, 255], &[0, 0, 0, 0]));
    check(255, "white on a transparent ground");
    write(&path, size, ColorType::Rgba, &bar(&[255, 255, 255, 255], &[255, 255, 255, 0]));
    check(255, "white on transparent white");
    write(&path, size, ColorType::GrayscaleAlpha, &bar(&[200, 128], &[9, 0]));
    check(100, "half-transparent grey on a transparent ground");
    write(&path, size, ColorType::GrayscaleAlpha, &bar(&[255, 255], &[0, 100]));
    check(255, "white on half-transparent black");
    let sixteen = |encoder: &mut Encoder<'_, File>| {
        encoder.set_color(ColorType::GrayscaleAlpha);
        encoder.set_depth(BitDepth::Sixteen);
    };
    write_as(&path, size, sixteen, &bar(&[0xC8, 0x31, 0xFF, 0xFF], &[0; 4]));
    check(200, "16 bits");
    let grey = |encoder: &mut Encoder<'_, File>| {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_trns(vec![0, 7]);
    };
    write_as(&path, size, grey, &bar(&[250], &[7]));
    check(250, "grey, of which one value is transparent");
    let palette = |encoder: &mut Encoder<'_, File>| {
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(vec![0, 0, 0, 255, 255, 255, 255, 255, 255]);
        encoder.set_trns(vec![255, 255, 0]);
    };
    write_as(&path, size, palette, &bar(&[1], &[2]));
    check(255, "a palette with a transparent colour");
    write_as(&path, size, palette, &bar(&[1], &[0]));
    check(255, "a palette");
    let one_bit = |encoder: &mut Encoder<'_, File>| {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
    };
    let row = |y: usize| {
        (0..4).map(move |x| (0..8).map(|b| u8::from(ink(y * 28 + x * 8 + b)) << (7 - b)).sum())
    };
    write_as(&path, size, one_bit, &(0..28).flat_map(row).collect::<Vec<u8>>());
    check(255, "one bit");
}

/// Seven passes over the picture instead of one; a bar at the left of the middle.
#[test]
fn interlaced_pictures_are_read() {
    let hex = "89504e470d0a1a0a0000000d494844520000001c0000001c08000000012061b0de000000724944415478\
               da6360c005fe433182878d867115a0b403944e80d20d507a0154e101244d022826fc3740e506a0720b50\
               b91350b91b509d73818168f0ffff60e4120938f0494ae0f6f2ffff1af8242df0497ae0938cc02799814f\
               b2029f64073ec919f82457e093dc812ff84ee093bc81c2030088c55b81b28b5f5f0000000049454e44ae\
               426082";
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect();
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    fs::write(folder.path().join("training/0/0.png"), bytes).unwrap();
    let train = Dataset::open(folder.path()).unwrap().train;
    for (i, &pixel) in train.image(0).iter().enumerate() {
        let (y, x) = (i / 28, i % 28);
        let bar = if x < 14 { u8::from(ink(i)) * 255 } else { 0 };
        assert_eq!(pixel, if x == 14 { 8 * y as u8 } else { bar }, "row {y}, column {x}");
    }
}

/// As a canvas or a paint program exports it. On black, nothing of it would be seen.
#[test]
fn dark_ink_on_a_transparent_ground_is_refused() {
    let pictures = [
        (ColorType::Rgba, bar(&[0, 0, 0, 255], &[0, 0, 0, 0])),
        (ColorType::Rgba, bar(&[20, 20, 60, 200], &[255, 255, 255, 0])),
        (ColorType::GrayscaleAlpha, bar(&[0, 255], &[0, 0])),
    ];
    for (color, pixels) in pictures {
        let folder = bars(0..10, color, &pixels);
        expect(
            refused(folder.path()),
            &["training/0/0.png: ", "transparent ground", "dark on bright; invert the pictures"],
        );
    }
    // One among sound ones does not slip through.
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    let path = folder.path().join("testing/4/4.png");
    write(&path, (28, 28), ColorType::Rgba, &bar(&[0, 0, 0, 255], &[0, 0, 0, 0]));
    expect(refused(folder.path()), &["testing/4/4.png: ", "dark on bright; invert the pictures"]);
}

#[test]
fn a_picture_of_one_value_is_refused() {
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    let path = folder.path().join("testing/7/7.png");
    let pictures = [
        (ColorType::Grayscale, bar(&[0], &[0]), "the value 0 in"),
        (ColorType::Grayscale, bar(&[9], &[9]), "the value 9 in"),
        (ColorType::Rgba, bar(&[9, 9, 9, 0], &[200, 9, 9, 0]), "the value 0 in"),
        (ColorType::Rgba, bar(&[0, 0, 0, 0], &[0, 0, 0, 255]), "the value 0 in"),
    ];
    for (color, pixels, value) in pictures {
        write(&path, (28, 28), color, &pixels);
        expect(refused(folder.path()), &["testing/7/7.png: ", "found ", value, "every pixel"]);
    }
}

/// The border of all pictures decides: it is the ground.
#[test]
fn dark_on_bright_is_refused_and_bright_on_dark_is_not() {
    for (ink, ground) in [(0, 255), (60, 200), (0, 120), (150, 200)] {
        for color in [ColorType::Grayscale, ColorType::Rgba] {
            let pixel = |value: u8| match color {
                ColorType::Rgba => vec![value, value, value, 255],
                _ => vec![value],
            };
            let folder = bars(0..10, color, &bar(&pixel(ink), &pixel(ground)));
            expect(
                refused(folder.path()),
                &["training: ", "found dark on bright; invert the pictures"],
            );
        }
    }
    // A few pictures that fill their frame are no reason; nor is noise.
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[200], &[20]));
    for digit in 0..3 {
        let path = folder.path().join(format!("training/{digit}/{digit}.png"));
        write(&path, (28, 28), ColorType::Grayscale, &bar(&[40], &[230]));
    }
    assert_eq!(Dataset::open(folder.path()).unwrap().train.len(), 10);
    let noise: Vec<u8> = (0..784u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(Dataset::open(bars(0..10, ColorType::Grayscale, &noise).path()).is_ok());
}

/// Names that people give the two folders.
#[test]
fn train_and_test_folders_have_many_names() {
    let white = bar(&[255], &[0]);
    for (train, test) in [
        ("train", "test"),
        ("train", "valid"),
        ("train", "val"),
        ("training", "validation"),
        ("Training", "Testing"),
        ("TRAIN", "testing"),
    ] {
        let folder = bars(0..10, ColorType::Grayscale, &white);
        fs::rename(folder.path().join("training"), folder.path().join("t")).unwrap();
        fs::rename(folder.path().join("testing"), folder.path().join(test)).unwrap();
        fs::rename(folder.path().join("t"), folder.path().join(train)).unwrap();
        let opened = [Dataset::open(folder.path()), Dataset::from_png_folder(folder.path())];
        for dataset in opened.map(Result::unwrap) {
            assert_eq!((dataset.train.len(), dataset.test.len()), (10, 10), "{train} {test}");
        }
    }
}

#[test]
fn of_test_and_validation_the_test_is_read_and_the_other_named() {
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    let valid = folder.path().join("valid/3/1.png");
    write(&valid, (28, 28), ColorType::Grayscale, &bar(&[99], &[0]));
    let dataset = Dataset::open(folder.path()).unwrap();
    assert_eq!(dataset.test.len(), 10);
    assert!(dataset.source.ends_with(", without valid"), "{}", dataset.source);
    // Of two folders for the same, none is read.
    let test = folder.path().join("test/3/1.png");
    write(&test, (28, 28), ColorType::Grayscale, &bar(&[99], &[0]));
    expect(refused(folder.path()), &["expected one data set, found test and testing"]);
}

/// fastai's sample of MNIST has threes and sevens only.
#[test]
fn a_set_may_lack_digits() {
    let folder = bars(3..4, ColorType::Grayscale, &bar(&[255], &[0]));
    let seven = folder.path().join("training/7/7.png");
    write(&seven, (28, 28), ColorType::Grayscale, &bar(&[255], &[0]));
    let dataset = Dataset::open(folder.path()).unwrap();
    assert_eq!(dataset.train.per_class(), [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(dataset.test.per_class(), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

/// What would be left out is an error that names it.
#[test]
fn no_picture_is_ignored_in_silence() {
    let white = bar(&[255], &[0]);
    let stray = [
        ("training/10/1.png", "training/10: expected folders called 0 to 9"),
        ("training/cat/1.png", "training/cat: expected folders called 0 to 9"),
        ("testing/03/1.png", "testing/03: expected folders called 0 to 9"),
        ("testing/1.png", "testing/1.png: expected pictures in folders called 0 to 9"),
        ("testing/1.jpg", "testing/1.jpg: expected pictures in folders called 0 to 9"),
        ("training/4/more/1.png", "training/4/more: expected PNG files, found a folder"),
        ("training/4/1.JPG", "training/4/1.JPG: expected a PNG picture, found another format"),
    ];
    for (name, expected) in stray {
        let folder = bars(0..10, ColorType::Grayscale, &white);
        write(&folder.path().join(name), (28, 28), ColorType::Grayscale, &white);
        expect(refused(folder.path()), &[expected]);
    }
    // What systems leave behind is not meant.
    let folder = bars(0..10, ColorType::Grayscale, &white);
    for name in [
        "training/.DS_Store",
        "training/3/.DS_Store",
        "training/3/._3.png",
        "training/3/Thumbs.db",
        "training/__MACOSX/3/3.png",
        "training/.hidden/3.png",
        "training/labels.csv",
        "__MACOSX/training/3/3.png",
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "no picture").unwrap();
    }
    assert_eq!(Dataset::open(folder.path()).unwrap().train.len(), 10);
}

#[test]
fn folders_that_lack_something_say_what() {
    let white = bar(&[255], &[0]);
    let folder = bars(0..10, ColorType::Grayscale, &white);
    fs::remove_dir_all(folder.path().join("testing")).unwrap();
    expect(refused(folder.path()), &["testing: expected a folder with folders called 0 to 9"]);
    // The digits alone, not divided.
    let digits = folder.path().join("training");
    expect(refused(&digits), &["expected the folders training and testing", "divide the pictures"]);
    // Other classes than digits.
    let classes = tempfile::tempdir().unwrap();
    for name in ["train/cat/1.png", "test/cat/1.png"] {
        write(&classes.path().join(name), (28, 28), ColorType::Grayscale, &white);
    }
    expect(refused(classes.path()), &["train/cat: expected folders called 0 to 9"]);
}

#[test]
fn faults_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let message = || Dataset::from_png_folder(folder.path()).unwrap_err().to_string();
    expect(message(), &["training: expected a folder with folders called 0 to 9, found none"]);
    write_tree(&digits(0), folder.path());
    let path = folder.path().join("testing/7/9.png");
    let sound = fs::read(&path).unwrap();
    write(&path, (28, 27), ColorType::Grayscale, &[0; 28 * 27]);
    expect(message(), &["testing/7/9.png: expected 28 × 28 pixels, found 27 × 28;"]);
    write(&path, (20_000, 1), ColorType::Grayscale, &[0; 20_000]);
    expect(message(), &["found 1 × 20000;"]);
    for end in [0, 5, 30, sound.len() / 2] {
        fs::write(&path, &sound[..end]).unwrap();
        expect(message(), &["testing/7/9.png: expected a PNG picture, found"]);
    }
    fs::remove_dir_all(folder.path().join("testing/7")).unwrap();
    fs::create_dir(folder.path().join("testing/7")).unwrap();
    expect(message(), &["testing/7: expected PNG files, found none;"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_among_pictures_is_refused_and_its_name_escaped() {
    let folder = bars(0..10, ColorType::Grayscale, &bar(&[255], &[0]));
    let pipe = folder.path().join("testing/3/a\x1b[2Jb.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    expect(
        refused(folder.path()),
        &[r"testing/3/a\u{1b}[2Jb.png: expected a regular file, found a named pipe"],
    );
    fs::remove_file(&pipe).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("testing/3/x.png")).unwrap();
    expect(refused(folder.path()), &["testing/3/x.png: No such file"]);
}

/// Each image of MNIST is as its makers say: so a picture of one is left as it is.
#[test]
fn what_is_centred_stays_and_what_is_not_becomes_so() {
    let digits = Dataset::embedded();
    let mut differences = 0.0;
    for image in digits.test.images().outer_iter().take(500) {
        assert!(is_centred(&image));
        let inverted = Picture::of(&image.mapv(|pixel| 255 - pixel));
        assert!(inverted.inverted);
        for picture in [Picture::of(&image), inverted] {
            assert_eq!(picture.centred(), image);
        }
        // Twice as large, off the middle, on paper that is not quite white.
        let large = Array2::from_shape_fn((70, 90), |(r, c)| {
            let ink =
                image.get([r.wrapping_sub(3) / 2, c.wrapping_sub(20) / 2]).copied().unwrap_or(0);
            230 - (f64::from(ink) * 0.8) as u8
        });
        let picture = Picture::of(&large);
        let centred = picture.centred();
        assert!(picture.inverted && is_centred(&centred));
        let difference = (centred.mapv(f64::from) - image.mapv(f64::from)).mapv(f64::abs).mean();
        differences += difference.unwrap() / 500.0;
    }
    assert!(differences < 8.0, "{differences} of 255");
    assert!(
        !is_centred(&Array2::<u8>::zeros((28, 28))) && !is_centred(&Array2::<u8>::ones((30, 28)))
    );
}

#[test]
fn empty_pictures_are_empty_and_small_ones_are_no_trouble() {
    for shape in [(1, 1), (1, 9), (28, 28), (3, 200)] {
        for value in [0, 7, 255] {
            let picture = Picture::of(&Array2::from_elem(shape, value));
            assert!(picture.is_empty());
            assert_eq!(picture.centred(), Array2::<u8>::zeros((28, 28)));
            assert_eq!(picture.resized(8, 8), Array2::<u8>::zeros((8, 8)));
        }
    }
    for (rows, columns) in [(1, 2), (2, 1), (2, 2), (1, 300), (300, 1), (57, 3)] {
        let mut grey = Array2::<u8>::zeros((rows, columns));
        grey[[rows - 1, columns - 1]] = 200;
        let picture = Picture::of(&grey);
        assert_eq!(picture.centred().dim(), (28, 28));
        assert_eq!(picture.resized(5, 6).dim(), (5, 6));
    }
    let noise = Array2::from_shape_fn((40, 40), |(r, c)| 100 + ((r * 31 + c * 17) % 30) as u8);
    assert!(Picture::of(&noise).is_empty(), "what a camera sees on an empty sheet");
}

/// The same ink in all kinds of PNG is the same picture.
#[test]
fn grey_colour_transparent_and_deep_pictures_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    let digits = Dataset::embedded();
    let image = digits.test.image(3).to_owned();
    let expected = Picture::of(&image);
    let write = |color: png::ColorType, depth: png::BitDepth, bytes: Vec<u8>| {
        let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 28, 28);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
        Picture::read(&path).unwrap()
    };
    let each = |pixel: &dyn Fn(u8) -> Vec<u8>| {
        image.iter().flat_map(|&ink| pixel(ink)).collect::<Vec<u8>>()
    };
    use png::BitDepth::{Eight, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    assert_eq!(write(Grayscale, Eight, each(&|ink| vec![ink])), expected);
    assert_eq!(write(Grayscale, Sixteen, each(&|ink| vec![ink, ink])), expected);
    assert_eq!(write(Rgb, Eight, each(&|ink| vec![ink; 3])), expected);
    assert_eq!(write(GrayscaleAlpha, Eight, each(&|ink| vec![255, ink])), expected);
    assert_eq!(write(Rgba, Eight, each(&|ink| vec![255, 255, 255, ink])), expected);
    // Black ink on a transparent ground, and on white: dark on bright.
    let dark = Picture { inverted: true, ..expected };
    assert_eq!(write(Rgba, Eight, each(&|ink| vec![0, 0, 0, ink])), dark);
    assert_eq!(write(Rgb, Eight, each(&|ink| vec![255 - ink; 3])), dark);
    fs::write(&path, b"no picture").unwrap();
    let error = Picture::read(&path).unwrap_err().to_string();
    assert!(error.contains("picture.png: expected a PNG picture, found"), "{error}");
}
