//! Encodes and decodes the answers of requests.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::nesting::deserialize_within;
use crate::shape::{Shape, ShapeRef, fingerprint};
use crate::value::MAX_DEPTH;

/// Encodes and decodes the answers of one type, so that the image can remember the answer of a request. The shape of the type shows
/// whether another build of the program may read an answer that is in a snapshot.
pub struct AnswerCodec<T> {
    encode: fn(&T, Vec<u8>) -> Option<Vec<u8>>,
    decode: fn(&[u8]) -> Option<T>,
    shape: ShapeRef,
}

impl<T> Clone for AnswerCodec<T> {
    fn clone(&self) -> AnswerCodec<T> {
        *self
    }
}

impl<T> Copy for AnswerCodec<T> {}

impl<T: Shape + Serialize + DeserializeOwned> AnswerCodec<T> {
    /// The codec of a type.
    pub const fn of() -> AnswerCodec<T> {
        AnswerCodec { encode: encode::<T>, decode: decode_within::<T>, shape: T::SHAPE }
    }
}

impl<T> AnswerCodec<T> {
    /// Appends the encoding of an answer to `buffer`.
    pub(super) fn encode(&self, answer: &T, buffer: Vec<u8>) -> Option<Vec<u8>> {
        (self.encode)(answer, buffer)
    }

    /// Decodes an answer; `None` if the bytes are not exactly one value of the type.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Option<T> {
        (self.decode)(bytes)
    }

    /// The fingerprint of the type's shape.
    pub(super) fn fingerprint(&self) -> u64 {
        fingerprint(self.shape).to_u64()
    }
}

fn encode<T: Serialize>(value: &T, buffer: Vec<u8>) -> Option<Vec<u8>> {
    postcard::to_extend(value, buffer).ok()
}

fn decode_within<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut deserializer = postcard::Deserializer::from_bytes(bytes);
    let value = deserialize_within(&mut deserializer, MAX_DEPTH).ok()?;
    deserializer.finalize().ok()?.is_empty().then_some(value)
}
