//! Finds out whether users other than the user of this process can change a file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const ROOT: u32 = 0;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// See [`Disk::exposed`](super::Disk::exposed).
pub(super) fn exposed(path: &Path) -> io::Result<Option<String>> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(exposure(metadata.mode(), metadata.uid(), effective_user()))
}

fn exposure(mode: u32, owner: u32, user: Option<u32>) -> Option<String> {
    let other_than_owner = user.filter(|&user| owner != user && owner != ROOT);
    if let Some(user) = other_than_owner {
        return Some(format!("belongs to user {owner}, and this process runs as user {user}"));
    }
    let writers = match (mode & OTHERS_WRITE, mode & GROUP_WRITES) {
        (0, 0) => return None,
        (0, _) => "its group",
        _ => "every user",
    };
    Some(format!("can be written by {writers} (mode {:04o})", mode & 0o7777))
}

/// The effective user id of this process; `None` except on Linux, because the standard library has no function for it.
fn effective_user() -> Option<u32> {
    user_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The effective user id in the text of `/proc/self/status`: the second id of `Uid: real effective saved filesystem`
/// (proc_pid_status(5)).
fn user_in(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_users_with_write_access_are_named() {
        for (mode, owner, user, expected) in [
            (0o40700, 7, Some(7), None),
            (0o40755, 7, Some(7), None),
            (0o100644, 7, None, None),
            (0o40700, ROOT, Some(7), None),
            (0o40770, 7, Some(7), Some("can be written by its group (mode 0770)")),
            (0o41777, 7, Some(7), Some("can be written by every user (mode 1777)")),
            (0o40777, ROOT, None, Some("can be written by every user (mode 0777)")),
            (0o100600, 8, Some(7), Some("belongs to user 8, and this process runs as user 7")),
            (0o100600, 8, Some(ROOT), Some("belongs to user 8, and this process runs as user 0")),
        ] {
            assert_eq!(exposure(mode, owner, user).as_deref(), expected, "{mode:o} {owner} {user:?}");
        }
    }

    #[test]
    fn the_effective_user_is_the_second_id() {
        assert_eq!(user_in("Name:\tbank\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"), Some(2));
        assert_eq!(user_in("Name:\tbank\n"), None);
    }

    #[test]
    fn a_directory_created_by_this_process_is_not_exposed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(exposed(dir.path()).unwrap(), None);
    }
}
