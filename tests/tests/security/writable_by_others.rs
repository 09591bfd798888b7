//! Files that others may write to are reported, but the image opens.

use memimage::Image;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use memimage_tests::names;
use tracing_subscriber::fmt::MakeWriter;

use super::{full_image, open};

/// Collects the log.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogBuffer {
    type Writer = LogBuffer;

    fn make_writer(&self) -> LogBuffer {
        self.clone()
    }
}

/// The warnings that an opening logs.
fn warnings(path: &Path) -> Vec<String> {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || Image::close(open(path).unwrap()).unwrap());
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    text.lines().filter(|line| line.contains("WARN")).map(str::to_owned).collect()
}

#[test]
fn files_that_others_may_write_to_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    full_image(&image);
    assert_eq!(warnings(&image), Vec::<String>::new());
    let snapshot = names(&image.join("snapshot"), ".snapshot").pop().unwrap();
    for (path, mode, private) in [
        (image.clone(), 0o777, 0o700),
        (image.join("LOCK"), 0o666, 0o600),
        (image.join("journal"), 0o770, 0o700),
        (image.join("journal/durable"), 0o620, 0o600),
        (snapshot, 0o602, 0o600),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let warned = warnings(&image);
        let who = if mode & 0o002 == 0 { "its group" } else { "every user" };
        let [warning] = &warned[..] else { panic!("{}: {warned:?}", path.display()) };
        assert!(warning.contains(&format!("can be written by {who} (mode 0{mode:o})")), "{warning}");
        assert!(
            warning.contains(&format!("path={} ", path.display())) || warning.ends_with(path.to_str().unwrap()),
            "{warning}"
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "the mode should not be changed");
        fs::set_permissions(&path, Permissions::from_mode(private)).unwrap();
    }
    // others may read if the owner permits it
    fs::set_permissions(&image, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(warnings(&image), Vec::<String>::new());
}
