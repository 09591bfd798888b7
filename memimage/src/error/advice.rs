//! The help for errors of the operating system.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// The help for an error of the operating system; empty if the error's kind suggests no help.
pub(super) fn advice(error: &io::Error) -> Cow<'static, str> {
    let code = error.raw_os_error();
    if code == Some(Errno::MFILE.raw_os_error()) {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.map_or_else(|| "no more".to_owned(), |limit| format!("at most {limit}"));
        return format!("; this process may have {limit} open files; help: raise this limit (`ulimit -n`): {HANDLES}")
            .into();
    }
    if code == Some(Errno::NFILE.raw_os_error()) {
        return format!("; help: raise the system's limit of open files (`sysctl fs.file-max`): {HANDLES}").into();
    }
    let help = match error.kind() {
        io::ErrorKind::NotFound => "; help: check the path, or create its parent directory first",
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => "; help: check the path",
        io::ErrorKind::PermissionDenied => {
            "; help: give the user of this process permission to read and write the image's directory and files"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; help: put the image on a writable file system",
        // no other call of this library fails in this way
        io::ErrorKind::WouldBlock => {
            "; help: raise the limit of threads (`ulimit -u`, `pids.max`), or end other threads"
        }
        _ => "",
    };
    help.into()
}

/// How many open files an image needs, for the help of an error.
const HANDLES: &str = "each open image needs 2 files at rest, and up to 6 while it opens, writes or makes a snapshot";
