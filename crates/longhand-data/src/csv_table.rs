//! Tables from CSV files.

use std::io::Read;
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

/// More classes than these are names of the samples.
const MOST_CLASSES: usize = 1000;

/// What stands for a value that is not known.
const MISSING: [&str; 8] = ["", "?", "na", "n/a", "nan", "null", "none", "-"];

impl Table {
    /// Reads a CSV file of numbers with a class or a number to predict in one column.
    ///
    /// Fields are separated by commas, semicolons or tabs. A first line that has a text where the next
    /// has a number names the columns, and so has one with a usual name in the column to predict. `target` is the name or the number, from 1, of the
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
    let rows = Rows::open(path.as_ref())?;
    let mut first = ByteRecord::new();
    let read = rows.reader().read_byte_record(&mut first);
    read.map_err(|error| fault(path.as_ref(), error.to_string()))?;
    Ok(first.len())
}

/// The lines of a file.
struct Rows<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    delimiter: u8,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path) -> Result<Rows<'a>, TableError> {
        let mut bytes = vec![];
        open_file(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| fault(path, error.to_string()))?;
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            let reason = "expected a text in UTF-8, found one in UTF-16; save it as UTF-8";
            return Err(fault(path, reason));
        }
        if bytes.starts_with(&[0x1F, 0x8B]) || bytes.starts_with(b"PK") {
            return Err(fault(path, "expected a text, found a packed file; unpack it"));
        }
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            bytes.drain(..3); // a mark that some programs put before a text in UTF-8
        }
        let line = bytes.split(|&b| b == b'\n').find(|line| !line.trim_ascii().is_empty());
        let line = line.unwrap_or_default();
        let count = |delimiter: u8| line.iter().filter(|&&b| b == delimiter).count();
        let delimiters = [b'\t', b';', b','];
        let delimiter = delimiters.into_iter().max_by_key(|&d| count(d)).unwrap_or(b',');
        Ok(Rows { path, bytes, delimiter })
    }

    fn reader(&self) -> csv::Reader<&[u8]> {
        ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .trim(Trim::All)
            .from_reader(&self.bytes[..])
    }

    /// The number of the line, from 1, in which a record begins.
    fn line(&self, record: &ByteRecord) -> u64 {
        let start = record.position().map_or(0, |position| position.byte() as usize);
        let is_break = |b: &&u8| matches!(b, b'\n' | b'\r');
        let skipped = self.bytes[start..].iter().take_while(is_break).count();
        let before = &self.bytes[..start + skipped];
        1 + before.iter().filter(|&&b| b == b'\n').count() as u64
    }

    /// The fields of a record.
    fn fields(&self, record: &ByteRecord) -> Result<Vec<String>, TableError> {
        let text = |(i, field): (usize, &[u8])| match str::from_utf8(field) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                let reason = "expected a text in UTF-8, found other bytes; save the file as UTF-8";
                Err(TableError {
                    path: self.path.to_owned(),
                    line: Some(self.line(record)),
                    column: Some((i + 1, String::new())),
                    reason: reason.to_owned(),
                })
            }
        };
        record.iter().enumerate().map(text).collect()
    }

    fn table(self, target: Option<&str>, predict: Predict) -> Result<Table, TableError> {
        let path = self.path;
        let mut records = vec![];
        for record in self.reader().into_byte_records() {
            records.push(record.map_err(|error| fault(path, error.to_string()))?);
        }
        let Some(first) = records.first() else {
            return Err(fault(path, "expected lines of numbers, found an empty file"));
        };
        let first = self.fields(first)?;
        let second = records.get(1).map_or(Ok(vec![]), |record| self.fields(record))?;
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
        // A text is a name; in the column to predict, which may be of texts, where it is a usual
        // name, the one asked for, or above a number.
        let wanted = target.and_then(|word| word.parse::<usize>().ok());
        let aside = wanted.filter(|n| (1..=columns).contains(n)).map_or(columns - 1, |n| n - 1);
        let is_text = |word: &String| number(word).is_none() && !is_missing(word);
        let above_number = second.get(aside).is_some_and(|word| number(word).is_some());
        let names_target = |word: &String| {
            is_usual(word) || target == Some(word) || (is_text(word) && above_number)
        };
        let named = first.iter().enumerate().any(|(i, word)| match i == aside {
            true => names_target(word),
            false => is_text(word),
        });
        let names: Vec<String> = match named {
            true => first,
            false => (1..=columns).map(|i| i.to_string()).collect(),
        };
        let target = target_column(&names, named, target).map_err(|reason| fault(path, reason))?;
        let mut body = Body { rows: &self, names: &names, named, target, x: vec![], words: vec![] };
        for record in &records[usize::from(named)..] {
            body.add(record, &self.fields(record)?)?;
        }
        body.table(predict, &records[usize::from(named)..])
    }
}

fn is_missing(word: &str) -> bool {
    MISSING.iter().any(|missing| word.eq_ignore_ascii_case(missing))
}

fn fault(path: &Path, reason: impl Into<String>) -> TableError {
    TableError { path: path.to_owned(), line: None, column: None, reason: reason.into() }
}

/// Whether a column is called as those to predict usually are.
fn is_usual(name: &str) -> bool {
    TARGETS.iter().any(|usual| name.eq_ignore_ascii_case(usual))
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
    let mut found = names.iter().enumerate().filter(|(_, name)| named && is_usual(name));
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Ok(position),
        _ => Ok(names.len() - 1),
    }
}

/// The lines below the names.
struct Body<'a> {
    rows: &'a Rows<'a>,
    names: &'a [String],
    named: bool,
    target: usize,
    x: Vec<f64>,
    words: Vec<String>,
}

impl Body<'_> {
    fn fault(&self, record: &ByteRecord, column: Option<usize>, reason: String) -> TableError {
        let name = |i: usize| if self.named { self.names[i].clone() } else { String::new() };
        let column = column.map(|i| (i + 1, name(i)));
        let (path, line) = (self.rows.path.to_owned(), Some(self.rows.line(record)));
        TableError { path, line, column, reason }
    }

    fn add(&mut self, record: &ByteRecord, fields: &[String]) -> Result<(), TableError> {
        let (found, expected) = (fields.len(), self.names.len());
        if found != expected {
            let reason = format!("expected {expected} fields as in the first line, found {found}");
            return Err(self.fault(record, None, reason));
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
                return Err(self.fault(record, Some(i), reason));
            }
            if i == self.target {
                continue;
            }
            let Some(value) = number(word) else {
                let reason = format!(
                    "expected a finite number, found `{}`; give texts a number each, take the column out, or predict it with --target",
                    shown(word)
                );
                return Err(self.fault(record, Some(i), reason));
            };
            self.x.push(value);
        }
        self.words.push(fields[self.target].clone());
        Ok(())
    }

    fn table(self, predict: Predict, records: &[ByteRecord]) -> Result<Table, TableError> {
        let n = self.words.len();
        let of_file = |reason: String| fault(self.rows.path, reason);
        if n < 2 {
            return Err(of_file(format!("expected two or more samples, found {n}")));
        }
        let target = Target::of_words(&self.words, predict).map_err(|position| {
            let found = shown(&self.words[position]);
            let reason = format!("expected a finite number to predict, found `{found}`");
            self.fault(&records[position], Some(self.target), reason)
        })?;
        let column = self.target + 1;
        match &target {
            Target::Classes { names, .. } if names.len() < 2 => {
                let found = shown(&self.words[0]);
                return Err(of_file(format!(
                    "expected two or more classes in column {column}, found `{found}` in every line"
                )));
            }
            Target::Classes { names, .. } if names.len() > MOST_CLASSES => {
                let found = names.len();
                return Err(of_file(format!(
                    "expected at most {MOST_CLASSES} classes in column {column}, found {found}; name another with --target, or say \
                     --predict number"
                )));
            }
            _ => {}
        }
        let mut names = self.names.to_vec();
        let target_name = names.remove(self.target);
        let mut x = Array2::from_shape_vec((n, names.len()), self.x)
            .expect("as many values as names in a line");
        // Whole numbers that all differ, under a name that says no more.
        let numbers_rows = |i: &usize| {
            let mut values: Vec<f64> = x.column(*i).to_vec();
            values.sort_by(f64::total_cmp);
            self.named
                && NUMBERS.iter().any(|name| names[*i].eq_ignore_ascii_case(name))
                && values.iter().all(|value| value.fract() == 0.0)
                && values.windows(2).all(|pair| pair[0] != pair[1])
        };
        let kept: Vec<usize> = (0..names.len()).filter(|i| !numbers_rows(i)).collect();
        if kept.len() < names.len() && !kept.is_empty() {
            x = x.select(ndarray::Axis(1), &kept);
            names = kept.iter().map(|&i| names[i].clone()).collect();
        }
        Ok(Table { names, x, target_name, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], target: Option<&str>) -> Result<Table, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        Table::read_csv(&path, target, Predict::Either)
            .map_err(|error| error.to_string().split_once("t.csv: ").unwrap().1.to_owned())
    }

    #[test]
    fn lines_are_counted_as_editors_count_them() {
        for (breaks, expected) in [("\n", 4), ("\r\n", 4), ("\n\n", 7), ("\r\n\r\n", 7)] {
            let text = ["a,b,class", "1,2,x", "3,4,y", "5,,x"].join(breaks);
            let error = read(text.as_bytes(), None).unwrap_err();
            assert!(error.starts_with(&format!("line {expected}, column 2 (b): ")), "{error}");
        }
        let error = read(b"a;class\r\n1;x\r\n2;B\xE4r\r\n", None).unwrap_err();
        assert!(error.starts_with("line 3, column 2: expected a text in UTF-8"), "{error}");
    }

    #[test]
    fn a_first_line_of_names_is_told_from_numbers() {
        let names = |text: &str, target| read(text.as_bytes(), target).unwrap().names;
        let rows = "5,1,0\n6,2,1\n7,3,0\n8,4,1\n";
        assert_eq!(names(&format!("0,1,label\n{rows}"), None), ["0", "1"]);
        assert_eq!(names(&format!("0,1,flower\n{rows}"), None), ["0", "1"]);
        assert_eq!(names(&format!("0,1,2\n{rows}"), Some("3")), ["1", "2"], "no names");
        assert_eq!(names("\u{FEFF}a,b,c\n1,2,x\n3,4,y\n", None), ["a", "b"]);
        assert_eq!(names(&format!("a\tb\tc\n{}", rows.replace(',', "\t")), Some("b")), ["a", "c"]);
        // What numbers the rows is left out, whatever their order; a name is not enough.
        assert_eq!(names(",0,label\n7,5,0\n9,6,1\n8,7,0\n1,2,1\n", None), ["0"]);
        assert_eq!(names("id,a,label\n7,5,0\n7,6,1\n8,7,0\n1,2,1\n", None), ["id", "a"]);
    }

    #[test]
    fn a_stray_text_among_numbers_is_no_class_and_names_are_no_classes_either() {
        let prices: String = (0..40).map(|i| format!("{i}.5,{}.25\n", i * 3)).collect();
        let error = read(format!("a,price\n{prices}1,unknown\n").as_bytes(), None).unwrap_err();
        assert_eq!(
            error,
            "line 42, column 2 (price): expected a finite number to predict, found `unknown`"
        );
        let people: String = (0..2000).map(|i| format!("{i}.5,name{i}\n")).collect();
        let error = read(people.as_bytes(), None).unwrap_err();
        assert!(
            error.starts_with("expected at most 1000 classes in column 2, found 2000"),
            "{error}"
        );
    }
}
