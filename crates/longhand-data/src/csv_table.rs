//! Tables from CSV files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use longhand_idx::open_file;
use ndarray::Array2;

use crate::table::{number, shown};
use crate::{Predict, Table, TableError, Target};

/// What columns are usually called that hold what is to be predicted.
const TARGETS: [&str; 10] = [
    "class",
    "label",
    "labels",
    "target",
    "species",
    "y",
    "digit",
    "category",
    "outcome",
    "diagnosis",
];

/// What columns are usually called that number the rows, and say nothing of them.
const NUMBERS: [&str; 5] = ["", "id", "index", "unnamed: 0", "row"];

/// What stands for a value that is not known.
const MISSING: [&str; 8] = ["", "?", "na", "n/a", "nan", "null", "none", "-"];

impl Table {
    /// Reads a CSV file of numbers with a class or a number to predict in one column.
    ///
    /// Fields are separated by commas, semicolons or tabs. A first line that has a text where the
    /// others have numbers names the columns. `target` is the name or the number, from 1, of the
    /// column that is to be predicted; without it, that is the one column with a usual name
    /// (`class`, `label`, `target`, `species`, `y` and the like), or the last. A column that only
    /// numbers the rows (`id`, `index`, or without a name) is left out.
    ///
    /// # Errors
    /// The file cannot be read, a line has more or fewer fields than the first, a value is missing
    /// or is no finite number, or there is no such column. The message names line and column.
    ///
    /// ```
    /// use longhand_data::{Predict, Table, Target};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("flowers.csv");
    /// std::fs::write(&path, "length,width,species\n5.1,3.5,setosa\n6.3,3.3,virginica\n").unwrap();
    /// let table = Table::read_csv(&path, None, Predict::Either)?;
    /// assert_eq!(table.names, ["length", "width"]);
    /// assert_eq!(table.x[[1, 0]], 6.3);
    /// assert!(matches!(table.target, Target::Classes { names, .. } if names == ["setosa", "virginica"]));
    /// # Ok::<(), longhand_data::TableError>(())
    /// ```
    pub fn read_csv(
        path: impl AsRef<Path>,
        target: Option<&str>,
        predict: Predict,
    ) -> Result<Table, TableError> {
        let path = path.as_ref();
        Rows::open(path)?.table(target, predict)
    }
}

/// How many fields the first line of a CSV file has: a way to tell files of one kind from another
/// before they are read.
///
/// # Errors
/// The file cannot be read.
pub fn csv_width(path: impl AsRef<Path>) -> Result<usize, TableError> {
    let mut rows = Rows::open(path.as_ref())?;
    let mut first = ByteRecord::new();
    rows.next(&mut first)?;
    Ok(first.len())
}

struct Rows<'a> {
    path: &'a Path,
    reader: csv::Reader<BufReader<File>>,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path) -> Result<Rows<'a>, TableError> {
        let file = open_file(path).map_err(|error| fault(path, error.to_string()))?;
        let mut file = BufReader::with_capacity(64 * 1024, file);
        let start = file.fill_buf().map_err(|error| fault(path, error.to_string()))?;
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(fault(
                path,
                "expected a text in UTF-8, found one in UTF-16; save it as UTF-8",
            ));
        }
        if start.starts_with(&[0x1F, 0x8B]) || start.starts_with(b"PK") {
            return Err(fault(path, "expected a text, found a packed file; unpack it"));
        }
        let line = start.split(|&b| b == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| line.iter().filter(|&&b| b == delimiter).count();
        let delimiter =
            [b',', b';', b'\t'].into_iter().rev().max_by_key(|&d| count(d)).unwrap_or(b',');
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .trim(Trim::All)
            .from_reader(file);
        Ok(Rows { path, reader })
    }

    /// Reads a line; `None` at the end.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Option<u64>, TableError> {
        match self.reader.read_byte_record(record) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(record.position().map_or(0, csv::Position::line))),
            Err(error) => Err(fault(self.path, error.to_string())),
        }
    }

    fn table(mut self, target: Option<&str>, predict: Predict) -> Result<Table, TableError> {
        let path = self.path;
        let mut first = ByteRecord::new();
        let Some(first_line) = self.next(&mut first)? else {
            return Err(fault(path, "expected lines of numbers, found an empty file"));
        };
        let first: Vec<String> = first.iter().map(text).collect();
        let columns = first.len();
        if columns < 2 {
            let found = shown(&first[0]);
            return Err(fault(
                path,
                format!(
                    "expected two or more columns, separated by commas, semicolons or tabs, found `{found}`"
                ),
            ));
        }
        // With the last column aside, which may be texts anyway, a text is a name.
        let wanted = target
            .and_then(|word| word.parse::<usize>().ok())
            .filter(|n| (1..=columns).contains(n));
        let aside = wanted.map_or(columns - 1, |n| n - 1);
        let is_name =
            |(i, word): (usize, &String)| i != aside && number(word).is_none() && !is_missing(word);
        let named = first.iter().enumerate().any(is_name);
        let names: Vec<String> = match named {
            true => first.clone(),
            false => (1..=columns).map(|i| i.to_string()).collect(),
        };
        let target = target_column(&names, named, target).map_err(|reason| fault(path, reason))?;
        let mut body =
            Body { path, names: &names, named, target, x: vec![], words: vec![], lines: vec![] };
        if !named {
            body.add(first_line, &first)?;
        }
        let mut record = ByteRecord::new();
        while let Some(line) = self.next(&mut record)? {
            let fields: Vec<String> = record.iter().map(text).collect();
            body.add(line, &fields)?;
        }
        body.table(predict)
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_start_matches('\u{FEFF}').to_owned()
}

fn is_missing(word: &str) -> bool {
    MISSING.contains(&&*word.to_lowercase())
}

fn fault(path: &Path, reason: impl Into<String>) -> TableError {
    TableError { path: path.to_owned(), line: None, column: None, reason: reason.into() }
}

/// The position of the column that is to be predicted.
fn target_column(names: &[String], named: bool, wanted: Option<&str>) -> Result<usize, String> {
    if let Some(wanted) = wanted {
        let by_name = names.iter().position(|name| named && name == wanted);
        let by_number =
            wanted.parse().ok().filter(|n| (1..=names.len()).contains(n)).map(|n: usize| n - 1);
        return by_name.or(by_number).ok_or_else(|| {
            let known: Vec<String> = names.iter().take(12).map(|name| shown(name)).collect();
            let more = if names.len() > 12 { ", …" } else { "" };
            format!(
                "expected a column called or numbered `{}`, found {}{more}",
                shown(wanted),
                known.join(", ")
            )
        });
    }
    let usual = |name: &&String| TARGETS.contains(&&*name.to_lowercase());
    let mut found = names.iter().enumerate().filter(|(_, name)| named && usual(name));
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Ok(position),
        _ => Ok(names.len() - 1),
    }
}

/// The lines below the names.
struct Body<'a> {
    path: &'a Path,
    names: &'a [String],
    named: bool,
    target: usize,
    x: Vec<f64>,
    words: Vec<String>,
    lines: Vec<u64>,
}

impl Body<'_> {
    fn fault(&self, line: u64, column: Option<usize>, reason: String) -> TableError {
        let name = |i: usize| if self.named { self.names[i].clone() } else { String::new() };
        let column = column.map(|i| (i + 1, name(i)));
        TableError { path: self.path.to_owned(), line: Some(line), column, reason }
    }

    fn add(&mut self, line: u64, fields: &[String]) -> Result<(), TableError> {
        let (found, expected) = (fields.len(), self.names.len());
        if found != expected {
            let reason = format!("expected {expected} fields as in the first line, found {found}");
            return Err(self.fault(line, None, reason));
        }
        for (i, word) in fields.iter().enumerate() {
            if is_missing(word) {
                let found = if word.is_empty() {
                    "nothing".to_owned()
                } else {
                    format!("`{}`", shown(word))
                };
                let reason =
                    format!("expected a value, found {found}; fill it in, or take the line out");
                return Err(self.fault(line, Some(i), reason));
            }
            if i == self.target {
                continue;
            }
            let Some(value) = number(word) else {
                let reason = format!(
                    "expected a finite number, found `{}`; give texts a number each, take the column out, or predict it with --target",
                    shown(word)
                );
                return Err(self.fault(line, Some(i), reason));
            };
            self.x.push(value);
        }
        self.words.push(fields[self.target].clone());
        self.lines.push(line);
        Ok(())
    }

    fn table(self, predict: Predict) -> Result<Table, TableError> {
        let n = self.words.len();
        if n < 2 {
            return Err(fault(self.path, format!("expected two or more samples, found {n}")));
        }
        let target = Target::of_words(&self.words, predict).map_err(|position| {
            let reason = format!(
                "expected a finite number to predict, found `{}`",
                shown(&self.words[position])
            );
            self.fault(self.lines[position], Some(self.target), reason)
        })?;
        if matches!(&target, Target::Classes { names, .. } if names.len() < 2) {
            let found = shown(&self.words[0]);
            return Err(fault(
                self.path,
                format!(
                    "expected two or more classes in column {}, found `{found}` in every line",
                    self.target + 1
                ),
            ));
        }
        let mut names = self.names.to_vec();
        let target_name = names.remove(self.target);
        let mut x = Array2::from_shape_vec((n, names.len()), self.x)
            .expect("as many values as names in a line");
        let counts =
            |column: usize| x.column(column).windows(2).into_iter().all(|w| w[1] == w[0] + 1.0);
        let numbers_rows =
            |i: &usize| self.named && NUMBERS.contains(&&*names[*i].to_lowercase()) && counts(*i);
        let kept: Vec<usize> = (0..names.len()).filter(|i| !numbers_rows(i)).collect();
        if kept.len() < names.len() && !kept.is_empty() {
            x = x.select(ndarray::Axis(1), &kept);
            names = kept.iter().map(|&i| names[i].clone()).collect();
        }
        Ok(Table { names, x, target_name, target })
    }
}
