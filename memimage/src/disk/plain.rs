//! Regular files and nothing else: a path inside an image never leads out of it, nor to a pipe or a device.
//!
//! What is looked at by its path before it is opened might be another thing by then, so it is opened in such a way that
//! no link is followed and no pipe waited for, and looked at again. Links *on the way* are followed, since an image may
//! be reached by one; that none of its own directories is one is seen to when it is opened.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::FileType;

/// The mode of every file: its owner's alone, since a journal holds whatever the program was told.
pub(super) const FILE_MODE: u32 = 0o600;
/// The mode of every directory.
pub(super) const DIR_MODE: u32 = 0o700;

/// The bits of a mode that say who may do what.
const PERMISSIONS: u32 = 0o777;

/// How many names a file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Only the one it is opened by. What is written to it would be written to a file elsewhere too: one that was linked
    /// to here on purpose, or a copy that was meant to stay as it is.
    One,
    /// Any number. Reading changes nothing, and a finished segment or snapshot, which never changes again, may well be
    /// kept a second time by a link.
    Any,
}

/// Inside an [`io::Error`]: something stands where a regular file of one name belongs, and what.
#[derive(Debug)]
pub(crate) struct NotPlain(pub(crate) &'static str);

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is {}", self.0)
    }
}

impl std::error::Error for NotPlain {}

/// Opens the regular file that stands at `path` itself. If `options` say that it is to be created where nothing is, it
/// gets the mode of an image's file.
pub(super) fn open(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    let is_new = match fs::symlink_metadata(path) {
        Ok(metadata) => refuse_strange(&metadata, links).map(|()| false)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    refuse_strange(&file.metadata()?, links)?;
    if is_new {
        set_file_mode(&file)?;
    }
    Ok(file)
}

/// Gives a file that was just created its mode: the process's umask may have taken bits from what it was created with.
pub(super) fn set_file_mode(file: &File) -> io::Result<()> {
    set_mode(&file.metadata()?, FILE_MODE, |permissions| file.set_permissions(permissions))
}

/// Gives a directory that was just created its mode.
pub(super) fn set_dir_mode(path: &Path) -> io::Result<()> {
    // by its path, since one that the umask left without permissions cannot be opened
    set_mode(&fs::symlink_metadata(path)?, DIR_MODE, |permissions| fs::set_permissions(path, permissions))
}

fn set_mode(metadata: &Metadata, mode: u32, set: impl FnOnce(Permissions) -> io::Result<()>) -> io::Result<()> {
    let found = metadata.mode();
    if found & PERMISSIONS == mode {
        return Ok(());
    }
    // what a directory hands on to those in it (set-group-ID) stays
    match set(Permissions::from_mode(found & !PERMISSIONS & 0o7777 | mode)) {
        // a file system without modes, such as FAT; that others may change what is there is reported when it is opened
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => Ok(()),
        set => set,
    }
}

fn refuse_strange(metadata: &Metadata, links: Links) -> io::Result<()> {
    let strange = match kind_of(metadata.file_type()) {
        // as an attempt to open it for writing says
        FileType::Dir => return Err(io::ErrorKind::IsADirectory.into()),
        FileType::File if metadata.nlink() <= 1 || links == Links::Any => return Ok(()),
        FileType::File => "a file that has another name too (a hard link)",
        other => other.as_str(),
    };
    Err(io::Error::other(NotPlain(strange)))
}

pub(super) fn kind_of(file_type: fs::FileType) -> FileType {
    if file_type.is_file() {
        FileType::File
    } else if file_type.is_dir() {
        FileType::Dir
    } else if file_type.is_symlink() {
        FileType::Link
    } else {
        FileType::Other
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn refusal(path: &Path, links: Links) -> String {
        open(path, OpenOptions::new().read(true).write(links == Links::One), links).unwrap_err().to_string()
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let [file, link, dangling] = ["file", "link", "dangling"].map(|name| dir.path().join(name));
        fs::write(&file, "elsewhere").unwrap();
        symlink(&file, &link).unwrap();
        symlink(dir.path().join("nothing"), &dangling).unwrap();
        for links in [Links::One, Links::Any] {
            assert_eq!(refusal(&link, links), "it is a symbolic link");
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        assert_eq!(open(&dangling, &mut options, Links::One).unwrap_err().to_string(), "it is a symbolic link");
        assert!(!dir.path().join("nothing").exists());
        // also if it comes there after the look: the flag alone refuses it
        let swapped = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&link).unwrap_err();
        assert_eq!(swapped.raw_os_error(), Some(libc::ELOOP));
    }

    #[test]
    fn a_file_of_two_names_is_read_and_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let [file, other] = ["file", "other"].map(|name| dir.path().join(name));
        fs::write(&file, "elsewhere").unwrap();
        fs::hard_link(&file, &other).unwrap();
        assert_eq!(refusal(&file, Links::One), "it is a file that has another name too (a hard link)");
        open(&file, OpenOptions::new().read(true), Links::Any).unwrap();
        fs::remove_file(&other).unwrap();
        open(&file, OpenOptions::new().read(true).write(true), Links::One).unwrap();
    }

    #[test]
    fn sockets_and_devices_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [&socket, Path::new("/dev/null")] {
            assert_eq!(refusal(path, Links::Any), "it is a pipe, a socket or a device");
        }
    }

    #[test]
    fn a_mode_is_set_and_what_is_beside_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("below");
        fs::create_dir(&path).unwrap();
        for (before, after) in [(0o000, 0o700), (0o755, 0o700), (0o2777, 0o2700), (0o1700, 0o1700)] {
            fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            set_dir_mode(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, after, "{before:o}");
        }
    }
}
