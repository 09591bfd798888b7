//! Time frames: each one corrects recorded time after the system clock has been wrong.

use serde::{Deserialize, Serialize};

use crate::context::Timestamp;

/// The body of a time frame: the decision that recorded time continues from an earlier time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimeCorrection {
    /// The recorded time after the correction.
    pub(crate) to: Timestamp,
    /// The recorded time before the correction.
    pub(crate) from: Timestamp,
    pub(crate) reason: String,
}

impl TimeCorrection {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and a text can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<TimeCorrection, String> {
        match postcard::take_from_bytes(body) {
            Ok((correction, [])) => Ok(correction),
            _ => Err("the body of a time frame does not decode".to_owned()),
        }
    }
}
