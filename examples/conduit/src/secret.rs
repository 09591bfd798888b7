//! The server's secret, which lies in a file beside the image and never in it.

#![expect(clippy::disallowed_methods, reason = "the secret and its random bytes are arguments of commands, or none")]

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::Call;

/// Signs tokens, and derives what a retry of a request must repeat.
pub struct Secret([u8; 32]);

impl Secret {
    /// Reads the secret, or makes one in a new file that only this user can read.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written, or has another length.
    pub fn open(path: &Path) -> io::Result<Secret> {
        match fs::read(path) {
            Ok(bytes) => bytes.try_into().map(Secret).map_err(|_| {
                io::Error::new(ErrorKind::InvalidData, format!("`{}` is not a secret of 32 bytes", path.display()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).map_err(io::Error::other)?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                Ok(Secret(bytes))
            }
            Err(error) => Err(io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Random bytes for a request. A retry with the same key gets the same bytes, because a request that is executed once must have
    /// the same arguments each time.
    pub fn repeatable(&self, call: &Call, purpose: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        match &call.key {
            Some(key) => {
                let mut hasher = blake3::Hasher::new_keyed(&self.0);
                hasher.update(purpose.as_bytes()).update(&[0]).update(key.as_bytes());
                bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
            }
            None => getrandom::fill(&mut bytes).expect("the system has random bytes"),
        }
        bytes
    }
}
