//! The random id of a directory, by which an owner recognizes its own log.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::entry::Id;
use crate::log_error::{LogError, LogErrorKind};

/// A random id.
pub(crate) fn random_id() -> Result<Id, LogError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| {
        LogError::new(LogErrorKind::Refused, format!("the operating system provides no random bytes: {error}"))
    })?;
    Ok(id)
}

/// The directory in an image for the ids of owners.
pub(crate) const DIRECTORY: &str = "replication";

/// The id under which the image in `directory` has claimed the log; `None` if it never has.
pub(crate) fn read(directory: &Path, log_id: &Id) -> io::Result<Option<Id>> {
    match fs::read_to_string(path(directory, log_id)) {
        Ok(text) => Ok(parse(text.trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Records the id under which the image in `directory` claims the log. On disk when this function returns.
pub(crate) fn write(directory: &Path, log_id: &Id, owner: &Id) -> io::Result<()> {
    let path = path(directory, log_id);
    let dir = create_directory(directory)?;
    let temporary = path.with_extension("tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(format!("{}\n", hex(owner)).as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    fs::File::open(dir)?.sync_all()
}

/// The directory for the ids of owners in that of an image. Creates it if it does not exist.
pub(crate) fn create_directory(directory: &Path) -> io::Result<PathBuf> {
    let dir = directory.join(DIRECTORY);
    if !dir.exists() {
        fs::create_dir(&dir)?;
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(dir)
}

fn path(directory: &Path, log_id: &Id) -> PathBuf {
    directory.join(DIRECTORY).join(hex(log_id))
}

/// An id as hexadecimal digits.
pub(crate) fn hex(id: &Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse(text: &str) -> Option<Id> {
    let mut id = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(id)
}
