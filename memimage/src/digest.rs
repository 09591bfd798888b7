//! stub
#![allow(missing_docs)]
use crate::shape::Shape;
use serde::Serialize;
use std::fmt;
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(u64);
impl Digest {
    pub const fn from_u64(n: u64) -> Digest {
        Digest(n)
    }
    pub const fn to_u64(self) -> u64 {
        self.0
    }
}
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct DigestError(#[from] postcard::Error);
pub fn digest<T: Shape + Serialize + ?Sized>(value: &T) -> Result<Digest, DigestError> {
    Ok(Digest(xxhash_rust::xxh3::xxh3_64(&postcard::to_stdvec(value)?)))
}
