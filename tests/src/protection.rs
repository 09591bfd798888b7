//! Images that are encrypted, chained, both or neither, and keys for them.

use memimage::disk::SimDisk;
use memimage::{Key, Keys};

use crate::files;

/// Whether an image is encrypted, and whether it has a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ProtectionMode {
    pub encrypted: bool,
    pub chained: bool,
}

/// Neither encrypted nor chained.
pub const PLAIN: ProtectionMode = ProtectionMode { encrypted: false, chained: false };
/// Encrypted only.
pub const ENCRYPTED: ProtectionMode = ProtectionMode { encrypted: true, chained: false };
/// Chained only.
pub const CHAINED: ProtectionMode = ProtectionMode { encrypted: false, chained: true };
/// Encrypted and chained.
pub const BOTH: ProtectionMode = ProtectionMode { encrypted: true, chained: true };
/// All modes.
pub const MODES: [ProtectionMode; 4] = [PLAIN, ENCRYPTED, CHAINED, BOTH];

/// The mode of the image on a disk, from the first intact header of a segment or snapshot; plain if there is none.
pub fn mode(disk: &SimDisk) -> ProtectionMode {
    let good = |bytes: &[u8]| bytes[4_092..4_096] == crc32c::crc32c(&bytes[..4_092]).to_le_bytes();
    let of = |bytes: &Vec<u8>| match bytes.get(..8).filter(|_| bytes.len() >= 4_096 && good(bytes)) {
        Some(b"memimage") => Some(ProtectionMode { encrypted: bytes[145] != 0, chained: bytes[147] != 0 }),
        Some(b"MIsnapsh") => Some(ProtectionMode { encrypted: bytes[100] != 0, chained: bytes[102] != 0 }),
        _ => None,
    };
    files(disk).values().find_map(of).unwrap_or_default()
}

/// One key, for encryption and for the chain.
pub fn keys() -> Keys {
    Keys::one(Key::new([7; 32]))
}

/// Adds the keys that a mode needs to the options of an image, or to a check, repair, void or rewrite: [`keys`], or the given
/// keys for encryption and for the chain.
#[macro_export]
macro_rules! with_keys {
    ($mode:expr, $task:expr) => {
        $crate::with_keys!($mode, $task, $crate::protection::keys(), $crate::protection::keys())
    };
    ($mode:expr, $task:expr, $encryption:expr, $chain:expr) => {{
        let (mode, mut task): ($crate::protection::ProtectionMode, _) = ($mode, $task);
        if mode.encrypted {
            task = task.encryption($encryption);
        }
        if mode.chained {
            task = task.chain($chain);
        }
        task
    }};
}
