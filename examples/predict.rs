//! Which digit is this? Reads pictures with a net that was trained before.
//!
//! `cargo run --example predict -- --model runs/mlp-seed42/model.safetensors four.png`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use longhand_layers::softmax;
use longhand_mnist::Picture;
use longhand_report::in_characters;
use longhand_run::terminal::{self, print};
use longhand_run::{Failure, exit, parse};
use longhand_save::{Input, Model, Output};
use ndarray::Array2;
use serde_json::json;

/// Reads pictures of digits with a trained net: PNG files of any size, grey, coloured or
/// transparent, dark on bright or bright on dark.
#[derive(Parser)]
struct Flags {
    /// The net: the file that a run of mlp or logistic has left in its folder
    #[arg(long, value_name = "FILE", default_value = "runs/mlp-seed42/model.safetensors")]
    model: PathBuf,
    /// Print one JSON object for each picture, for programs
    #[arg(long)]
    json: bool,
    /// PNG files, or folders of such
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
}

/// A net whose likeliest class has a lower probability is said to be unsure.
const SURE: f32 = 0.6;
/// Of more pictures, none is drawn.
const DRAWN: usize = 10;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let net = Net::load(&flags.model)?;
    let pictures = all_pictures(&flags.pictures)?;
    let drawn = pictures.len() <= DRAWN;
    let (mut right, mut told, mut failed) = (0, 0, 0);
    for path in &pictures {
        let seen = match net.read(path) {
            Ok(seen) => seen,
            Err(error) if pictures.len() == 1 => return Err(Failure::Run(error.to_string())),
            Err(error) => {
                failed += 1;
                terminal::error(&error.to_string());
                continue;
            }
        };
        let text = if flags.json { net.json(path, &seen) } else { net.text(path, &seen, drawn) };
        print(&text)?;
        if let Some(class) = net.class_of_folder(path) {
            told += 1;
            right += usize::from(seen.probabilities.as_ref().is_some_and(|p| p[0].0 == class));
        }
    }
    if told == pictures.len() && told > 1 && !flags.json {
        let share = right as f64 / told as f64;
        print(&format!(
            "\n{right} of {told} pictures are read as the folder says that they are in: accuracy {share:.4}\n"
        ))?;
    }
    match failed {
        0 => Ok(()),
        _ => {
            Err(Failure::Run(format!("{failed} of {} pictures could not be read", pictures.len())))
        }
    }
}

/// The pictures that are named, those of folders by their names.
fn all_pictures(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut pictures = vec![];
    for path in named {
        if path.is_dir() {
            let before = pictures.len();
            add_folder(path, &mut pictures)?;
            if pictures.len() == before {
                let path = terminal::path(path);
                return Err(Failure::Run(format!(
                    "{path}: expected PNG pictures, found none; name another folder"
                )));
            }
        } else {
            pictures.push(path.clone());
        }
    }
    Ok(pictures)
}

fn add_folder(folder: &Path, pictures: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::Run(format!("{}: {error}", terminal::path(folder)));
    let mut entries = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    for path in entries {
        // Not links to folders, which may lead in circles.
        if path.is_dir() && !path.is_symlink() {
            add_folder(&path, pictures)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
            pictures.push(path);
        }
    }
    Ok(())
}

/// A net that reads pictures.
struct Net {
    model: Model<f32>,
    classes: Vec<String>,
    rows: usize,
    columns: usize,
    centred: bool,
}

/// What became of a picture.
struct Seen {
    /// As the net sees it.
    image: Array2<u8>,
    /// It was dark on bright.
    inverted: bool,
    /// The classes with their probabilities, the likeliest first; nothing of an empty picture.
    probabilities: Option<Vec<(usize, f32)>>,
}

impl Net {
    fn load(path: &Path) -> Result<Net, Failure> {
        let model = Model::load(path).map_err(|error| {
            let hint = match path.exists() {
                true => "",
                false => "; train one with `cargo run --example mlp`, and name the file it leaves",
            };
            Failure::Run(format!("--model: {error}{hint}"))
        })?;
        let wrong = |found: &str| {
            let path = terminal::path(path);
            Err(Failure::Run(format!(
                "--model: {path}: expected a net that classifies pictures, found one {found}"
            )))
        };
        let Input::Picture { rows, columns, centred } = model.input else {
            return wrong(
                "of other inputs; predict with `cargo run --example mlp -- --load FILE --data TABLE --epochs 0`",
            );
        };
        let Output::Classes(classes) = model.output.clone() else {
            return wrong("of other outputs");
        };
        if rows == 0 || columns == 0 || classes.is_empty() || model.widths().is_none() {
            return wrong("without pixels or classes");
        }
        Ok(Net { model, classes, rows, columns, centred })
    }

    fn read(&self, path: &Path) -> Result<Seen, longhand_mnist::Error> {
        let picture = Picture::read(path)?;
        let image = match self.centred {
            true => picture.centred(),
            false => picture.resized(self.rows, self.columns),
        };
        let inverted = picture.inverted;
        if picture.is_empty() {
            return Ok(Seen { image, inverted, probabilities: None });
        }
        let pixels = image.iter().map(|&ink| f32::from(ink) / 255.0).collect();
        let x = Array2::from_shape_vec((1, image.len()), pixels).expect("one row");
        let p = softmax(self.model.infer(&x));
        let mut order: Vec<(usize, f32)> = p.row(0).iter().copied().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Seen { image, inverted, probabilities: Some(order) })
    }

    /// The class whose name a picture's folder has.
    fn class_of_folder(&self, path: &Path) -> Option<usize> {
        let folder = path.parent()?.file_name()?.to_str()?;
        self.classes.iter().position(|class| class == folder)
    }

    fn text(&self, path: &Path, seen: &Seen, drawn: bool) -> String {
        let Seen { image, inverted, probabilities } = seen;
        let path = terminal::path(path);
        let Some(p) = probabilities else {
            return format!("{path}: empty, as ink and ground can hardly be told apart\n");
        };
        let likeliest: Vec<String> = p
            .iter()
            .take(3)
            .map(|&(class, p)| {
                format!("{} {:.1} %", terminal::text(&self.classes[class]), 100.0 * p)
            })
            .collect();
        let unsure = if p[0].1 < SURE { "unsure: " } else { "" };
        let inverted = if *inverted { " (dark on bright, inverted)" } else { "" };
        let line = format!("{path}: {unsure}{}{inverted}\n", likeliest.join(", "));
        if !drawn {
            return line;
        }
        let lines = in_characters(image);
        let (first, last) = (
            lines.iter().position(|line| !line.is_empty()).unwrap_or(0),
            lines.iter().rposition(|line| !line.is_empty()).unwrap_or(0),
        );
        let drawing: Vec<String> = lines[first..=last]
            .iter()
            .map(|line| format!("  {line}").trim_end().to_owned())
            .collect();
        format!("{line}\n{}\n\n", drawing.join("\n"))
    }

    fn json(&self, path: &Path, seen: &Seen) -> String {
        let all = seen.probabilities.iter().flatten();
        let all: BTreeMap<&str, f32> = all.map(|&(class, p)| (&*self.classes[class], p)).collect();
        let likeliest = seen.probabilities.as_ref().map(|p| p[0]);
        let likely = seen.probabilities.iter().flatten().take(3);
        let object = json!({
            "picture": path.to_string_lossy(),
            "class": likeliest.map(|(class, _)| &self.classes[class]),
            "probability": likeliest.map(|(_, p)| p),
            "likeliest": likely.map(|&(class, p)| json!({ "class": self.classes[class], "probability": p })).collect::<Vec<_>>(),
            "probabilities": all,
            "unsure": likeliest.is_none_or(|(_, p)| p < SURE),
            "empty": likeliest.is_none(),
            "inverted": seen.inverted,
        });
        format!("{object}\n")
    }
}
