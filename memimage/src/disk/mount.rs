//! Finds out whether a path is on a network file system, whose locks and syncs guarantee less than those of a local file
//! system.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The Linux names of file system types that several machines can share, or whose syncs may depend on another machine.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "fuse.curlftpfs",
    "fuse.davfs2",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.grpcfuse",
    "fuse.juicefs",
    "fuse.mfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncp",
    "ncpfs",
    "nfs",
    "nfs3",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb2",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// See [`Disk::network_filesystem`](super::Disk::network_filesystem). Works on Linux only, because the standard library has no
/// function that returns the type. On systems other than Linux, every file system counts as local.
pub(super) fn network_filesystem(path: &Path) -> io::Result<Option<String>> {
    let path = nearest_existing(path)?;
    // An image must also open on a system that does not show its mounts, such as a container without /proc.
    let Ok(mountinfo) = std::fs::read("/proc/self/mountinfo") else { return Ok(None) };
    Ok(filesystem_of(&mountinfo, &path).filter(|name| NETWORK.contains(&name.as_str())))
}

/// See [`Disk::is_within`](super::Disk::is_within).
pub(super) fn is_within(path: &Path, dir: &Path) -> io::Result<bool> {
    Ok(nearest_existing(path)?.starts_with(here_if_empty(dir).canonicalize()?))
}

/// The canonical path of `path`, or of its closest parent directory that exists.
fn nearest_existing(path: &Path) -> io::Result<PathBuf> {
    let mut candidate = path;
    loop {
        match here_if_empty(candidate).canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match candidate.parent() {
                Some(parent) => candidate = parent,
                None => return Err(error),
            },
            found => return found,
        }
    }
}

/// The file system type of an absolute, canonical path, according to the text of `mountinfo` (proc_pid_mountinfo(5)).
fn filesystem_of(mountinfo: &[u8], path: &Path) -> Option<String> {
    mountinfo
        .split(|&byte| byte == b'\n')
        .filter_map(Mount::parse)
        .filter(|mount| path.starts_with(&mount.point))
        // `max_by_key` returns the last of equal elements: a later mount on the same point hides an earlier one.
        .max_by_key(|mount| mount.point.components().count())
        .map(|mount| mount.filesystem)
}

#[derive(Debug)]
struct Mount {
    point: PathBuf,
    filesystem: String,
}

impl Mount {
    /// Parses a line such as `36 35 98:0 /root /mount\040point rw,noatime shared:1 - ext3 /dev/root rw,errors=continue`, which
    /// has any number of optional fields before the hyphen.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let point = unescape(fields.nth(4)?);
        let filesystem = fields.skip_while(|&field| field != b"-").nth(1)?;
        Some(Self {
            point: PathBuf::from(OsStr::from_bytes(&point)),
            filesystem: String::from_utf8_lossy(&unescape(filesystem)).into_owned(),
        })
    }
}

/// Decodes a field of `mountinfo`, which encodes each space, tab, newline and backslash as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        match (first, octal(after)) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

fn octal(text: &[u8]) -> Option<u8> {
    text.get(..3)?.iter().try_fold(0_u8, |value, &digit| {
        matches!(digit, b'0'..=b'7').then(|| value.checked_mul(8)?.checked_add(digit - b'0')).flatten()
    })
}

/// Replaces the empty path by `.`: the parent of a bare file name is empty, and system calls do not accept an empty path.
pub(super) fn here_if_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:50 / /srv rw,relatime shared:2 master:7 - nfs4 server:/export rw,vers=4.2
41 40 253:1 / /srv/local rw,relatime - xfs /dev/vdb rw
42 27 0:51 / /mnt/team\\040drive\\134x rw - cifs //server/share rw
43 27 0:52 / /mnt/\\303\\244 rw - fuse.sshfs me@server: rw
44 27 253:2 / /over rw - ext4 /dev/vdc rw
45 44 0:53 / /over rw - nfs server:/over rw
a line in an unknown format
46 27 0:54 / /short rw
";

    fn at(path: &str) -> String {
        filesystem_of(MOUNTS, Path::new(path)).unwrap()
    }

    #[test]
    fn the_longest_mount_point_above_a_path_is_used() {
        assert_eq!(at("/"), "ext4");
        assert_eq!(at("/home/me/bank.image"), "ext4");
        assert_eq!(at("/srv/bank.image"), "nfs4");
        assert_eq!(at("/srv/local/bank.image"), "xfs");
    }

    #[test]
    fn a_mount_point_is_compared_by_whole_names() {
        assert_eq!(at("/srv2/bank.image"), "ext4");
    }

    #[test]
    fn optional_fields_are_skipped() {
        assert_eq!(at("/srv"), "nfs4");
        assert_eq!(at("/proc/1"), "proc");
    }

    #[test]
    fn octal_escapes_are_decoded() {
        assert_eq!(at("/mnt/team drive\\x/image"), "cifs");
        assert_eq!(at("/mnt/ä/image"), "fuse.sshfs");
        assert_eq!(unescape(b"a\\040b\\134\\011c"), b"a b\\\tc");
    }

    #[test]
    fn invalid_escapes_are_kept() {
        for field in [&b"\\"[..], b"\\0", b"\\04", b"\\089", b"\\777", b"a\\nb"] {
            assert_eq!(unescape(field), field);
        }
    }

    #[test]
    fn the_later_of_two_mounts_on_one_point_hides_the_earlier() {
        assert_eq!(at("/over/image"), "nfs");
    }

    #[test]
    fn without_mounts_the_type_is_unknown() {
        assert_eq!(filesystem_of(b"", Path::new("/")), None);
    }

    #[test]
    fn a_missing_path_is_resolved_to_its_nearest_existing_parent() {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().canonicalize().unwrap();
        assert_eq!(nearest_existing(&dir.path().join("a/b/c")).unwrap(), above);
        assert_eq!(nearest_existing(dir.path()).unwrap(), above);
        assert_eq!(nearest_existing(Path::new("no such thing")).unwrap(), Path::new(".").canonicalize().unwrap());
    }

    #[test]
    fn the_network_types_are_sorted() {
        assert!(NETWORK.is_sorted());
    }
}
