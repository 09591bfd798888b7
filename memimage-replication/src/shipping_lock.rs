//! The lock of whoever ships a directory to a log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::Path;

use memimage::{Error, ErrorKind};

use crate::entry::Id;
use crate::failure::{failure, id_failed};
use crate::log::Log;
use crate::owner_id;

/// Held by the program or the sidecar that ships the journal in a directory to a log, from before its claim to the end of its shipping.
///
/// Both have the same directory, and so the same id: the log cannot tell them apart, and the claim of one would fence the other. The lock
/// of the image does not help, because a sidecar ships beside the program that holds it. This lock ends with its process. The file stays:
/// removing it would let two processes lock different files of one name.
#[derive(Debug)]
pub(crate) struct ShippingLock {
    _file: File,
}

impl ShippingLock {
    /// Takes the lock of the directory `path` for the log with this id.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Locked`] that names the process that ships already, if there is one.
    pub(crate) fn acquire(log: &Log, path: &Path, log_id: &Id) -> Result<ShippingLock, Error> {
        let name = owner_id::create_directory(path)
            .map(|directory| directory.join(format!("{}.lock", owner_id::hex(log_id))))
            .map_err(|error| id_failed(path, &error))?;
        match lock(&name, &log.settings.name) {
            Ok(file) => Ok(ShippingLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(locked(log, path, &name)),
            Err(TryLockError::Error(error)) => Err(id_failed(path, &error)),
        }
    }
}

/// Locks the file, and writes into it who has locked it.
fn lock(name: &Path, owner: &str) -> Result<File, TryLockError> {
    let mut file =
        OpenOptions::new().create(true).truncate(false).write(true).open(name).map_err(TryLockError::Error)?;
    file.try_lock()?;
    write_owner(&mut file, owner).map_err(TryLockError::Error)?;
    Ok(file)
}

fn write_owner(file: &mut File, owner: &str) -> io::Result<()> {
    let text = format!("process {} (`{owner}`)\n", std::process::id());
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The error for a directory that somebody ships already.
fn locked(log: &Log, path: &Path, name: &Path) -> Error {
    // the process that has just locked the file may not have written its name yet
    let text = fs::read_to_string(name).unwrap_or_default();
    let owner = text.lines().next().filter(|line| !line.is_empty()).unwrap_or("another process");
    failure(
        ErrorKind::Locked,
        format!(
            "the image in `{}` is shipped to `{}` already, by {owner}; nothing was changed; `take_over` does not apply, because the log \
             belongs to this directory; help: a program that replicates needs no sidecar; to ship by another process, end that one first",
            path.display(),
            log.address()
        ),
    )
}
