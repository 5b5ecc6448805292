use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file beside its place and renames it: at every moment it is there as it was, or as it
/// shall be. What a killed program leaves is a file called `NAME.part-PID`.
///
/// # Errors
/// It cannot be written; what was there before is there still.
pub fn write_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".part-{}", std::process::id()));
    let beside = Path::new(&beside);
    let written = File::create(beside)
        // To the disk before it gets its name: a disk may be found full only then.
        .and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        let _ = fs::remove_file(beside);
    }
    written
}
