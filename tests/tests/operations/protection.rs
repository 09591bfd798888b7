//! The protection of the images in these tests, and the keys for it.

use memimage::disk::SimDisk;
use memimage::{Key, Keys};
use memimage_tests::files;

/// Which of the two an image has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) encrypted: bool,
    pub(super) chained: bool,
}

pub(super) const PLAIN: Form = Form { encrypted: false, chained: false };
pub(super) const FORMS: [Form; 4] = [
    PLAIN,
    Form { encrypted: true, chained: false },
    Form { encrypted: false, chained: true },
    Form { encrypted: true, chained: true },
];

/// One key for both.
pub(super) fn keys() -> Keys {
    Keys::one(Key::new([7; 32]))
}

/// The form of the image on a disk, as the first header of a segment or snapshot says it that can be read; plain if there is
/// none.
pub(super) fn form(disk: &SimDisk) -> Form {
    let good = |bytes: &[u8]| bytes[4_092..4_096] == crc32c::crc32c(&bytes[..4_092]).to_le_bytes();
    let of = |bytes: &Vec<u8>| match bytes.get(..8).filter(|_| bytes.len() >= 4_096 && good(bytes)) {
        Some(b"memimage") => Some(Form { encrypted: bytes[145] != 0, chained: bytes[147] != 0 }),
        Some(b"MIsnapsh") => Some(Form { encrypted: bytes[100] != 0, chained: bytes[102] != 0 }),
        _ => None,
    };
    files(disk).values().find_map(of).unwrap_or_default()
}

/// Gives a task, or options, the keys for an image of a form.
macro_rules! with_keys {
    ($form:expr, $task:expr) => {{
        let (form, mut task): ($crate::protection::Form, _) = ($form, $task);
        if form.encrypted {
            task = task.encryption($crate::protection::keys());
        }
        if form.chained {
            task = task.chain($crate::protection::keys());
        }
        task
    }};
}
pub(super) use with_keys;
