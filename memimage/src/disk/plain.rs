//! Opens regular files only: a path inside an image never leads out of the image, or to a pipe or a device.
//!
//! The entry at a path can be replaced between its inspection and the open call. Therefore the open call does not follow links
//! and does not wait for pipes, and the open file is inspected again. Links in parent directories are followed, since an image
//! may be reached through a link. Opening an image checks that none of the image's own directories is a link.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::FileType;

/// The mode of every new file: only the owner has access, since a journal contains all data that the program received.
pub(super) const FILE_MODE: u32 = 0o600;
/// The mode of every new directory.
pub(super) const DIR_MODE: u32 = 0o700;

/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o777;

/// How many names (hard links) a file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Exactly one, the name by which the file is opened. If the file had another name, a write would also change the content
    /// under that name: somebody may have created the link to redirect the write, or may keep the other name as an unchanged
    /// copy.
    One,
    /// Any number of names. Reading changes nothing, and a backup may keep a second link to a finished segment or snapshot,
    /// because such a file never changes again.
    Any,
}

/// The cause inside the [`io::Error`] about an entry that is not a regular file with one name: a description of the entry.
#[derive(Debug)]
pub(crate) struct NotPlain(pub(crate) &'static str);

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is {}", self.0)
    }
}

impl std::error::Error for NotPlain {}

/// Opens the regular file at `path`. If this call creates the file, the file gets the mode [`FILE_MODE`].
pub(super) fn open(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    let is_new = match fs::symlink_metadata(path) {
        Ok(metadata) => check_is_plain(&metadata, links).map(|()| false)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    check_is_plain(&file.metadata()?, links)?;
    if is_new {
        set_file_mode(&file)?;
    }
    Ok(file)
}

/// Sets the mode of a new file: the process's umask may have removed bits from the mode given when the file was created.
pub(super) fn set_file_mode(file: &File) -> io::Result<()> {
    set_mode(&file.metadata()?, FILE_MODE, |permissions| file.set_permissions(permissions))
}

/// Sets the mode of a new directory.
pub(super) fn set_dir_mode(path: &Path) -> io::Result<()> {
    // sets the mode by path, because the umask may leave a directory without permissions, which cannot be opened
    set_mode(&fs::symlink_metadata(path)?, DIR_MODE, |permissions| fs::set_permissions(path, permissions))
}

fn set_mode(metadata: &Metadata, mode: u32, set: impl FnOnce(Permissions) -> io::Result<()>) -> io::Result<()> {
    let found = metadata.mode();
    if found & PERMISSIONS == mode {
        return Ok(());
    }
    // keeps the set-group-ID bit, which a directory may have inherited from its parent
    match set(Permissions::from_mode(found & !PERMISSIONS & 0o7777 | mode)) {
        // file systems without modes, such as FAT, refuse to set a mode; opening the image reports that other users can change
        // its files
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => Ok(()),
        set => set,
    }
}

fn check_is_plain(metadata: &Metadata, links: Links) -> io::Result<()> {
    let found = match file_type_of(metadata.file_type()) {
        // the operating system returns the same error if a directory is opened for writing
        FileType::Dir => return Err(io::ErrorKind::IsADirectory.into()),
        FileType::File if metadata.nlink() <= 1 || links == Links::Any => return Ok(()),
        FileType::File => "a file with more than one name (a hard link)",
        other => other.as_str(),
    };
    Err(io::Error::other(NotPlain(found)))
}

pub(super) fn file_type_of(file_type: fs::FileType) -> FileType {
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

    use rustix::io::Errno;

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
        // if a link replaces the file after the inspection, the open call refuses the link only because of `O_NOFOLLOW`
        let swapped =
            OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&link).unwrap_err();
        assert_eq!(swapped.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
    }

    #[test]
    fn a_file_with_two_names_can_be_read_but_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let [file, other] = ["file", "other"].map(|name| dir.path().join(name));
        fs::write(&file, "elsewhere").unwrap();
        fs::hard_link(&file, &other).unwrap();
        assert_eq!(refusal(&file, Links::One), "it is a file with more than one name (a hard link)");
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
    fn setting_permissions_keeps_the_special_mode_bits() {
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
