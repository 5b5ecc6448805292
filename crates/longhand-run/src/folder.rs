//! The folder of a run. It is written beside its place under another name, and put there when it is
//! complete. A run that is there already is moved aside, not overwritten: the plain name is always
//! that of the latest run.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::{Failure, terminal};

/// Every run has this file: a folder without it is no run's.
const MARK: &str = "config.json";

/// A folder that is being filled.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    /// Where files are until the run is complete.
    unfinished: PathBuf,
    /// The target is somebody's folder, which is kept: files are moved into it.
    into: bool,
}

impl RunFolder {
    /// Begins a run's folder, in which files of these names will be written, and `config.json`.
    ///
    /// # Errors
    /// The target is a file, or a folder that is no run's and has files of these names; or nothing
    /// can be written there.
    pub fn create(target: &Path, names: &[&str]) -> Result<RunFolder, Failure> {
        let failed = |error: io::Error| Failure::write(target, &error);
        let target = &plain(target);
        if target.is_symlink() && !target.exists() {
            return Err(Failure::write(target, &"expected a folder, found a link to nothing"));
        }
        if target.exists() && !target.is_dir() {
            return Err(Failure::write(target, &"expected a folder, found a file"));
        }
        let into = target.is_dir() && !target.join(MARK).is_file();
        if into && let Some(taken) = names.iter().chain([&MARK]).find(|n| target.join(n).exists()) {
            return Err(Failure::write(
                &target.join(taken),
                &"it is there already, in a folder that is no run's",
            ));
        }
        let (beside, name) = if into {
            (target.to_owned(), OsString::new())
        } else {
            let full = std::path::absolute(target).map_err(failed)?;
            let here = std::env::current_dir().unwrap_or_default();
            let (Some(parent), Some(name)) = (full.parent(), full.file_name()) else {
                return Err(Failure::write(target, &"expected a folder inside another one"));
            };
            if full.is_dir() && fs::canonicalize(&full).is_ok_and(|full| here.starts_with(full)) {
                return Err(Failure::write(
                    target,
                    &"a run is there already, and this folder is in use",
                ));
            }
            fs::create_dir_all(parent).map_err(failed)?;
            // As it was asked for, so that messages show it in the same way.
            (target.parent().map(Path::to_owned).unwrap_or_default(), name.to_owned())
        };
        for attempt in 0.. {
            let mut unfinished = name.clone();
            unfinished.push(if name.is_empty() { "unfinished-" } else { ".unfinished-" });
            unfinished.push(std::process::id().to_string());
            if attempt > 0 {
                unfinished.push(format!("-{attempt}"));
            }
            let unfinished = beside.join(unfinished);
            match fs::create_dir(&unfinished) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
                Ok(()) => return Ok(RunFolder { target: target.to_owned(), unfinished, into }),
            }
        }
        unreachable!("some name is free")
    }

    /// Where the files will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Begins a file that is written in several parts.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&self, name: &str) -> Result<Appended, Failure> {
        let path = self.unfinished.join(name);
        let file = File::create(&path).map_err(|error| Failure::write(&path, &error))?;
        Ok(Appended { path, file, length: 0 })
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
        write_whole(&self.unfinished.join(name), contents)
    }

    /// Puts the folder in its place. A run that is there is moved aside, to the same name with a
    /// number.
    ///
    /// # Errors
    /// It cannot be put there; it stays under its other name, which the message says.
    pub fn publish(self) -> Result<PathBuf, Failure> {
        let (from, to) = (&self.unfinished, &self.target);
        let failed = |error: io::Error| {
            let (from, to) = (terminal::path(from), terminal::path(to));
            Failure::Run(format!(
                "cannot move {from} to {to}: {error}; the run's files are in {from}"
            ))
        };
        if self.into {
            for entry in fs::read_dir(from).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                fs::rename(entry.path(), to.join(entry.file_name())).map_err(failed)?;
            }
            fs::remove_dir(from).map_err(failed)?;
            return Ok(self.target.clone());
        }
        loop {
            match fs::rename(from, to) {
                Ok(()) => return Ok(self.target.clone()),
                Err(_) if to.exists() => move_aside(to).map_err(failed)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// Nothing was written: nothing is left.
impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.unfinished); // which only removes an empty folder
    }
}

/// The path without a slash at its end and without a folder that is left again by `..`. Of a link,
/// the folder that it leads to.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let inside = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && inside {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    if plain.as_os_str().is_empty() {
        plain.push(".");
    }
    match plain.is_symlink() {
        true => fs::canonicalize(&plain).unwrap_or(plain),
        false => plain,
    }
}

fn move_aside(folder: &Path) -> io::Result<()> {
    for number in 1.. {
        let mut name = folder.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let free = Path::new(&name);
        if free.exists() {
            continue;
        }
        match fs::rename(folder, free) {
            Err(_) if free.exists() => {} // somebody else took the name
            other => return other,
        }
    }
    Ok(())
}

/// Writes a file beside its place and renames it: it is never there in part.
///
/// # Errors
/// It cannot be written; what was there before is there still.
pub fn write_whole(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(contents.as_ref()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Failure::write(path, &error)
    })
}

/// A file that grows by whole lines.
#[derive(Debug)]
pub struct Appended {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Appended {
    /// Adds a line. One that cannot be written whole is not left in part.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| {
            let _ = self.file.set_len(self.length);
            Failure::write(&self.path, &error)
        })?;
        self.length += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(target: &Path, text: &str) -> PathBuf {
        let folder = RunFolder::create(target, &["a.txt"]).unwrap();
        folder.write(MARK, "{}").unwrap();
        folder.write("a.txt", text).unwrap();
        folder.publish().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn no_run_is_overwritten_and_the_plain_name_is_the_latest() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("runs/mlp");
        for text in ["first", "second", "third"] {
            assert_eq!(run(&target, text), target);
        }
        assert_eq!(names(&root.path().join("runs")), ["mlp", "mlp.1", "mlp.2"]);
        let text = |name: &str| {
            fs::read_to_string(root.path().join("runs").join(name).join("a.txt")).unwrap()
        };
        assert_eq!([text("mlp.1"), text("mlp.2"), text("mlp")], ["first", "second", "third"]);
    }

    #[test]
    fn a_slash_at_the_end_dots_and_links_are_no_other_folders() {
        let root = tempfile::tempdir().unwrap();
        let here = fs::canonicalize(root.path()).unwrap();
        assert_eq!(run(&here.join("o/"), "first"), here.join("o"));
        assert_eq!(run(&here.join("o/./"), "second"), here.join("o"));
        assert_eq!(run(&here.join("p/new/../../o"), "third"), here.join("o"));
        assert_eq!(names(&here), ["o", "o.1", "o.2"]);
        assert_eq!(plain(Path::new("../a/../../b/")), Path::new("../../b"));
        fs::write(here.join("file"), "").unwrap();
        assert!(RunFolder::create(&here.join("file/"), &[]).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(here.join("o"), here.join("link")).unwrap();
            assert_eq!(run(&here.join("link"), "fourth"), here.join("o"));
            assert!(here.join("link").is_symlink() && here.join("o.3").is_dir());
            std::os::unix::fs::symlink("nothing", here.join("dangling")).unwrap();
            assert!(RunFolder::create(&here.join("dangling/"), &[]).is_err());
        }
    }

    #[test]
    fn two_at_once_do_not_meet() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("o");
        let folders = ["one", "two"].map(|text| {
            let folder = RunFolder::create(&target, &["a.txt"]).unwrap();
            folder.write(MARK, "{}").unwrap();
            folder.write("a.txt", text).unwrap();
            folder
        });
        assert!(!target.exists(), "nothing is there before a run is complete");
        for folder in folders {
            folder.publish().unwrap();
        }
        assert_eq!(names(root.path()), ["o", "o.1"]);
        assert_eq!(fs::read_to_string(target.join("a.txt")).unwrap(), "two");
        assert_eq!(fs::read_to_string(root.path().join("o.1/a.txt")).unwrap(), "one");
    }

    #[test]
    fn somebody_elses_folder_is_kept_and_nothing_in_it_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("letter"), "mine").unwrap();
        run(root.path(), "run");
        assert_eq!(names(root.path()), ["a.txt", "config.json", "letter"]);

        let other = root.path().join("other");
        fs::create_dir_all(other.join("a.txt")).unwrap();
        let refused = RunFolder::create(&other, &["a.txt"]).unwrap_err().to_string();
        assert!(
            refused.starts_with("cannot write ") && refused.contains("other/a.txt: it is there"),
            "{refused}"
        );
        assert_eq!(names(&other), ["a.txt"]);
        let file = root.path().join("letter");
        for target in [file.clone(), file.join("below")] {
            assert!(RunFolder::create(&target, &[]).is_err());
        }
        assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_whole_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&root.path().join("o"), &[]).unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.unfinished.join("a.txt.part")).unwrap();
        assert!(folder.write("a.txt", "text").unwrap_err().to_string().contains("a.txt: No space"));
        assert_eq!(names(&folder.unfinished), [""; 0]);
        drop(folder);
        assert_eq!(names(root.path()), [""; 0]);
    }
}
