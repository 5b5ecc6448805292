use std::path::Path;

use longhand_mnist::{Dataset, Download, Name};

use crate::terminal::BottomLine;

/// Opens what `--data` names: `mnist`, `fashion-mnist` or `kmnist`, unless there is a folder of
/// that name; or whatever [`Dataset::open`] reads. Without it, the digits inside the program.
///
/// # Errors
/// There is nothing of the kind, or it is damaged; the message says what was expected and what was
/// found.
pub fn open(data: Option<&Path>) -> Result<Dataset, String> {
    let Some(path) = data else { return Ok(Dataset::embedded()) };
    let name = path.to_str().and_then(|text| text.parse::<Name>().ok());
    let opened = match name {
        Some(name) if !path.exists() => download(name),
        _ => Dataset::open(path),
    };
    opened.map_err(|error| match path.exists() || name.is_some() {
        true => format!("--data: {error}"),
        false => format!("--data: {error}, or mnist, fashion-mnist or kmnist to download it"),
    })
}

/// Downloads what is not in the cache, with progress where standard error is a terminal.
fn download(name: Name) -> Result<Dataset, longhand_mnist::Error> {
    let line = BottomLine::new(true);
    Download::new(name).run(&mut |progress| line.show(&progress.to_string()))
}
