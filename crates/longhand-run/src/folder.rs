//! The folder of a run. It is written beside its place under another name, and put there when it is
//! complete. A run that is there already is moved aside, not overwritten: the plain name is always
//! that of the latest run.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::{Failure, terminal};

/// Every run has this file: a folder without it is no run's.
pub(crate) const MARK: &str = "config.json";

/// What a run is taken up again from.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

/// What stands between the name of a run and a number, while it is not complete.
const UNFINISHED: &str = "unfinished-";

/// A folder that is being filled.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    /// Where files are until the run is complete.
    unfinished: PathBuf,
    /// The target is somebody's folder, which is kept: files are moved into it.
    into: bool,
    /// Held as long as this program writes there.
    _lock: Option<File>,
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
            unfinished.push(if name.is_empty() { "" } else { "." });
            unfinished.push(format!("{UNFINISHED}{}", std::process::id()));
            if attempt > 0 {
                unfinished.push(format!("-{attempt}"));
            }
            let unfinished = beside.join(unfinished);
            match fs::create_dir(&unfinished) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
                Ok(()) => {
                    let target = target.to_owned();
                    let lock = lock(&unfinished).unwrap_or_default();
                    return Ok(RunFolder { target, unfinished, into, _lock: lock });
                }
            }
        }
        unreachable!("some name is free")
    }

    /// Takes up the folder of a run that was interrupted. Of a complete run, a new folder is begun,
    /// which will be put in its place.
    ///
    /// # Errors
    /// Another program is writing there, or nothing can be written.
    pub(crate) fn resume(folder: &Path, names: &[&str]) -> Result<RunFolder, Failure> {
        let folder = plain(folder);
        let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let Some(at) = unfinished_at(name) else {
            return RunFolder::create(&folder, names);
        };
        let busy = |()| {
            let folder = terminal::path(&folder);
            Failure::Run(format!(
                "--resume: {folder}: expected a run that has been interrupted, found one that goes on; wait for its end"
            ))
        };
        let lock = lock(&folder).map_err(busy)?;
        // What a killed program has left of a file it was writing.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains(".part-") {
                let _ = fs::remove_file(entry.path());
            }
        }
        let (target, into) = match at {
            0 => (folder.parent().map(Path::to_owned).unwrap_or_default(), true),
            _ => (folder.with_file_name(&name[..at - 1]), false),
        };
        let target = if target.as_os_str().is_empty() { PathBuf::from(".") } else { target };
        Ok(RunFolder { target, unfinished: folder, into, _lock: lock })
    }

    /// Takes away a folder that was begun in vain, with files of these names. That of a run that was
    /// interrupted stays.
    pub(crate) fn discard(self, names: &[&str]) {
        if !self.unfinished(CHECKPOINT).exists() {
            for name in names {
                let _ = fs::remove_file(self.unfinished(name));
            }
        }
    }

    /// Where the files will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where a file is until the run is complete.
    pub(crate) fn unfinished(&self, name: &str) -> PathBuf {
        self.unfinished.join(name)
    }

    /// Where the files are until the run is complete.
    pub(crate) fn unfinished_folder(&self) -> &Path {
        &self.unfinished
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

/// Where in the name of a folder it is said that a run is not complete, as `create` makes such names: with the number
/// of a program behind.
fn unfinished_at(name: &str) -> Option<usize> {
    let is_made = |&at: &usize| {
        let number = &name[at + UNFINISHED.len()..];
        (at == 0 || name[..at].ends_with('.')) && number.starts_with(|c: char| c.is_ascii_digit())
    };
    name.rfind(UNFINISHED).filter(is_made)
}

/// Whether a folder of this name is that of a run that is not complete.
pub(crate) fn is_unfinished(name: &str) -> bool {
    unfinished_at(name).is_some()
}

/// Claims a folder for this program, until it ends. Fails where another one has it; where folders
/// cannot be locked, nothing is claimed.
fn lock(folder: &Path) -> Result<Option<File>, ()> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(()),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The folder with the checkpoint that is meant by a name: itself, or the latest of those that were
/// to have this name.
pub(crate) fn find(folder: &Path) -> Result<PathBuf, Failure> {
    let target = plain(folder);
    let (place, start) = match target.file_name() {
        Some(name) => (target.parent(), format!("{}.{UNFINISHED}", name.to_string_lossy())),
        None => (None, String::new()),
    };
    let place = place.filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = |folder: &Path, start: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(start));
        let inside = |entry: fs::DirEntry| match folder == Path::new(".") {
            true => PathBuf::from(entry.file_name()),
            false => entry.path(),
        };
        named.map(inside).collect()
    };
    let own = vec![folder.to_owned()];
    let mut all = [own, named(place, &start), named(&target, UNFINISHED)].concat();
    all.retain(|path| path.join(CHECKPOINT).is_file());
    let written = |path: &PathBuf| path.join(CHECKPOINT).metadata().and_then(|m| m.modified()).ok();
    all.into_iter().max_by_key(written).ok_or_else(|| {
        let shown = terminal::path(folder);
        Failure::Run(format!(
            "--resume: {shown}: expected the folder of a run with {CHECKPOINT}, found none; name the one that the run has named when it \
             was interrupted"
        ))
    })
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
    longhand_save::write_whole(path, contents.as_ref())
        .map_err(|error| Failure::write(path, &error))
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
        std::os::unix::fs::symlink(
            "/dev/full",
            folder.unfinished.join(format!("a.txt.part-{}", std::process::id())),
        )
        .unwrap();
        assert!(folder.write("a.txt", "text").unwrap_err().to_string().contains("a.txt: No space"));
        assert_eq!(names(&folder.unfinished), [""; 0]);
        drop(folder);
        assert_eq!(names(root.path()), [""; 0]);
    }
}
