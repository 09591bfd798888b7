//! Random bytes from the operating system, for an image's UUID and seed, and for salts.

use std::io;
use std::path::Path;

use crate::error::Error;

/// Draws `N` random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "random values that commands see derive from a recorded seed")]
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| Error::io("drawing random bytes for", Path::new("an image"), io::Error::other(error)))?;
    Ok(bytes)
}

/// Draws the random id of a [`Life`](crate::seq::Life).
pub(crate) fn random_life() -> Result<u64, Error> {
    Ok(u64::from_le_bytes(random()?))
}

/// Draws a random UUID (RFC 9562, version 4).
pub(crate) fn random_uuid() -> Result<[u8; 16], Error> {
    let mut uuid: [u8; 16] = random()?;
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    Ok(uuid)
}
