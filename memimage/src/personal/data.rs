//! The type of personal data.

use std::cell::OnceCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::PERSONAL;
use super::failure::note_failure;
use super::registry;
use super::scope::{NewKey, decodes_as_erased, key_of};
use super::subject::Subject;
use super::subject_key::{KeyId, SubjectKey, Unopened};
use crate::nesting::{BoundedError, MAX_STATE_DEPTH, deserialize_within};
use crate::shape::{Descriptor, Field, Shape, ShapeRef, Struct, Style, generic_identity};

/// A value about a person that can be erased, although it is in the journal, in snapshots and in backups.
///
/// On disk, the value is sealed with a key of its [`Subject`]. [`Admin::erase`](crate::Admin::erase) destroys this key, and with it
/// all values of the subject, everywhere: from then on, [`get`](Personal::get) returns `None`. See
/// [the guide](crate::guide::personal_data).
///
/// ```
/// use memimage::Personal;
///
/// let name = Personal::new(7_u64, "Ann".to_owned());
/// assert_eq!(name.subject().as_str(), "7");
/// assert_eq!(name.get().map(String::as_str), Some("Ann"));
/// assert!(!format!("{name:?}").contains("Ann"));
/// ```
///
/// # The digest
///
/// A digest covers the subject, and not the value: a digest, and a replay that it verifies, is the same before and after an erasure.
/// So a command must not decide by the value: replayed after an erasure, it would do something else.
///
/// # Serialization
///
/// In a format for people (serde_json, as a web page uses it), it serializes as the value, or as null once it is erased. It does not
/// deserialize from such a format: only [`Personal::new`] says whom a value is about.
///
/// In an image, a value that [`Personal::new`] made gets its key when a command takes it as an argument. A value that a body makes
/// has no key: the next snapshot fails. A body that derives one value from another uses [`map`](Personal::map), which keeps the key.
pub struct Personal<T>(Inner<T>);

#[derive(Clone)]
enum Inner<T> {
    /// The caller made the value. It has no key yet.
    Fresh { subject: Subject, value: T },
    /// The value was decoded.
    Keyed { subject: Subject, key: Arc<SubjectKey>, value: T },
    /// The value was decoded after its key had been destroyed.
    Erased { subject: Subject, key: KeyId },
}

/// The fields of a `Personal` as it serializes. FORMAT.md describes them.
const FIELDS: &[&str] = &["subject", "key", "sealed", "content"];

impl<T> Personal<T> {
    /// A value about a subject.
    pub fn new(subject: impl Into<Subject>, value: T) -> Personal<T> {
        Personal(Inner::Fresh { subject: subject.into(), value })
    }

    /// Whom the value is about. The subject stays after an erasure.
    pub fn subject(&self) -> &Subject {
        match &self.0 {
            Inner::Fresh { subject, .. } | Inner::Keyed { subject, .. } | Inner::Erased { subject, .. } => subject,
        }
    }

    /// The value; `None` once it is erased.
    ///
    /// A command may use the value only for what is no part of the model's digest, such as a derived field; see
    /// [the guide](crate::guide::personal_data#what-a-command-may-do).
    pub fn get(&self) -> Option<&T> {
        match &self.0 {
            Inner::Fresh { value, .. } => Some(value),
            Inner::Keyed { key, value, .. } => (!key.is_erased()).then_some(value),
            Inner::Erased { .. } => None,
        }
    }

    /// Whether the value is erased.
    pub fn is_erased(&self) -> bool {
        self.get().is_none()
    }

    /// Converts the value, and keeps the subject and the key: for upcasters, and for bodies that derive one value from another. An
    /// erased value stays erased.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Personal<U> {
        Personal(match self.0 {
            Inner::Fresh { subject, value } => Inner::Fresh { subject, value: convert(value) },
            Inner::Keyed { subject, key, .. } if key.is_erased() => Inner::Erased { subject, key: *key.id() },
            Inner::Keyed { subject, key, value } => Inner::Keyed { subject, key, value: convert(value) },
            Inner::Erased { subject, key } => Inner::Erased { subject, key },
        })
    }
}

impl<T: Clone> Clone for Personal<T> {
    fn clone(&self) -> Personal<T> {
        Personal(self.0.clone())
    }
}

/// Compares the subjects and the values. A command must not decide by the result, as it must not decide by the value.
impl<T: PartialEq> PartialEq for Personal<T> {
    fn eq(&self, other: &Personal<T>) -> bool {
        self.subject() == other.subject() && self.get() == other.get()
    }
}

impl<T: Eq> Eq for Personal<T> {}

/// Shows the subject, and never the value.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_erased() { "erased" } else { "not shown" };
        write!(f, "Personal({:?}, {state})", self.subject())
    }
}

impl<T: Shape> Shape for Personal<T> {
    /// The array without items stands for the content: a change of `T` changes the shape, although `T` is only in the sealed bytes.
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Struct(Struct {
        identity: generic_identity(PERSONAL, 0, 0, 0),
        style: Style::Named,
        fields: &[
            Field { name: "subject", shape: String::SHAPE },
            Field { name: "key", shape: <[u8; 16]>::SHAPE },
            Field { name: "sealed", shape: ShapeRef::new(&Descriptor::Primitive(crate::shape::Primitive::Bytes)) },
            Field { name: "content", shape: <[T; 0]>::SHAPE },
        ],
        derived: &[],
    }));
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return match self.get() {
                Some(value) => serializer.serialize_some(value),
                None => serializer.serialize_none(),
            };
        }
        let sealed = Sealed { data: self, key: OnceCell::new() };
        let mut fields = serializer.serialize_struct(PERSONAL, FIELDS.len())?;
        // the digest and the comparisons do not serialize the fields after the subject, so these find no key there
        fields.serialize_field(FIELDS[0], self.subject().as_str())?;
        fields.serialize_field(FIELDS[1], &KeyField(&sealed))?;
        fields.serialize_field(FIELDS[2], &SealedField(&sealed))?;
        fields.serialize_field(FIELDS[3], &[(); 0])?;
        fields.end()
    }
}

/// A value that is being sealed.
struct Sealed<'a, T> {
    data: &'a Personal<T>,
    /// The key of a fresh value; `None` inside if the subject has none yet. Both fields must have the same key, although an erasure
    /// may come between them.
    key: OnceCell<Option<Arc<SubjectKey>>>,
}

struct KeyField<'a, T>(&'a Sealed<'a, T>);
struct SealedField<'a, T>(&'a Sealed<'a, T>);

impl<T> Sealed<'_, T> {
    /// The key of a fresh value.
    fn new_key<E: serde::ser::Error>(&self, subject: &Subject) -> Result<Option<&Arc<SubjectKey>>, E> {
        if let Some(key) = self.key.get() {
            return Ok(key.as_ref());
        }
        let key = match key_of(subject) {
            NewKey::Found(key) => Some(key),
            NewKey::Missing => None,
            NewKey::NoScope => {
                let what = format!(
                    "the personal data of subject {subject:?} have no key, because they are no argument of a command; help: pass \
                     them to a command as an argument, or derive them from an argument with `Personal::map`"
                );
                note_failure(&what);
                return Err(E::custom(what));
            }
        };
        Ok(self.key.get_or_init(|| key).as_ref())
    }
}

impl<T> Serialize for KeyField<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = match &self.0.data.0 {
            Inner::Fresh { subject, .. } => self.0.new_key(subject)?.map_or([0; 16], |key| *key.id()),
            Inner::Keyed { key, .. } => *key.id(),
            Inner::Erased { key, .. } => *key,
        };
        id.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for SealedField<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (subject, key, value) = match &self.0.data.0 {
            Inner::Fresh { subject, value } => (subject, self.0.new_key(subject)?, value),
            Inner::Keyed { subject, key, value } => (subject, Some(key), value),
            Inner::Erased { .. } => return serializer.serialize_bytes(&[]),
        };
        let Some(key) = key.filter(|key| !key.is_erased()) else { return serializer.serialize_bytes(&[]) };
        let plain = Zeroizing::new(postcard::to_stdvec(value).map_err(S::Error::custom)?);
        serializer.serialize_bytes(&key.seal(subject, &plain).unwrap_or_default())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Personal<T>, D::Error> {
        if deserializer.is_human_readable() {
            return Err(D::Error::custom(
                "personal data cannot be read from a text, because it does not say whom they are about; help: read the value, and \
                 make it personal with `Personal::new(subject, value)`",
            ));
        }
        deserializer.deserialize_struct(PERSONAL, FIELDS, PersonalVisitor(PhantomData))
    }
}

struct PersonalVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for PersonalVisitor<T> {
    type Value = Personal<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("personal data of an image")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Personal<T>, A::Error> {
        let missing = |at: usize| A::Error::invalid_length(at, &self);
        let subject: String = fields.next_element()?.ok_or_else(|| missing(0))?;
        let key: KeyId = fields.next_element()?.ok_or_else(|| missing(1))?;
        let SealedBytes(sealed) = fields.next_element()?.ok_or_else(|| missing(2))?;
        let _content: [(); 0] = fields.next_element()?.ok_or_else(|| missing(3))?;
        opened(subject.into(), key, &sealed).map_err(|what| {
            note_failure(&what);
            A::Error::custom(what)
        })
    }
}

struct SealedBytes(Vec<u8>);

impl<'de> Deserialize<'de> for SealedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SealedBytes, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = SealedBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sealed bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<SealedBytes, E> {
                Ok(SealedBytes(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(BytesVisitor)
    }
}

/// Opens a sealed value.
fn opened<T: DeserializeOwned>(subject: Subject, id: KeyId, sealed: &[u8]) -> Result<Personal<T>, String> {
    // an erased value was written after its key had been destroyed, so it needs no key file
    if sealed.is_empty() || decodes_as_erased() {
        return Ok(Personal(Inner::Erased { subject, key: id }));
    }
    let key = find(&id, &subject).ok_or_else(|| unknown(&subject, &id))?;
    let plain = match key.open(&subject, sealed) {
        Ok(plain) => plain,
        Err(Unopened::Erased) => return Ok(Personal(Inner::Erased { subject, key: id })),
        Err(Unopened::Invalid) => {
            return Err(format!(
                "the personal data of subject {subject:?} do not decrypt with their key {}: the sealed bytes or the key file were \
                 changed; help: restore the key file from a copy",
                hex(&id)
            ));
        }
    };
    let mut deserializer = postcard::Deserializer::from_bytes(&plain);
    let what = match deserialize_within(&mut deserializer, MAX_STATE_DEPTH) {
        Ok(value) => match deserializer.finalize() {
            Ok([]) => return Ok(Personal(Inner::Keyed { subject, key, value })),
            Ok(rest) => format!("{} bytes follow the value", rest.len()),
            Err(error) => error.to_string(),
        },
        Err(BoundedError::TooDeep) => format!("it is nested more than {MAX_STATE_DEPTH} levels deep"),
        Err(BoundedError::Invalid(error)) => error.to_string(),
    };
    Err(format!(
        "the personal data of subject {subject:?} do not decode: {what}; help: correct the `Deserialize` of their type, because the \
         sealed bytes are intact"
    ))
}

fn find(id: &KeyId, subject: &Subject) -> Option<Arc<SubjectKey>> {
    #[cfg(feature = "testing")]
    if let Some(key) = super::test_key::find(id, subject) {
        return Some(key);
    }
    #[cfg(not(feature = "testing"))]
    let _ = subject;
    registry::find(id)
}

fn unknown(subject: &Subject, id: &KeyId) -> String {
    format!(
        "the key {} of the personal data of subject {subject:?} is unknown (read: {}): the key file is lost, or belongs to another \
         image; without this key, these data cannot be read; help: copy the directory `personal.keys` of the image in which the data \
         were recorded into the image's directory, or name it with `options().personal_keys(path)`, as is needed for backups, \
         branches and other copies, which never contain keys",
        hex(id),
        registry::describe_sources()
    )
}

fn hex(id: &KeyId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
