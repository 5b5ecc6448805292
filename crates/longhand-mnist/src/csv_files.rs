//! MNIST as CSV: two files, each line a label and the pixels of an image.

use std::path::{Path, PathBuf};

use crate::folder::{Entry, Kind, TEST, TRAIN, VALID, list};
use crate::{Dataset, Error};

/// The two files of a set.
#[cfg_attr(not(feature = "csv"), allow(dead_code))]
pub(crate) struct Pair {
    train: PathBuf,
    test: PathBuf,
    /// Where they came from, for people.
    source: PathBuf,
}

/// Whether a path is named as CSV.
pub(crate) fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// One of the files of a set, by its name.
struct Half<'a> {
    entry: &'a Entry,
    /// What its name has before and after `train` or `test`, in small letters; two files of a set
    /// have it in common.
    around: (String, String),
    /// 0 for training data, 1 for test data, 2 for validation data.
    split: usize,
}

fn half(entry: &Entry) -> Option<Half<'_>> {
    if entry.kind == Kind::Folder || !entry.has_extension("csv") {
        return None;
    }
    let name = entry.name.to_lowercase();
    let mut end = name.len();
    // The last such word, as the name's beginning says which set it is.
    for word in name.rsplit(['-', '_', '.', ' ']) {
        let start = end - word.len();
        let names = [TRAIN, TEST, VALID];
        if let Some(split) = names.iter().position(|names| names.contains(&word)) {
            let around = (name[..start].to_owned(), name[end..].to_owned());
            return Some(Half { entry, around, split });
        }
        end = start.saturating_sub(1);
    }
    None
}

/// Whether a file is called as those of MNIST are: many a CSV file has `train` in its name.
fn is_usual(half: &Half<'_>) -> bool {
    half.around == (String::new(), ".csv".to_owned()) || half.around.0.contains("mnist")
}

/// The one pair of files in a folder; nothing where no file is named like a half of one. Of
/// `usual` names, or of any.
pub(crate) fn find(folder: &Path, entries: &[Entry], usual: bool) -> Result<Option<Pair>, Error> {
    let mut halves: Vec<Half<'_>> = entries.iter().filter_map(half).collect();
    halves.retain(|half| !usual || is_usual(half));
    let pairs: Vec<&Half<'_>> =
        halves.iter().filter(|half| half.split == 0 && partner(half, &halves).is_some()).collect();
    match (&pairs[..], halves.first()) {
        ([train], _) => {
            let test = partner(train, &halves).expect("found above");
            let [train, test] = [train, test].map(|half| half.entry.path.clone());
            Ok(Some(Pair { train, test, source: folder.to_owned() }))
        }
        ([], None) => Ok(None),
        ([], Some(half)) => Err(lonely(half)),
        (several, _) => Err(Error::Ambiguous {
            folder: folder.to_owned(),
            candidates: several.iter().map(|half| half.entry.name.clone()).collect(),
        }),
    }
}

/// The other file of a set. Test data are preferred to validation data.
fn partner<'a, 'b>(half: &Half<'_>, halves: &'a [Half<'b>]) -> Option<&'a Half<'b>> {
    let of =
        |split| halves.iter().find(|other| other.around == half.around && other.split == split);
    if half.split == 0 { of(1).or_else(|| of(2)) } else { of(0) }
}

/// The pair of which a file is one.
pub(crate) fn pair_of(path: &Path) -> Result<Pair, Error> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = list(folder.unwrap_or(Path::new(".")))?;
    let halves: Vec<Half<'_>> = entries.iter().filter_map(half).collect();
    let named = halves.iter().find(|half| half.entry.path.file_name() == path.file_name());
    let Some(named) = named else {
        let reason = "expected a name with `train` or `test` in it, such as mnist_train.csv, found \
                      another; rename the two files";
        return Err(fault(path, reason.into()));
    };
    let other = partner(named, &halves).ok_or_else(|| lonely(named))?;
    let (train, test) = if named.split == 0 { (named, other) } else { (other, named) };
    let [train, test] = [train, test].map(|half| path.with_file_name(&half.entry.name));
    Ok(Pair { train, test, source: path.to_owned() })
}

/// The message of a file whose other half is not there.
fn lonely(half: &Half<'_>) -> Error {
    let (before, after) = &half.around;
    let other = format!("{before}{}{after}", if half.split == 0 { TEST[0] } else { TRAIN[0] });
    let reason = format!(
        "expected the other file of the set, {other}, beside it, found none; place it there"
    );
    fault(&half.entry.path, reason)
}

fn fault(path: &Path, reason: String) -> Error {
    Error::Csv { path: path.to_owned(), line: None, column: None, reason }
}

#[cfg(not(feature = "csv"))]
pub(crate) fn read(pair: &Pair) -> Result<Dataset, Error> {
    let reason = "CSV is read with the `csv` feature of longhand-mnist; build with it, or name a \
                  folder with the four IDX files";
    Err(fault(&pair.source, reason.into()))
}

#[cfg(feature = "csv")]
pub(crate) use reading::read;

#[cfg(feature = "csv")]
mod reading {
    use std::io::{self, Read};

    use csv::{ByteRecord, ReaderBuilder, Trim};
    use longhand_idx::{escaped, open_file};
    use ndarray::Array3;

    use super::*;
    use crate::Split;
    use crate::dataset::{DIGITS, digit_names};

    /// Pixels of an image, and the columns of a line: the label comes first.
    const PIXELS: usize = 28 * 28;
    const COLUMNS: usize = 1 + PIXELS;

    /// No line is longer: it is not held in memory to find out how long it is.
    const LONGEST_LINE: usize = 1 << 16;

    impl Dataset {
        /// Reads MNIST as CSV: a folder with `mnist_train.csv` and `mnist_test.csv`, or one of the
        /// two. Each line is a label and 784 pixels, 0 to 255; a first line may name the columns.
        ///
        /// Other names will do if they differ in `train` and `test` only, or in `train` and
        /// `valid`.
        ///
        /// # Errors
        /// A file is missing or cannot be read, or a line is not an image. The message names the
        /// file, the line and the column.
        ///
        /// ```
        /// let error = longhand_mnist::Dataset::from_csv("no/such/folder").unwrap_err();
        /// assert!(error.to_string().starts_with("no/such/folder: expected a folder"));
        /// ```
        pub fn from_csv(path: impl AsRef<Path>) -> Result<Dataset, Error> {
            let path = path.as_ref();
            if path.is_file() {
                return read(&pair_of(path)?);
            }
            crate::folder::expect_folder(path)?;
            let pair = find(path, &list(path)?, false)?;
            let none = || {
                let reason =
                    "expected mnist_train.csv and mnist_test.csv, found none; place them there";
                fault(path, reason.into())
            };
            read(&pair.ok_or_else(none)?)
        }
    }

    pub(crate) fn read(pair: &Pair) -> Result<Dataset, Error> {
        Ok(Dataset {
            train: read_split(&pair.train)?,
            test: read_split(&pair.test)?,
            class_names: digit_names(),
            source: escaped(&pair.source).into(),
        })
    }

    fn read_split(path: &Path) -> Result<Split, Error> {
        let file = open_file(path).map_err(|error| fault(path, error.to_string()))?;
        let lines = Lines { inner: file, length: 0 };
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(lines);
        let (mut labels, mut pixels) = (vec![], vec![]);
        let mut record = ByteRecord::new();
        // By records, as the reader's own count stays behind where lines end in two bytes.
        for line in 1u64.. {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(unreadable(path, line, error)),
            }
            let at = |(column, reason)| Error::Csv {
                path: path.to_owned(),
                line: Some(line),
                column,
                reason,
            };
            expect_columns(&record).map_err(|reason| at((None, reason)))?;
            // The first line may name the columns.
            if line > 1 || number(&record[0]).is_some() {
                add(&record, &mut labels, &mut pixels).map_err(at)?;
            } else {
                expect_label_first(&record).map_err(at)?;
            }
        }
        if labels.is_empty() {
            return Err(Error::Empty { path: path.to_owned() });
        }
        let images = Array3::from_shape_vec((labels.len(), 28, 28), pixels);
        Ok(Split::new(images.expect("whole images"), labels))
    }

    fn expect_columns(record: &ByteRecord) -> Result<(), String> {
        if record.len() == COLUMNS {
            return Ok(());
        }
        let labels = if record.len() == PIXELS { " (are the labels missing?)" } else { "" };
        Err(format!(
            "expected {COLUMNS} columns, a label and {PIXELS} pixels, found {}{labels}",
            record.len()
        ))
    }

    /// Where the columns are named, that of the labels is the first.
    fn expect_label_first(names: &ByteRecord) -> Result<(), (Option<usize>, String)> {
        let usual = [&b"label"[..], b"labels", b"class", b"target", b"digit"];
        let is_label = |name: &[u8]| usual.iter().any(|word| name.eq_ignore_ascii_case(word));
        match names.iter().position(is_label) {
            None | Some(0) => Ok(()),
            Some(column) => {
                let found = escaped(&*String::from_utf8_lossy(&names[column]));
                let reason = format!(
                    "expected the labels in column 1, found `{found}` here; move it to the front"
                );
                Err((Some(column + 1), reason))
            }
        }
    }

    /// Appends the image of a line; or says what is wrong with it, and in which column.
    fn add(
        record: &ByteRecord,
        labels: &mut Vec<u8>,
        pixels: &mut Vec<u8>,
    ) -> Result<(), (Option<usize>, String)> {
        let wrong = |column: usize, expected: &str| {
            let found: String = String::from_utf8_lossy(&record[column]).chars().take(20).collect();
            (Some(column + 1), format!("expected {expected}, found `{}`", escaped(found)))
        };
        let label = number(&record[0]).filter(|&label| usize::from(label) < DIGITS);
        labels.push(label.ok_or_else(|| wrong(0, "a label of 0 to 9"))?);
        for column in 1..COLUMNS {
            let pixel = number(&record[column]);
            pixels.push(pixel.ok_or_else(|| wrong(column, "a pixel of 0 to 255"))?);
        }
        Ok(())
    }

    /// A number of 0 to 255 in decimal digits.
    fn number(field: &[u8]) -> Option<u8> {
        if !(1..=3).contains(&field.len()) {
            return None;
        }
        field.iter().try_fold(0u8, |number, byte| {
            let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
            number.checked_mul(10)?.checked_add(digit)
        })
    }

    fn unreadable(path: &Path, line: u64, error: csv::Error) -> Error {
        let reason = match error.into_kind() {
            csv::ErrorKind::Io(error) => error.to_string(),
            _ => "expected lines of numbers, found something else".to_owned(),
        };
        Error::Csv { path: path.to_owned(), line: Some(line), column: None, reason }
    }

    /// Bytes of lines, none of which is too long.
    struct Lines<R> {
        inner: R,
        /// Of the line that is being read.
        length: usize,
    }

    impl<R: Read> Read for Lines<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.inner.read(buffer)?;
            for part in buffer[..n].split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
                self.length += part.len();
                if self.length > LONGEST_LINE {
                    let reason = format!(
                        "expected lines of numbers, found one of more than {LONGEST_LINE} bytes"
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
                if matches!(part.last(), Some(b'\n' | b'\r')) {
                    self.length = 0;
                }
            }
            Ok(n)
        }
    }
}
