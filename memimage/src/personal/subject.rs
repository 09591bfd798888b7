//! Subjects: the people whom personal data are about.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::{Shape, ShapeRef};

/// The person, or any other unit, whose data are erased together: a customer number, a user name, a UUID.
///
/// A subject is a short text. It stays in the journal, in snapshots, in digests and in messages after an erasure, so use a number
/// or a random id, and not a name or an address.
///
/// ```
/// # use memimage::Subject;
/// assert_eq!(Subject::from(7_u64), Subject::from("7"));
/// assert_eq!(Subject::from(7_u64).as_str(), "7");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

/// The BLAKE3 hash of a subject, by which the key file knows it.
pub(crate) type SubjectHash = [u8; 32];

impl Subject {
    /// The subject with this text.
    pub fn new(text: impl AsRef<str>) -> Subject {
        Subject(text.as_ref().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> SubjectHash {
        *blake3::hash(self.0.as_bytes()).as_bytes()
    }
}

/// A subject is stored as its text, so that a model can keep a list of subjects, such as those whose erasure is due.
impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Subject, D::Error> {
        String::deserialize(deserializer).map(Subject::from)
    }
}

impl Shape for Subject {
    const SHAPE: ShapeRef = String::SHAPE;
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl From<&str> for Subject {
    fn from(text: &str) -> Subject {
        Subject::new(text)
    }
}

impl From<String> for Subject {
    fn from(text: String) -> Subject {
        Subject(text.into())
    }
}

impl From<&String> for Subject {
    fn from(text: &String) -> Subject {
        Subject::new(text)
    }
}

impl From<&Subject> for Subject {
    fn from(subject: &Subject) -> Subject {
        subject.clone()
    }
}

macro_rules! displayed {
    ($($type:ty),+) => {$(
        impl From<$type> for Subject {
            fn from(id: $type) -> Subject {
                Subject(id.to_string().into())
            }
        }
    )+};
}

displayed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
#[cfg(feature = "uuid")]
displayed!(uuid::Uuid);
