use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use std::{env, fmt, process};

use sha2::{Digest, Sha256};

use crate::{Dataset, Error, Split};

/// The four files, in the order in which they are fetched.
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// No file of these sets is larger, compressed; what is, is not one of them.
const LARGEST: u64 = 64 << 20;

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
/// assert_eq!("fashion-mnist".parse(), Ok(Name::FashionMnist));
/// assert_eq!("imagenet".parse::<Name>(), Err(()));
/// ```
impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Name, ()> {
        Name::ALL.into_iter().find(|name| name.to_string() == text).ok_or(())
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
        self.remove_leftovers().map_err(failed)?;
        for (i, file) in FILES.iter().enumerate() {
            let place = self.folder.join(format!("{file}.gz"));
            if place.exists() && self.check(&place, i).is_ok() {
                continue;
            }
            self.fetch(i, &place, progress)?;
        }
        let dataset = Dataset::from_idx_folder(&self.folder)?;
        let source = format!("{} ({})", self.name, self.folder.display()).into();
        Ok(Dataset { class_names: self.name.class_names(), source, ..dataset })
    }

    fn fetch(
        &self,
        i: usize,
        place: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let part = self.folder.join(format!("{}.{}.part", FILES[i], process::id()));
        let mut attempts = vec![];
        for mirror in &self.mirrors {
            let address = format!("{}/{}.gz", mirror.trim_end_matches('/'), FILES[i]);
            let fetched = self.receive(&address, i, &part, progress).and_then(|()| {
                self.check(&part, i)?;
                fs::rename(&part, place).map_err(|error| error.to_string())
            });
            let Err(reason) = fetched else { return Ok(()) };
            let _ = fs::remove_file(&part);
            attempts.push((address, reason));
        }
        let folder = self.folder.clone();
        Err(Error::Download { file: format!("{}.gz", FILES[i]), folder, attempts })
    }

    /// Writes what an address answers into a file.
    fn receive(
        &self,
        address: &str,
        i: usize,
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
        let mut file = File::create(part).map_err(|error| error.to_string())?;
        let (mut buffer, mut received) = (vec![0; 64 * 1024], 0);
        loop {
            progress(Progress { file: FILES[i], received, total });
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

    /// Reads a file to its end, and compares its checksum where one is known.
    fn check(&self, path: &Path, i: usize) -> Result<(), String> {
        let sound =
            longhand_idx::Reader::open(path).and_then(longhand_idx::Reader::into_array::<u8>);
        // The path is that of a file which will be gone: the message names the address instead.
        let array = sound.map_err(|error| error.kind().to_string())?;
        let Some(expected) = self.sha256.as_ref().map(|sha256| &sha256[i]) else { return Ok(()) };
        // What was read is written back to the same bytes.
        let mut hash = Hash(Sha256::new());
        longhand_idx::write_to(&mut hash, &array).map_err(|error| error.to_string())?;
        let found: String = hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == *expected {
            return Ok(());
        }
        Err(format!("expected content of SHA-256 {expected}, found {found}"))
    }

    /// Removes what a download that was killed has left more than an hour ago; younger ones may be another's.
    fn remove_leftovers(&self) -> io::Result<()> {
        let hour = Duration::from_secs(3600);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let age = entry
                .metadata()?
                .modified()
                .ok()
                .and_then(|time| SystemTime::now().duration_since(time).ok());
            if entry.path().extension().is_some_and(|e| e == "part")
                && age.is_some_and(|age| age > hour)
            {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Takes what is written to it into a hash.
struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
