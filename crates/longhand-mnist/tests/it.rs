//! The sources of digits: all give the same digits, and say what is wrong with what does not.

use longhand_data::{Batch, Data};
use longhand_mnist::{Dataset, Split};
use ndarray::{Array3, s};

/// Forty images, four of each class, all different.
fn digits(shift: usize) -> Dataset {
    let pixel = |(i, r, c): (usize, usize, usize)| ((i * 67 + r * 13 + c * 7 + shift) % 256) as u8;
    let split = |n: usize| {
        let images = Array3::from_shape_fn((40, 28, 28), |(i, r, c)| pixel((i + n, r, c)));
        Split::new(images, (0..40).map(|i| (i * 3 % 10) as u8).collect())
    };
    let embedded = Dataset::embedded();
    Dataset { train: split(0), test: split(100), ..embedded }
}

#[test]
fn validation_images_are_taken_from_the_training_set() {
    let digits = digits(0);
    let held = digits.with_validation(1, 42).unwrap();
    assert_eq!((held.train.per_class(), held.test.per_class()), ([3; 10], [1; 10]));
    let images = |split: &Split| -> Vec<Vec<u8>> {
        split.images().outer_iter().map(|image| image.iter().copied().collect()).collect()
    };
    let mut all = [images(&held.train), images(&held.test)].concat();
    let mut original = images(&digits.train);
    all.sort();
    original.sort();
    assert_eq!(all, original);
    assert_eq!(held, digits.with_validation(1, 42).unwrap());
    assert_ne!(held.test, digits.with_validation(1, 43).unwrap().test);
    assert!(
        digits.with_validation(5, 42).unwrap_err().to_string().contains("there are 4 of digit 0")
    );
}

#[test]
fn batches_reuse_their_memory_and_hold_nothing_of_the_one_before() {
    let train = digits(0).train;
    let mut batch = Batch::<f32, _>::default();
    train.batch_into(&(0..32).collect::<Vec<_>>(), &mut batch);
    let memory = batch.x.as_ptr();
    for positions in [&[3; 17][..], &[], &[39; 20], &[0; 32]] {
        train.batch_into(positions, &mut batch);
        assert_eq!(batch, train.batch(positions));
        assert!(positions.is_empty() || batch.x.as_ptr() == memory);
    }
    // Each pixel is the nearest f32 to v/255, as dividing gives it.
    let of_image = Data::<f32>::batch(&train, &[5]).x;
    assert!(of_image.iter().zip(train.image(5)).all(|(x, &v)| *x == f32::from(v) / 255.0));
}

#[test]
fn an_image_is_augmented_alike_in_every_batch_of_an_epoch() {
    use longhand_mnist::rand::Rng;
    let train = digits(0).train;
    let noise = |positions: &[usize], epoch: u64| {
        let mut batch = Batch::<f32, _>::default();
        train.augmented_batch_into(positions, (42, epoch), &mut batch, |image, rng| {
            image.mapv_inplace(|pixel| pixel ^ (rng.next_u64() >> 60) as u8);
        });
        batch
    };
    let together = noise(&[0, 1, 2], 1);
    let plain: Batch<f32, _> = train.batch(&[0, 1, 2]);
    assert_eq!(together.targets, plain.targets);
    assert_ne!(together.x, plain.x);
    assert_eq!(noise(&[2], 1).x.row(0), together.x.row(2));
    assert_ne!(noise(&[2], 2).x.row(0), together.x.row(2));
    assert_ne!(together.x.row(0), together.x.slice(s![1, ..]));
}

#[cfg(feature = "png")]
mod png_folder {
    use std::fs::{self, File};
    use std::path::Path;

    use png::{BitDepth, ColorType, Encoder};

    use super::*;

    fn write(path: &Path, (width, height): (u32, u32), color: ColorType, pixels: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut encoder = Encoder::new(File::create(path).unwrap(), width, height);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
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
            fs::rename(
                folder.join(format!("{i}.png")),
                folder.join(format!("x{}.PNG", i * 7 % 40)),
            )
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
    fn colours_are_converted() {
        let folder = tempfile::tempdir().unwrap();
        write_tree(&digits(0), folder.path());
        let path = |n: usize| folder.path().join(format!("training/0/{n}.png"));
        let repeat = |pixel: &[u8]| pixel.repeat(28 * 28);
        write(&path(0), (28, 28), ColorType::Rgb, &repeat(&[255, 0, 0]));
        write(&path(10), (28, 28), ColorType::Rgba, &repeat(&[10, 10, 10, 7]));
        write(&path(20), (28, 28), ColorType::GrayscaleAlpha, &repeat(&[99, 7]));
        let train = Dataset::from_png_folder(folder.path()).unwrap().train;
        assert_eq!([0, 10, 20].map(|i| train.image(i)[[5, 5]]), [76, 10, 99]); // 0.299·255 = 76.2
    }

    #[test]
    fn faults_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let message = || Dataset::from_png_folder(folder.path()).unwrap_err().to_string();
        assert!(message().contains("training/0: expected a folder of PNG files"), "{}", message());
        write_tree(&digits(0), folder.path());
        let path = folder.path().join("testing/7/9.png");
        let sound = fs::read(&path).unwrap();
        write(&path, (28, 27), ColorType::Grayscale, &[0; 28 * 27]);
        assert!(
            message().contains("testing/7/9.png: expected 28 × 28 pixels, found 27 × 28;"),
            "{}",
            message()
        );
        write(&path, (20_000, 1), ColorType::Grayscale, &[0; 20_000]);
        assert!(message().contains("found 1 × 20000;"), "{}", message());
        for end in [0, 5, 30, sound.len() / 2] {
            fs::write(&path, &sound[..end]).unwrap();
            assert!(
                message().contains("testing/7/9.png: expected a PNG picture, found"),
                "{}",
                message()
            );
        }
        fs::remove_dir_all(folder.path().join("testing/7")).unwrap();
        fs::create_dir(folder.path().join("testing/7")).unwrap();
        assert!(message().contains("testing/7: expected PNG files, found none;"), "{}", message());
    }
}

#[cfg(feature = "download")]
mod download {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use std::{fs, thread};

    use longhand_mnist::{Download, Name};
    use ndarray::Array1;
    use sha2::{Digest, Sha256};

    use super::*;

    const NAMES: [&str; 4] = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];

    /// The four files of a data set, by name, and the checksums of what is in them.
    fn files(digits: &Dataset) -> (HashMap<String, Vec<u8>>, [String; 4]) {
        let encode = |plain: &mut dyn FnMut(&mut Vec<u8>, bool)| {
            let (mut gzip, mut bytes) = (vec![], vec![]);
            plain(&mut gzip, true);
            plain(&mut bytes, false);
            let sha256 =
                Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
            (gzip, sha256)
        };
        let images = |split: &Split| {
            encode(&mut |out: &mut Vec<u8>, gzip| match gzip {
                true => longhand_idx::write_gzip_to(out, split.images()).unwrap(),
                false => longhand_idx::write_to(out, split.images()).unwrap(),
            })
        };
        let labels = |split: &Split| {
            let labels = Array1::from(split.labels().to_vec());
            encode(&mut |out: &mut Vec<u8>, gzip| match gzip {
                true => longhand_idx::write_gzip_to(out, &labels).unwrap(),
                false => longhand_idx::write_to(out, &labels).unwrap(),
            })
        };
        let encoded = [
            images(&digits.train),
            labels(&digits.train),
            images(&digits.test),
            labels(&digits.test),
        ];
        let sha256 = encoded.clone().map(|(_, sha256)| sha256);
        let names = NAMES.map(|name| format!("/{name}.gz"));
        (names.into_iter().zip(encoded.map(|(gzip, _)| gzip)).collect(), sha256)
    }

    /// How a mirror answers.
    #[derive(Clone, Copy, PartialEq)]
    enum Mirror {
        Sound,
        Status(&'static str),
        CutOff,
        /// The stream ends half-way without its length having been announced.
        CutOffUnannounced,
        OtherContent,
        Html,
        Stalled,
    }

    /// Serves on this machine until the test ends; counts what it was asked.
    fn serve(mirror: Mirror) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let (files, _) = files(&digits(if mirror == Mirror::OtherContent { 1 } else { 0 }));
        thread::spawn(move || {
            for stream in listener.incoming().take(100) {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = answer(stream.unwrap(), mirror, &files); // a client may go away
            }
        });
        (address, asked)
    }

    fn answer(
        stream: TcpStream,
        mirror: Mirror,
        files: &HashMap<String, Vec<u8>>,
    ) -> std::io::Result<()> {
        let mut lines = BufReader::new(&stream).lines();
        let request = lines.next().unwrap()?;
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let file = &files[request.split(' ').nth(1).unwrap()];
        let mut out = &stream;
        let ok = |length: usize| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
        };
        match mirror {
            Mirror::Sound | Mirror::OtherContent => {
                out.write_all(ok(file.len()).as_bytes())?;
                out.write_all(file)
            }
            Mirror::Status(status) => out.write_all(
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
                    .as_bytes(),
            ),
            Mirror::CutOff => {
                out.write_all(ok(file.len()).as_bytes())?;
                out.write_all(&file[..file.len() / 2])
            }
            Mirror::CutOffUnannounced => {
                out.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                out.write_all(&file[..file.len() / 2])
            }
            Mirror::Html => {
                let page = "<html>Please log in to this network</html>";
                out.write_all((ok(page.len()) + page).as_bytes())
            }
            Mirror::Stalled => {
                out.write_all(ok(file.len()).as_bytes())?;
                out.write_all(&file[..10])?;
                thread::sleep(Duration::from_secs(20));
                Ok(())
            }
        }
    }

    fn download(mirrors: &[&str], folder: &Path) -> Download {
        let mut download = Download::new(Name::Mnist);
        download.mirrors = mirrors.iter().map(ToString::to_string).collect();
        download.sha256 = Some(files(&digits(0)).1);
        download.folder = folder.join("cache");
        download.timeout = Duration::from_millis(2500);
        download
    }

    /// What stands in the cache, sorted.
    fn cached(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder.join("cache")).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_sound_mirror_is_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, asked) = serve(Mirror::Sound);
        let download = download(&[&mirror], folder.path());
        let mut last = HashMap::new();
        let dataset = download
            .run(&mut |p| {
                last.insert(p.file.to_owned(), (p.received, p.total));
            })
            .unwrap();
        assert!(dataset.train == digits(0).train && dataset.test == digits(0).test);
        assert!(dataset.source.starts_with("mnist ("));
        assert_eq!(last.len(), 4);
        assert!(last.values().all(|(received, total)| Some(*received) == *total && *received > 0));
        assert_eq!(cached(folder.path()).len(), 4);
        let again = download.run(&mut |_| panic!("all is there")).unwrap();
        assert!(again.train == dataset.train);
        assert_eq!(asked.load(Ordering::SeqCst), 4);
    }

    /// Each way to fail: the next mirror serves instead; without one, the error says what happened, and nothing is left.
    #[test]
    fn every_failure_leads_to_the_next_mirror_and_leaves_nothing() {
        let refused = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}/", listener.local_addr().unwrap()) // closed at the end of this block
        };
        let failing = [
            (refused, "refused"),
            (serve(Mirror::Status("403 Forbidden")).0, "403"),
            (serve(Mirror::Status("404 Not Found")).0, "404"),
            (serve(Mirror::Status("500 Oops")).0, "500"),
            (serve(Mirror::CutOff).0, "after "),
            (serve(Mirror::CutOffUnannounced).0, "gzip stream ends early"),
            (serve(Mirror::OtherContent).0, "expected content of SHA-256"),
            (serve(Mirror::Html).0, "this is not an IDX file"),
            (serve(Mirror::Stalled).0, "timeout"),
        ];
        let (sound, _) = serve(Mirror::Sound);
        for (mirror, reason) in &failing {
            let folder = tempfile::tempdir().unwrap();
            let error =
                download(&[mirror], folder.path()).run(&mut |_| {}).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot download train-images-idx3-ubyte.gz; tried\n"),
                "{error}"
            );
            assert!(error.contains(&format!("{mirror}train-images-idx3-ubyte.gz: ")), "{error}");
            assert!(error.contains(reason), "{reason}: {error}");
            let place = format!("place them in {}", folder.path().join("cache").display());
            assert!(NAMES.iter().all(|name| error.contains(&format!("{name}.gz"))), "{error}");
            assert!(error.ends_with(&place), "{error}");
            assert_eq!(cached(folder.path()), [""; 0]);

            let dataset = download(&[mirror, &sound], folder.path()).run(&mut |_| {}).unwrap();
            assert!(dataset.train == digits(0).train);
        }
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<&str> = failing[..4].iter().map(|(mirror, _)| &mirror[..]).collect();
        let error = download(&all, folder.path()).run(&mut |_| {}).unwrap_err().to_string();
        assert_eq!(error.matches("train-images-idx3-ubyte.gz: ").count(), 4, "{error}");
    }

    #[test]
    fn what_is_damaged_in_the_cache_is_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, asked) = serve(Mirror::Sound);
        let download = download(&[&mirror], folder.path());
        download.run(&mut |_| {}).unwrap();
        let path = folder.path().join("cache/t10k-labels-idx1-ubyte.gz");
        let sound = fs::read(&path).unwrap();
        fs::write(&path, &sound[..sound.len() - 3]).unwrap();
        download.run(&mut |_| {}).unwrap();
        assert_eq!(fs::read(&path).unwrap(), sound);
        assert_eq!(asked.load(Ordering::SeqCst), 5);
    }

    /// Files placed by hand serve under any of their names, and are checked like others.
    #[test]
    fn files_placed_by_hand_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        fs::create_dir(&cache).unwrap();
        let digits = digits(0);
        for (name, split) in [("train", &digits.train), ("t10k", &digits.test)] {
            let labels = Array1::from(split.labels().to_vec());
            longhand_idx::write(cache.join(format!("{name}-labels.idx1-ubyte")), &labels).unwrap();
            longhand_idx::write(cache.join(format!("{name}-images-idx3-ubyte")), split.images())
                .unwrap();
        }
        let download = download(&[], folder.path());
        assert!(download.run(&mut |_| {}).unwrap().train == digits.train);

        // Other images are not taken for the right ones; the reason is told.
        let path = cache.join("train-images-idx3-ubyte");
        longhand_idx::write(&path, super::digits(1).train.images()).unwrap();
        let error = download.run(&mut |_| {}).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{}: expected content of SHA-256", path.display())),
            "{error}"
        );
        // A sound copy beside them is preferred.
        let gzip = cache.join("train-images-idx3-ubyte.gz");
        longhand_idx::write(gzip, digits.train.images()).unwrap();
        assert!(download.run(&mut |_| {}).unwrap().train == digits.train);
    }

    #[test]
    fn an_interrupted_download_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, _) = serve(Mirror::Sound);
        let cache = folder.path().join("cache");
        fs::create_dir(&cache).unwrap();
        // What a killed process leaves: a part an hour old, and one that may be another process's.
        let ours = "train-images-idx3-ubyte.gz";
        for (name, age) in [
            (format!("{ours}.1.part"), 4000),
            (format!("{ours}.2.part"), 10),
            ("mine.part".into(), 4000),
        ] {
            let file = fs::File::create(cache.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        download(&[&mirror], folder.path()).run(&mut |_| {}).unwrap();
        assert_eq!(cached(folder.path()).len(), 6);
        assert!(cache.join(format!("{ours}.2.part")).exists() && cache.join("mine.part").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cache"), "a file").unwrap();
        let error = download(&[], folder.path()).run(&mut |_| {}).unwrap_err().to_string();
        assert!(
            error.contains("cache: expected a folder") && error.contains("LONGHAND_CACHE"),
            "{error}"
        );
    }

    #[test]
    fn names_and_mirrors_are_as_published() {
        for name in Name::ALL {
            assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
            let download = Download::new(name);
            assert!(download.folder.ends_with(format!("longhand/{name}")));
            assert!(download.mirrors.len() >= if name == Name::Kmnist { 1 } else { 2 });
        }
    }
}
