use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fmt, process};

use longhand_idx::{ElementType, Reader};
use sha2::{Digest, Sha256};

use crate::idx_folder::{FILES, names};
use crate::{Dataset, Error, Split};

/// No file of these sets is larger, compressed; what is, is not one of them.
const LARGEST: u64 = 64 << 20;

/// No set has more images.
const MOST: usize = 1_000_000;

/// A data set that can be fetched by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Name {
    /// `mnist`: handwritten digits. Y. LeCun, C. Cortes, C. Burges, 1998; CC BY-SA 3.0.
    Mnist,
    /// `fashion-mnist`: clothes. H. Xiao, K. Rasul, R. Vollgraf, 2017; MIT.
    FashionMnist,
    /// `kmnist`: classical Japanese characters. T. Clanuwat et al., 2018; CC BY-SA 4.0.
    Kmnist,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 3] = [Name::Mnist, Name::FashionMnist, Name::Kmnist];

    /// Addresses of folders with the four files. Kuzushiji-MNIST has one host only.
    fn mirrors(self) -> &'static [&'static str] {
        match self {
            Name::Mnist => &[
                "http://ossci-datasets.s3.amazonaws.com/mnist/",
                "http://storage.googleapis.com/cvdf-datasets/mnist/",
            ],
            Name::FashionMnist => &[
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "http://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            ],
            Name::Kmnist => &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
        }
    }

    /// SHA-256 of the decompressed files, where they could be verified when this was written.
    fn sha256(self) -> Option<[String; 4]> {
        let mnist = [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ];
        (self == Name::Mnist).then(|| mnist.map(str::to_owned))
    }

    fn class_names(self) -> [&'static str; Split::CLASSES] {
        match self {
            Name::Mnist => crate::dataset::DIGITS,
            Name::FashionMnist => [
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ],
            Name::Kmnist => ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        }
    }
}

/// The name by which it is asked for: `fashion-mnist`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Name::Mnist => "mnist",
            Name::FashionMnist => "fashion-mnist",
            Name::Kmnist => "kmnist",
        })
    }
}

/// ```
/// use longhand_mnist::Name;
/// assert_eq!("fashion-mnist".parse::<Name>().unwrap(), Name::FashionMnist);
/// let error = "imagenet".parse::<Name>().unwrap_err();
/// assert_eq!(error.to_string(), "expected mnist, fashion-mnist or kmnist, found `imagenet`");
/// ```
impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Name, Error> {
        let name = Name::ALL.into_iter().find(|name| name.to_string() == text);
        name.ok_or_else(|| Error::Name { found: text.to_owned() })
    }
}

/// Fetches a data set's four files, unless they are there already, and reads them.
///
/// Each file is looked for on one mirror after the other. What arrives is read as IDX to its end and compared with the known
/// SHA-256 of the decompressed bytes before it is put in its place, by renaming; an attempt that fails or is interrupted
/// leaves nothing there. (Of Fashion-MNIST and Kuzushiji-MNIST no checksum is known here: they are checked by gzip's own,
/// and by their shape.) Transport is plain HTTP, so proxies that speak only HTTPS will not do.
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
    /// SHA-256 of the decompressed files, in hexadecimal: training images and labels, test images and labels.
    pub sha256: Option<[String; 4]>,
    /// The folder where the files are kept. By default `longhand/<name>` under `LONGHAND_CACHE`, `XDG_CACHE_HOME` or
    /// `~/.cache`, the first that is set.
    pub folder: PathBuf,
    /// How long one file may take from one mirror; 10 minutes. A connection or a first byte may take 20 seconds at most.
    pub timeout: Duration,
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
            sha256: name.sha256(),
            folder: cache.unwrap_or_else(env::temp_dir).join("longhand").join(name.to_string()),
            timeout: Duration::from_secs(600),
        }
    }

    /// Reads the data set, after fetching what of it is not in the folder.
    ///
    /// # Errors
    /// No mirror has a sound copy of a file (the message says what each of them answered, and how to place the files by
    /// hand), the folder cannot be written, or the files in it are not such a data set.
    pub fn run(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Dataset, Error> {
        let failed = |error: io::Error| Error::Cache { folder: self.folder.clone(), error };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        self.remove_leftovers();
        // Under any of its names a file may have been placed by hand.
        let mut rejected: [Vec<(String, String)>; 4] = Default::default();
        let mut found: [Option<PathBuf>; 4] = Default::default();
        for (i, file) in FILES.iter().enumerate() {
            for path in
                names(file).iter().map(|name| self.folder.join(name)).filter(|path| path.is_file())
            {
                match self.check(&path, i) {
                    Ok(()) => found[i] = Some(path),
                    Err(reason) => rejected[i].push((path.display().to_string(), reason)),
                }
                if found[i].is_some() {
                    break;
                }
            }
        }
        let gzip_name = |i: usize| names(FILES[i])[1].clone();
        let missing: Vec<String> = (0..4).filter(|&i| found[i].is_none()).map(gzip_name).collect();
        let mut files: [PathBuf; 4] = Default::default();
        for (i, rejected) in rejected.into_iter().enumerate() {
            files[i] = match found[i].take() {
                Some(path) => path,
                None => self.fetch(i, rejected, progress).map_err(|attempts| Error::Download {
                    file: gzip_name(i),
                    folder: self.folder.clone(),
                    missing: missing.clone(),
                    attempts,
                })?,
            };
        }
        let source = format!("{} ({})", self.name, self.folder.display());
        let dataset = Dataset::from_idx_files(&files, source)?;
        Ok(Dataset { class_names: self.name.class_names(), ..dataset })
    }

    /// Fetches a file from the first mirror that has a sound copy; or adds to `attempts` what came of each.
    fn fetch(
        &self,
        i: usize,
        mut attempts: Vec<(String, String)>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, Vec<(String, String)>> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = &names(FILES[i])[1];
        let place = self.folder.join(name);
        for mirror in &self.mirrors {
            let address = format!("{}/{name}", mirror.trim_end_matches('/'));
            // No other thread, process or machine writes into a file of this name: it must not exist yet.
            let now = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |t| t.as_nanos());
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let part = self.folder.join(format!("{name}.{}-{count}-{now}.part", process::id()));
            let fetched = self.receive(&address, name, &part, progress).and_then(|()| {
                self.check(&part, i)?;
                fs::rename(&part, &place).map_err(|error| error.to_string())
            });
            let Err(reason) = fetched else { return Ok(place) };
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
        let short = Some(self.timeout.min(Duration::from_secs(20)));
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(short)
            .timeout_recv_response(short)
            .timeout_recv_body(Some(self.timeout))
            .build()
            .into();
        let mut response = agent.get(address).call().map_err(|error| error.to_string())?;
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

    /// Reads a file to its end, image by image, and compares its checksum where one is known. A message does not name the
    /// file, which may be gone when it is read.
    fn check(&self, path: &Path, i: usize) -> Result<(), String> {
        let sound = |error: longhand_idx::Error| error.kind().to_string();
        let reader = Reader::open(path).map_err(sound)?;
        let shape = reader.shape().to_vec();
        match shape[..] {
            [n, 28, 28] if FILES[i].contains("images") && n <= MOST => {}
            [n] if FILES[i].contains("labels") && n <= MOST => {}
            _ => {
                return Err(format!(
                    "expected images of 28 × 28 or their labels, found the shape {shape:?}"
                ));
            }
        }
        let mut hash = Sha256::new();
        hash.update([0, 0, ElementType::U8 as u8, shape.len() as u8]);
        shape.iter().for_each(|&size| hash.update((size as u32).to_be_bytes()));
        for item in reader.into_items::<u8>().map_err(sound)? {
            hash.update(item.map_err(sound)?.as_slice().expect("standard layout"));
        }
        let Some(expected) = self.sha256.as_ref().map(|sha256| &sha256[i]) else { return Ok(()) };
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == *expected {
            return Ok(());
        }
        Err(format!("expected content of SHA-256 {expected}, found {found}"))
    }

    /// Removes what a download that was killed has left more than an hour ago; younger ones may be another's. What cannot be
    /// removed is no reason to fail.
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
