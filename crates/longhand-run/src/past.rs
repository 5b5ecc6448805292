//! Runs that have been made, as their folders tell of them.

use std::fs;
use std::path::Path;

use longhand_report::RunSummary;
use serde_json::Value;

use crate::folder::{MARK, is_unfinished};
use crate::{Failure, terminal};

/// A run that has been made.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// What it measured beside the loss: `accuracy` or `rmse`.
    pub measure: String,
    /// What is known of it.
    pub summary: RunSummary,
}

/// Options that decide nothing of a result, or have a column anyway.
const ASIDE: [&str; 5] = ["out", "quiet", "json", "epochs", "data"];

/// Options that are asked for most, which come first.
const FIRST: [&str; 5] = ["hidden", "activation", "optimizer", "lr", "batch_size"];

/// The runs in a folder, by name: all that wrote down a configuration and the metrics of each epoch. Runs that
/// are not complete are left out.
///
/// # Errors
/// The folder cannot be read, has no runs, or a run's files are damaged.
pub fn past_runs(folder: &Path) -> Result<Vec<PastRun>, Failure> {
    let shown = terminal::path(folder);
    let entries = fs::read_dir(folder).map_err(|error| {
        Failure::Run(format!(
            "--runs: {shown}: expected a folder of runs, found none that can be read: {error}"
        ))
    })?;
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let is_complete = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        !is_unfinished(&name) && [MARK, METRICS].iter().all(|file| folder.join(file).is_file())
    };
    let runs: Vec<PastRun> = folders
        .iter()
        .filter(|folder| is_complete(folder))
        .map(|folder| past_run(folder))
        .collect::<Result<_, _>>()?;
    match runs.is_empty() {
        true => Err(Failure::Run(format!(
            "--runs: {shown}: expected folders of runs, each with {MARK} and {METRICS}, found none; make one with `cargo run --example mlp`"
        ))),
        false => Ok(runs),
    }
}

const METRICS: &str = "metrics.csv";

fn past_run(folder: &Path) -> Result<PastRun, Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        let damaged = move |reason: &str| {
            let path = terminal::path(&path);
            Failure::Run(format!(
                "--runs: {path}: {reason}; move the run's folder away, or make the run again"
            ))
        };
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok((text, damaged)),
            Err(error) => Err(damaged(&error.to_string())),
        }
    };
    let (text, damaged) = read(MARK)?;
    let config: Value = serde_json::from_str(&text)
        .map_err(|error| damaged(&format!("expected a run's configuration, found {error}")))?;
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    // Copies of the training images are an option by themselves.
    let copies = format!(" with {} changed copies", config["options"]["augment"]);
    let data = text(&config["data"]["source"]);
    let mut settings = vec![("data".to_owned(), data.trim_end_matches(&copies).to_owned())];
    let mut options: Vec<_> = config["options"].as_object().into_iter().flatten().collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    options.sort_by_key(|(name, _)| place(name));
    settings.extend(
        options
            .into_iter()
            .filter(|(name, _)| !ASIDE.contains(&name.as_str()))
            .map(|(name, value)| (name.replace('_', " "), text(value))),
    );
    settings.push(("example".to_owned(), text(&config["example"])));
    settings.push(("training samples".to_owned(), text(&config["data"]["train"])));

    let (table, damaged) = read(METRICS)?;
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let measure = match head[..] {
        ["epoch", "train_loss", _, "valid_loss", last, ..] => last.strip_prefix("valid_"),
        _ => None,
    };
    let measure =
        measure.ok_or_else(|| damaged("expected columns as a run writes them, found others"))?;
    let (mut losses, mut measures) = (vec![], vec![]);
    for (number, line) in lines.enumerate() {
        let values: Option<Vec<f64>> = line.split(',').map(|value| value.parse().ok()).collect();
        let values = values.filter(|values| values.len() == head.len()).ok_or_else(|| {
            damaged(&format!(
                "line {}: expected {} numbers, found `{line}`",
                number + 2,
                head.len()
            ))
        })?;
        losses.push(values[3]);
        measures.push(values[4]);
    }
    if losses.is_empty() {
        return Err(damaged("expected an epoch, found none"));
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let page =
        folder.join("report.html").is_file().then(|| format!("./{}/report.html", encoded(&name)));
    // With patience, a run keeps the weights of its best epoch.
    let best = losses.iter().copied().enumerate().min_by(|a: &(usize, f64), b| a.1.total_cmp(&b.1));
    let kept = best.filter(|_| !config["options"]["patience"].is_null()).map(|(epoch, _)| epoch);
    let summary = RunSummary { name, page, settings, losses, measures, kept };
    Ok(PastRun { measure: measure.to_owned(), summary })
}

/// A name as it stands in a link.
fn encoded(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'-' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_in_links_lead_to_their_folder() {
        assert_eq!(super::encoded("mlp-seed42.1"), "mlp-seed42.1");
        assert_eq!(super::encoded("a b#c?d%e:ü"), "a%20b%23c%3Fd%25e%3A%C3%BC");
    }
}
