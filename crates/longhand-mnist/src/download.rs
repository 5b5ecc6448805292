use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fmt, process};

use hmac_sha256::Hash;
use longhand_idx::{ElementType, Reader, escaped};
use ndarray::{ArrayD, Axis};

use crate::idx_folder::{FILES, names};
use crate::{Dataset, Error, Name, Proxies, Split, http};

/// No file of these sets is larger, compressed; what is, is not one of them.
const LARGEST: u64 = 64 << 20;

/// No set has more images.
const MOST: usize = 100_000;

/// Training and test images of each of the sets, as published.
const PUBLISHED: (usize, usize) = (60_000, 10_000);

/// Fetches a data set's four files, unless they are there already, and reads them.
///
/// Each file is looked for on one mirror after the other. What arrives is read as IDX to its end
/// and compared with the known SHA-256 of the decompressed bytes before it is put in its place, by
/// renaming; an attempt that fails or is interrupted leaves nothing there. Files that are there
/// already are checked in the same way.
///
/// Of Kuzushiji-MNIST no checksum is known here. Its files are checked by gzip's own and by their
/// shape, and a file of another set is refused. Where they hold another number of images than the
/// 60,000 and 10,000 that were published, the data set's source says so.
///
/// Transport is plain HTTP, through the proxies that the environment names ([`Proxies`]). A host
/// that sends on to HTTPS is followed with the feature `https`.
///
/// ```no_run
/// use longhand_mnist::{Download, Name};
///
/// let mnist = Download::new(Name::Mnist).run(&mut |progress| eprint!("\r{progress}"))?;
/// assert_eq!(mnist.train.len(), 60_000);
/// # Ok::<(), longhand_mnist::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Download {
    name: Name,
    /// Addresses of folders with the four gzip files, tried in turn.
    pub mirrors: Vec<String>,
    /// SHA-256 of the decompressed files, in hexadecimal: training images and labels, test images
    /// and labels.
    pub sha256: Option<[String; 4]>,
    /// The folder where the files are kept. By default `longhand/<name>` under `LONGHAND_CACHE`,
    /// `XDG_CACHE_HOME` or `~/.cache`, the first that is set.
    pub folder: PathBuf,
    /// How long one file may take from one mirror; 10 minutes. A connection or a first byte may
    /// take 20 seconds at most.
    pub timeout: Duration,
    /// The proxies through which mirrors are asked; by default those of the environment.
    pub proxies: Proxies,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Compressed bytes that have arrived.
    pub received: u64,
    /// Compressed bytes in all, where the mirror says.
    pub total: Option<u64>,
}

impl fmt::Display for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(f, "{}: {:.1}", self.file, mib(self.received))?;
        self.total.map_or(Ok(()), |total| write!(f, " of {:.1}", mib(total)))?;
        write!(f, " MiB")
    }
}

impl Download {
    /// The download with its known mirrors and checksums.
    pub fn new(name: Name) -> Download {
        let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home =
            || variable("HOME").or_else(|| variable("USERPROFILE")).map(|home| home.join(".cache"));
        let cache = variable("LONGHAND_CACHE").or_else(|| variable("XDG_CACHE_HOME")).or_else(home);
        Download {
            name,
            mirrors: name.mirrors().iter().map(ToString::to_string).collect(),
            sha256: name.sha256().map(|sha256| sha256.map(str::to_owned)),
            folder: cache.unwrap_or_else(env::temp_dir).join("longhand").join(name.to_string()),
            timeout: Duration::from_secs(600),
            proxies: Proxies::from_env(),
        }
    }

    /// Reads the data set, after fetching what of it is not in the folder.
    ///
    /// # Errors
    /// No mirror has a sound copy of a file (the message says what each of them answered, and how
    /// to place the files by hand), the folder cannot be written, or the files in it are not such a
    /// data set.
    pub fn run(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Dataset, Error> {
        let failed = |error: io::Error| Error::Cache { folder: self.folder.clone(), error };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        self.remove_leftovers();
        let mut rejected: [Vec<(String, String)>; 4] = Default::default();
        let found = [0, 1, 2, 3].map(|i| self.find(i, &mut rejected[i]));
        let gzip_name = |i: usize| names(FILES[i])[1].clone();
        let missing: Vec<String> = (0..4).filter(|&i| found[i].is_none()).map(gzip_name).collect();
        let mut files: Vec<Loaded> = vec![];
        for (i, (found, rejected)) in found.into_iter().zip(rejected).enumerate() {
            files.push(match found {
                Some(file) => file,
                None => self.fetch(i, rejected, progress).map_err(|attempts| Error::Download {
                    file: gzip_name(i),
                    folder: self.folder.clone(),
                    missing: missing.clone(),
                    attempts,
                })?,
            });
        }
        let [train_images, train_labels, test_images, test_labels] =
            files.try_into().expect("four files");
        let train = split(train_images, train_labels)?;
        let test = split(test_images, test_labels)?;
        let source = self.source(train.len(), test.len()).into();
        Ok(Dataset { train, test, class_names: self.name.class_names(), source })
    }

    /// Where the data came from, for people; and how many there are, if not as many as published.
    fn source(&self, train: usize, test: usize) -> String {
        let source = format!("{} ({})", self.name, escaped(&self.folder));
        if (train, test) == PUBLISHED {
            return source;
        }
        let (all_train, all_test) = PUBLISHED;
        format!(
            "{source}, {train} training and {test} test images where {all_train} and {all_test} \
             were published"
        )
    }

    /// Looks for a file in the folder, where it may have been placed by hand under any of its
    /// names.
    fn find(&self, i: usize, rejected: &mut Vec<(String, String)>) -> Option<Loaded> {
        let paths = names(FILES[i]).map(|name| self.folder.join(name));
        paths.into_iter().filter(|path| path.is_file()).find_map(|path| match self.load(&path, i) {
            Ok(array) => Some(Loaded { path, array }),
            Err(reason) => {
                rejected.push((path.display().to_string(), reason));
                None
            }
        })
    }

    /// Fetches a file from the first mirror that has a sound copy; or adds to `attempts` what came
    /// of each.
    fn fetch(
        &self,
        i: usize,
        mut attempts: Vec<(String, String)>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Loaded, Vec<(String, String)>> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = &names(FILES[i])[1];
        let place = self.folder.join(name);
        for mirror in &self.mirrors {
            let address = format!("{}/{name}", mirror.trim_end_matches('/'));
            // No other thread, process or machine writes into a file of this name: it must not
            // exist yet.
            let now = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |t| t.as_nanos());
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let part = self.folder.join(format!("{name}.{}-{count}-{now}.part", process::id()));
            let fetched = self.receive(&address, name, &part, progress).and_then(|()| {
                let array = self.load(&part, i)?;
                fs::rename(&part, &place).map_err(|error| error.to_string())?;
                Ok(array)
            });
            let reason = match fetched {
                Ok(array) => return Ok(Loaded { path: place, array }),
                Err(reason) => reason,
            };
            let _ = fs::remove_file(&part);
            attempts.push((address, reason));
        }
        Err(attempts)
    }

    /// Writes what an address answers into a file.
    fn receive(
        &self,
        address: &str,
        file_name: &str,
        part: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), String> {
        let mut response = http::get(address, &self.proxies, self.timeout)?;
        let total = response.body().content_length();
        let mut body = response.body_mut().as_reader().take(LARGEST);
        let mut file = File::create_new(part).map_err(|error| error.to_string())?;
        let (mut buffer, mut received) = (vec![0; 64 * 1024], 0);
        loop {
            progress(Progress { file: file_name, received, total });
            let n = body
                .read(&mut buffer)
                .map_err(|error| format!("after {received} bytes: {error}"))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(|error| error.to_string())?;
            received += n as u64;
        }
        match total {
            Some(total) if total != received => {
                Err(format!("cut off after {received} of {total} bytes"))
            }
            _ => file.sync_all().map_err(|error| error.to_string()),
        }
    }

    /// Reads a file to its end, and checks its shape and its content. A message does not name the
    /// file, which may be gone when it is read.
    fn load(&self, path: &Path, i: usize) -> Result<ArrayD<u8>, String> {
        let sound = |error: longhand_idx::Error| error.kind().to_string();
        let reader = Reader::open(path).map_err(sound)?;
        let shape = reader.shape().to_vec();
        let labels = FILES[i].contains("labels");
        match shape[..] {
            [1..=MOST, 28, 28] if !labels => {}
            [1..=MOST] if labels => {}
            _ => {
                return Err(format!(
                    "expected images of 28 × 28 or their labels, found the shape {shape:?}"
                ));
            }
        }
        let array = reader.into_array::<u8>().map_err(sound)?;
        let content = array.as_slice().expect("standard layout");
        if let Some(label) = content.iter().find(|&&label| labels && label > 9) {
            return Err(format!("expected labels of 0 to 9, found {label}"));
        }
        self.expect_content(i, &sha256(&shape, content))?;
        Ok(array)
    }

    /// Checks that a file is the one meant, as far as is known, and not one of another set.
    fn expect_content(&self, i: usize, found: &str) -> Result<(), String> {
        let expected = self.sha256.as_ref().map(|sha256| &*sha256[i]);
        if expected == Some(found) {
            return Ok(());
        }
        match (Name::of_content(found), expected) {
            (Some((name, file)), _) if (name, file) != (self.name, FILES[i]) => Err(format!(
                "expected {} of {}, found {file} of {name}; put the file of {} in its place",
                FILES[i], self.name, self.name
            )),
            (_, Some(expected)) => {
                Err(format!("expected content of SHA-256 {expected}, found {found}"))
            }
            (_, None) => Ok(()),
        }
    }

    /// Removes what a download that was killed has left more than an hour ago; younger ones may be
    /// another's. What cannot be removed is no reason to fail.
    fn remove_leftovers(&self) {
        let hour = Duration::from_secs(3600);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = FILES.iter().any(|file| name.starts_with(&names(file)[1]))
                && name.ends_with(".part");
            let written =
                entry.metadata().ok().filter(fs::Metadata::is_file).and_then(|m| m.modified().ok());
            let age = written.and_then(|time| SystemTime::now().duration_since(time).ok());
            if ours && age.is_some_and(|age| age > hour) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// One of the four files, and what it holds.
#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    array: ArrayD<u8>,
}

/// SHA-256 of a decompressed file, in hexadecimal.
fn sha256(shape: &[usize], content: &[u8]) -> String {
    let mut hash = Hash::new();
    hash.update([0, 0, ElementType::U8 as u8, shape.len() as u8]);
    shape.iter().for_each(|&size| hash.update((size as u32).to_be_bytes()));
    hash.update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Images with their labels, if there are as many.
fn split(images: Loaded, labels: Loaded) -> Result<Split, Error> {
    let count = |file: &Loaded| (file.path.clone(), file.array.len_of(Axis(0)));
    let counts = (count(&images), count(&labels));
    if counts.0.1 != counts.1.1 {
        return Err(Error::Count { images: counts.0, labels: counts.1, damaged: false });
    }
    let (labels, _) = labels.array.into_raw_vec_and_offset();
    Ok(Split::new(images.array.into_dimensionality().expect("three dimensions"), labels))
}
