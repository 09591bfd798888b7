//! Directories have mode 0700 and files 0600, whatever the umask is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use memimage::{Image, admin};
use memimage_tests::{EntryContent, Ledger, tree};

use super::full_image;

const DIR: &str = "MEMIMAGE_MODES_DIRECTORY";

/// Creates an image with all kinds of files, and a rewritten one, under the umask of the process.
#[test]
#[ignore = "run by the other tests of this file"]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    full_image(&dir.join("image"));
    let unpruned = dir.join("unpruned");
    Image::close(super::options().retention(memimage::Retention::Everything).open(&unpruned).unwrap()).unwrap();
    admin::rewrite::<Ledger>(&unpruned, dir.join("rewritten")).unwrap();
}

/// Runs the child and checks the modes of its files.
fn modes_under(umask: &str, user: Option<u32>) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh");
    child
        .args(["-c", r#"umask "$1" && exec "$0" --exact modes::child --ignored --test-threads=1"#])
        .arg(std::env::current_exe().unwrap())
        .arg(umask)
        .env(DIR, dir.path());
    if let Some(user) = user {
        chown(dir.path(), Some(user), Some(user)).unwrap();
        child.uid(user).gid(user);
    }
    let output = child.output().unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && output_text.contains("1 passed"), "umask {umask}, user {user:?}: {output_text}");

    let mut seen = Vec::new();
    for (path, (stands, mode)) in tree(dir.path()).into_iter().skip(1) {
        let expected = match stands {
            EntryContent::Dir => 0o700,
            EntryContent::File(_) => 0o600,
            other => panic!("{}: {other:?}", path.display()),
        };
        assert_eq!(mode, expected, "umask {umask}: {} has mode {mode:o}", path.display());
        seen.push(path.extension().unwrap_or_default().to_string_lossy().into_owned());
    }
    for kind in ["journal", "base", "snapshot", "torn"] {
        assert!(seen.iter().any(|seen| seen == kind), "no {kind} was created: {seen:?}");
    }
}

#[test]
fn an_image_has_private_modes_under_any_umask() {
    for umask in ["000", "022", "077", "777", "400", "111"] {
        modes_under(umask, None);
    }
}

/// Root ignores modes, and would not notice a file that it has no permission to open.
#[test]
fn an_image_of_an_ordinary_user_has_private_modes_under_any_umask() {
    const NOBODY: u32 = 65_534;
    let own = fs::metadata("/proc/self/exe").and_then(|_| fs::read_to_string("/proc/self/status")).unwrap_or_default();
    if !own.lines().any(|line| line.starts_with("Uid:\t0\t0")) {
        println!("skipped: the process is not root, so the test above ran as an ordinary user");
        return;
    }
    let reachable = std::env::current_exe()
        .unwrap()
        .ancestors()
        .skip(1)
        .all(|dir| fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0));
    if !reachable {
        println!("skipped: an ordinary user cannot reach the test's program, which is in a private directory");
        return;
    }
    for umask in ["000", "777"] {
        modes_under(umask, Some(NOBODY));
    }
}
