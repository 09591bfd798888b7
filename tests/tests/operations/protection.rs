//! The protection modes of the images in these tests, and the keys.

use memimage::disk::SimDisk;
use memimage::{Key, Keys};
use memimage_tests::files;

/// Whether an image is encrypted, and whether it has a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProtectionMode {
    pub(super) encrypted: bool,
    pub(super) chained: bool,
}

pub(super) const PLAIN: ProtectionMode = ProtectionMode { encrypted: false, chained: false };
pub(super) const MODES: [ProtectionMode; 4] = [
    PLAIN,
    ProtectionMode { encrypted: true, chained: false },
    ProtectionMode { encrypted: false, chained: true },
    ProtectionMode { encrypted: true, chained: true },
];

/// The key for encryption and for the chain.
pub(super) fn keys() -> Keys {
    Keys::one(Key::new([7; 32]))
}

/// The mode of the image on a disk, from the first intact header of a segment or snapshot; plain if there is none.
pub(super) fn mode(disk: &SimDisk) -> ProtectionMode {
    let good = |bytes: &[u8]| bytes[4_092..4_096] == crc32c::crc32c(&bytes[..4_092]).to_le_bytes();
    let of = |bytes: &Vec<u8>| match bytes.get(..8).filter(|_| bytes.len() >= 4_096 && good(bytes)) {
        Some(b"memimage") => Some(ProtectionMode { encrypted: bytes[145] != 0, chained: bytes[147] != 0 }),
        Some(b"MIsnapsh") => Some(ProtectionMode { encrypted: bytes[100] != 0, chained: bytes[102] != 0 }),
        _ => None,
    };
    files(disk).values().find_map(of).unwrap_or_default()
}

/// Adds the keys for a mode to options or an operation.
macro_rules! with_keys {
    ($mode:expr, $task:expr) => {{
        let (mode, mut task): ($crate::protection::ProtectionMode, _) = ($mode, $task);
        if mode.encrypted {
            task = task.encryption($crate::protection::keys());
        }
        if mode.chained {
            task = task.chain($crate::protection::keys());
        }
        task
    }};
}
pub(super) use with_keys;
