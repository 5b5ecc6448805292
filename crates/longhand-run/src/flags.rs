//! Flags by clap's derive, with messages that say what was expected and what was found.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser};
use longhand_mnist::{Dataset, Split};
use longhand_save::Checkpoint;
use serde::Serialize;

use crate::folder::{CHECKPOINT, find};
use crate::{Failure, open, terminal};

/// The flags of the command line. With `--resume`, those that the run was begun with, and few others.
///
/// # Errors
/// Help is asked for, a flag is not known, or a value cannot be used; or there is no run to go on
/// with.
pub fn parse<T: Parser>() -> Result<T, Failure> {
    if let Some(ignored) = longhand_tensor::ignored_environment() {
        terminal::warn(&ignored);
    }
    let matches = T::command().args_override_self(true).try_get_matches_from(std::env::args_os());
    let matches = matches.map_err(|error| failure(&error))?;
    let resume = matches.try_get_one::<PathBuf>("resume").ok().flatten();
    let Some(folder) = resume else {
        return T::from_arg_matches(&matches).map_err(|error| failure(&error));
    };
    let given = |id: &&clap::Id| {
        matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine)
    };
    const FREE: [&str; 8] =
        ["resume", "epochs", "checkpoint_every", "save", "load", "data", "quiet", "json"];
    let command = T::command();
    let ids = command.get_arguments().map(clap::Arg::get_id);
    if let Some(fixed) = ids.filter(given).find(|id| !FREE.contains(&id.as_str())) {
        let flag = fixed.as_str().replace('_', "-");
        return Err(Failure::Usage(format!(
            "--{flag}: a resumed run keeps the options it began with; leave it out, or begin a new run with --load"
        )));
    }
    let program = std::env::args_os().next().unwrap_or_default();
    // Another example's flags may not be known here.
    let own = Path::new(&program).file_stem().and_then(|name| name.to_str());
    let own = own.filter(|name| ["logistic", "mlp"].contains(name));
    let arguments = arguments(Some(folder), own)?;
    let all = [program].into_iter().chain(arguments.into_iter().map(OsString::from));
    parse_from(all.chain(["--resume".into(), folder.clone().into_os_string()]))
}

/// What a checkpoint keeps of how its run was asked for.
#[derive(Serialize, serde::Deserialize)]
pub(crate) struct Settings {
    pub example: String,
    pub arguments: Vec<String>,
}

/// The checkpoint of the run in a folder; of several runs that were to have the folder's name, the
/// latest.
pub(crate) fn checkpoint(folder: &Path) -> Result<(PathBuf, Checkpoint), Failure> {
    let folder = find(folder)?;
    let path = folder.join(CHECKPOINT);
    let checkpoint =
        Checkpoint::open(&path).map_err(|error| Failure::Run(format!("--resume: {error}")))?;
    Ok((folder, checkpoint))
}

impl Settings {
    /// Those of a checkpoint.
    pub fn of(folder: &Path, checkpoint: &Checkpoint) -> Result<Settings, Failure> {
        serde_json::from_str(&checkpoint.record.settings).map_err(|_| {
            let folder = terminal::path(folder);
            Failure::Run(format!("--resume: {folder}: expected the checkpoint of an example's run, found another program's"))
        })
    }
}

/// The arguments of a run: those of the command line; of a run that is gone on with, those that it was
/// begun with before them.
pub(crate) fn arguments(
    resume: Option<&Path>,
    example: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let mut own = vec![];
    let mut command_line =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = command_line.next() {
        match word.as_str() {
            "--resume" => drop(command_line.next()),
            other if other.starts_with("--resume=") => {}
            _ => own.push(word),
        }
    }
    let Some(folder) = resume else { return Ok(own) };
    let (folder, checkpoint) = checkpoint(folder)?;
    let Settings { example: found, mut arguments } = Settings::of(&folder, &checkpoint)?;
    if let Some(expected) = example.filter(|expected| *expected != found) {
        let folder = terminal::path(&folder);
        return Err(Failure::Run(format!(
            "--resume: {folder}: expected a run of {expected}, found one of {found}; go on with it by that example"
        )));
    }
    arguments.append(&mut own);
    Ok(arguments)
}

pub(crate) fn parse_from<T: Parser>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<T, Failure> {
    let command = T::command().args_override_self(true);
    let matches = command.try_get_matches_from(arguments).map_err(|error| failure(&error))?;
    T::from_arg_matches(&matches).map_err(|error| failure(&error))
}

/// What clap says, in our words where a value is wrong.
fn failure(error: &clap::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Failure::Help(wrapped(&error.render().to_string()));
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(all)) => Some(all.join(", ")),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg);
    let flag = flag.as_deref().and_then(|flag| flag.split_whitespace().next());
    let message = match (error.kind(), flag) {
        (ErrorKind::ValueValidation, Some(flag)) => {
            let reason = std::error::Error::source(error).map(ToString::to_string);
            format!("{flag}: {}", reason.unwrap_or_default())
        }
        (ErrorKind::InvalidValue, Some(flag))
            if text(ContextKind::InvalidValue).is_none_or(|value| value.is_empty())
                && text(ContextKind::ValidValue).is_none_or(|all| all.is_empty()) =>
        {
            format!("{flag}: expected a value, found none")
        }
        (ErrorKind::MissingRequiredArgument, _) => {
            format!("expected {}, found none", text(ContextKind::InvalidArg).unwrap_or_default())
        }
        (ErrorKind::InvalidValue, Some(flag)) if text(ContextKind::ValidValue).is_some() => {
            format!(
                "{flag}: expected one of {}, found `{}`",
                text(ContextKind::ValidValue).unwrap_or_default(),
                text(ContextKind::InvalidValue).unwrap_or_default()
            )
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        }
    };
    Failure::Usage(message)
}

/// Help with its lines broken at 80 columns, behind the column of the descriptions. (clap's own
/// feature for that needs three more crates.)
fn wrapped(help: &str) -> String {
    let column = help.lines().find_map(|line| line.find("Print help")).unwrap_or(0);
    let mut text = String::new();
    for line in help.lines() {
        let mut width = 0;
        for (i, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if i > 0 && width + 1 + length > 80 && width > column {
                text += &format!("\n{:column$}", "");
                width = column;
            } else if i > 0 {
                text.push(' ');
                width += 1;
            }
            text += word;
            width += length;
        }
        text.push('\n');
    }
    text
}

fn one<T: FromStr>(text: &str, expected: &str, valid: impl Fn(&T) -> bool) -> Result<T, String> {
    let parsed = text.trim().parse().ok().filter(valid);
    parsed.ok_or_else(|| wrong(expected, text))
}

fn wrong(expected: &str, found: impl Display) -> String {
    format!("expected {expected}, found `{found}`")
}

/// A number of something: 1 or more, and no more than an array may be long.
///
/// # Errors
/// It is none.
pub fn count(text: &str) -> Result<usize, String> {
    one(text, "a whole number, 1 or more", |n| (1..=1 << 32).contains(n))
}

/// A whole number, 0 or more.
///
/// # Errors
/// It is none.
pub fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    one(text, "a whole number, 0 or more", |_| true)
}

pub(crate) fn seed(text: &str) -> Result<u64, String> {
    one(text, "a whole number below 2^64", |_| true)
}

/// Whether a learning rate or weight decay can be used: it must be neither infinite nor lost in
/// f32.
pub fn in_f32(rate: &f64) -> bool {
    *rate == 0.0 || (*rate > 0.0 && (*rate as f32).is_normal())
}

/// A learning rate or weight decay.
///
/// # Errors
/// It is negative, not finite, or lost in f32.
pub fn rate(text: &str) -> Result<f64, String> {
    one(text, "0, or a finite number from 1.2e-38 to 3.4e38", in_f32)
}

/// A learning rate above 0.
///
/// # Errors
/// It is not above 0, not finite, or lost in f32.
pub fn positive_rate(text: &str) -> Result<f64, String> {
    one(text, "a finite number from 1.2e-38 to 3.4e38", |rate| *rate > 0.0 && in_f32(rate))
}

/// A share that leaves something.
///
/// # Errors
/// The text is no such number.
pub fn share_below_1(text: &str) -> Result<f64, String> {
    one(text, "a number from 0 to below 1", |share| (0.0..1.0).contains(share))
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    one(text, "a number from 0 to 1", |share| (0.0..=1.0).contains(share))
}

/// Several values, separated by commas.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// Reads values separated by commas; all of them must be what `value` reads.
///
/// # Errors
/// One of them is not what is `expected`.
pub fn list<T>(
    text: &str,
    expected: &str,
    value: impl Fn(&str) -> Result<T, String>,
) -> Result<List<T>, String> {
    let all = text.split(',').map(|part| value(part.trim()).ok()).collect::<Option<_>>();
    all.map(List).ok_or_else(|| wrong(expected, text))
}

/// A folder: any path but an empty one.
pub fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|path| match path.is_empty() {
        true => Err(wrong("a folder", "")),
        false => Ok(PathBuf::from(path)),
    })
}

/// A file: any path but an empty one.
pub(crate) fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|path| match path.is_empty() {
        true => Err(wrong("a file", "")),
        false => Ok(PathBuf::from(path)),
    })
}

const DATA_HELP: &str = "Folder with the four MNIST files, plain or .gz, or with pictures, training/<digit>/*.png and \
                         testing/<digit>/*.png (or train, test, valid), or with mnist_train.csv and mnist_test.csv; or \
                         mnist, fashion-mnist or kmnist to download it; mlp also takes a table of your own, .csv, .npz or \
                         .npy [default: the digits inside the program]";

/// Which digits.
#[derive(Args, Clone, Debug)]
pub struct DataFlags {
    /// Where the digits are from; those inside the program without it.
    #[arg(long, value_name = "DIR", value_parser = folder(), help = DATA_HELP)]
    pub data: Option<PathBuf>,
    /// Images of each class in either set, or `all` [default: 500 of ten digits of 28 x 28, all of others]
    #[arg(long, value_name = "N", value_parser = PerClass::parse, allow_negative_numbers = true)]
    pub per_class: Option<PerClass>,
}

impl DataFlags {
    /// The digits, drawn with a seed where not all are asked for.
    ///
    /// # Errors
    /// They cannot be read, or there are fewer.
    pub fn digits(&self, seed: u64) -> Result<Dataset, Failure> {
        self.draw(open(self.data.as_deref()).map_err(Failure::Run)?, seed)
    }

    /// So many images of each class as are asked for.
    pub(crate) fn draw(&self, all: Dataset, seed: u64) -> Result<Dataset, Failure> {
        match self.per_class.unwrap_or(PerClass::usual(&all.train)) {
            PerClass::All => Ok(all),
            PerClass::Count(n) => all.draw_per_class(n, seed).map_err(|error| {
                Failure::Usage(format!("--per-class: {error}; ask for fewer, or for `all`"))
            }),
        }
    }
}

/// How many images of each digit are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PerClass {
    /// As many as there are.
    All,
    /// So many, drawn at random.
    #[serde(untagged)]
    Count(usize),
}

impl PerClass {
    /// The homework's number of digits; of other pictures, all.
    pub(crate) fn usual(split: &Split) -> PerClass {
        let (_, rows, columns) = split.images().dim();
        match (rows, columns, split.classes()) {
            (28, 28, 10) => PerClass::Count(500),
            _ => PerClass::All,
        }
    }

    fn parse(text: &str) -> Result<PerClass, String> {
        match text {
            "all" => Ok(PerClass::All),
            _ => one(text, "a whole number, 1 or more, or `all`", |&n| n > 0).map(PerClass::Count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    struct Flags {
        #[arg(long, default_value = "3", value_parser = count, allow_negative_numbers = true)]
        epochs: usize,
        #[arg(long, value_parser = rate, allow_negative_numbers = true)]
        lr: Option<f64>,
        #[command(flatten)]
        data: DataFlags,
    }

    fn parsed(flags: &str) -> Result<Flags, Failure> {
        parse_from(std::iter::once("test").chain(flags.split_whitespace()))
    }

    #[test]
    fn the_last_of_a_flag_counts() {
        let flags = parsed("--epochs 4 --epochs 5 --per-class all").unwrap();
        assert_eq!((flags.epochs, flags.lr, flags.data.per_class), (5, None, Some(PerClass::All)));
    }

    #[test]
    fn a_wrong_value_names_the_flag_what_was_expected_and_what_was_found() {
        for (flags, expected) in [
            ("--epochs 0", "--epochs: expected a whole number, 1 or more, found `0`"),
            ("--epochs -1", "--epochs: expected a whole number, 1 or more, found `-1`"),
            (
                "--lr=-0.1",
                "--lr: expected 0, or a finite number from 1.2e-38 to 3.4e38, found `-0.1`",
            ),
            (
                "--lr 1e-50",
                "--lr: expected 0, or a finite number from 1.2e-38 to 3.4e38, found `1e-50`",
            ),
            ("--data=", "--data: expected a folder, found ``"),
            (
                "--per-class most",
                "--per-class: expected a whole number, 1 or more, or `all`, found `most`",
            ),
            ("--lr", "--lr: expected a value, found none"),
            ("--epochs 2 --data", "--data: expected a value, found none"),
            ("--nonsense", "unexpected argument '--nonsense' found"),
        ] {
            assert_eq!(parsed(flags).unwrap_err(), Failure::Usage(expected.to_owned()), "{flags}");
        }
        assert!(
            matches!(parsed("--help"), Err(Failure::Help(text)) if text.contains("--per-class"))
        );
    }

    #[test]
    fn lists_are_of_values_that_are_all_right() {
        assert_eq!(list("1, 2", "counts", count), Ok(List(vec![1, 2])));
        for wrong in ["1,,2", "1,x", "", "0"] {
            assert_eq!(
                list(wrong, "counts", count),
                Err(format!("expected counts, found `{wrong}`"))
            );
        }
    }
}
