//! Names of commits as a user gives them: a hash, its first digits, or a reference.

use memimage::Seq;

use crate::object_id::ObjectId;
use crate::repository::Repository;

/// The number of digits that are enough for the beginning of a hash, if it is unique.
const DIGITS_MIN: usize = 4;

/// Why a name does not stand for a commit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RevisionError {
    #[error(
        "the image has no commit, branch or tag `{0}`; help: `gitlog log` lists the commits; \
         `gitlog import` gets the newer ones"
    )]
    Unknown(String),
    #[error("`{name}` is the beginning of {count} commits; help: give more digits, as in {first} or {second}")]
    Ambiguous { name: String, count: usize, first: ObjectId, second: ObjectId },
}

/// The event that recorded a commit. The name is a complete hash, else a reference, else the first digits of a hash.
pub(crate) fn resolve(repository: &Repository, name: &[u8]) -> Result<Seq, RevisionError> {
    let shown = || String::from_utf8_lossy(name).into_owned();
    let unknown = || RevisionError::Unknown(shown());
    if let Some(id) = ObjectId::from_hex(name) {
        return repository.seq(&id).ok_or_else(unknown);
    }
    for prefix in ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"] {
        if let Some(commit) = repository.references().get(&[prefix.as_bytes(), name].concat()[..]) {
            return repository.seq(commit).ok_or_else(unknown);
        }
    }
    if name.len() < DIGITS_MIN {
        return Err(unknown());
    }
    let found: Vec<_> = repository.commits().filter(|(id, _)| id.begins_with(name)).collect();
    match found[..] {
        [] => Err(unknown()),
        [(_, seq)] => Ok(seq),
        [(first, _), (second, _), ..] => {
            Err(RevisionError::Ambiguous { name: shown(), count: found.len(), first, second })
        }
    }
}
