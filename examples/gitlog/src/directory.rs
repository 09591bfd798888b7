//! Directories, as git stores them: for each entry a mode, a name and the hash of an object.

use std::fmt;

use memimage::Shape;
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::object_id::ObjectId;

/// A directory in the bytes of git's object: some 40 bytes an entry, where a list of entries would take three times as much. A
/// history has very many directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Directory(pub(crate) Bytes);

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: Kind,
    /// Any bytes but 0.
    pub(crate) name: &'a [u8],
    pub(crate) id: ObjectId,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Executable,
    Link,
    Directory,
    /// A commit of another repository.
    Submodule,
}

impl Kind {
    /// Reads a mode as git does, which knows fewer modes than old repositories have.
    fn from_mode(mode: u32) -> Kind {
        match mode & 0o170_000 {
            0o100_000 if mode & 0o100 != 0 => Kind::Executable,
            0o100_000 => Kind::File,
            0o120_000 => Kind::Link,
            0o040_000 => Kind::Directory,
            _ => Kind::Submodule,
        }
    }

    /// The word for the type of the entry's object.
    pub(crate) fn object(self) -> &'static str {
        match self {
            Kind::File | Kind::Executable | Kind::Link => "blob",
            Kind::Directory => "tree",
            Kind::Submodule => "commit",
        }
    }
}

/// The mode, in six octal digits.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::File => "100644",
            Kind::Executable => "100755",
            Kind::Link => "120000",
            Kind::Directory => "040000",
            Kind::Submodule => "160000",
        })
    }
}

/// The bytes of a directory are not what git writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry has no mode, no name or an incomplete hash")]
pub(crate) struct Malformed;

impl Directory {
    /// The entries in git's order. `id` is the directory's own hash, which tells how long the hashes in it are.
    pub(crate) fn entries(&self, id: &ObjectId) -> Entries<'_> {
        Entries { rest: &self.0, id_len: id.as_bytes().len() }
    }
}

/// The entries of a directory. Ends after an error.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
    id_len: usize,
}

impl<'a> Entries<'a> {
    fn parse(&mut self) -> Option<Entry<'a>> {
        let space = self.rest.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = (&self.rest[..space], &self.rest[space + 1..]);
        let mode = u32::from_str_radix(str::from_utf8(mode).ok()?, 8).ok()?;
        let end = rest.iter().position(|byte| *byte == 0).filter(|end| *end > 0)?;
        let (name, rest) = (&rest[..end], &rest[end + 1..]);
        let (id, rest) = rest.split_at_checked(self.id_len)?;
        self.rest = rest;
        Some(Entry { kind: Kind::from_mode(mode), name, id: ObjectId::from_bytes(id)? })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.parse();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ObjectId = ObjectId::Sha1([0xAB; 20]);

    fn entries(bytes: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, Malformed> {
        let directory = Directory(bytes.into());
        directory.entries(&ID).map(|entry| entry.map(|entry| (entry.kind, entry.name.to_vec()))).collect()
    }

    fn entry(mode: &str, name: &[u8]) -> Vec<u8> {
        [mode.as_bytes(), b" ", name, b"\0", ID.as_bytes()].concat()
    }

    #[test]
    fn modes_are_read_as_git_reads_them() {
        let modes = [
            ("100644", Kind::File, "100644 blob"),
            ("100664", Kind::File, "100644 blob"),
            ("100600", Kind::File, "100644 blob"),
            ("100755", Kind::Executable, "100755 blob"),
            ("100744", Kind::Executable, "100755 blob"),
            ("120000", Kind::Link, "120000 blob"),
            ("40000", Kind::Directory, "040000 tree"),
            ("040000", Kind::Directory, "040000 tree"),
            ("160000", Kind::Submodule, "160000 commit"),
            ("0", Kind::Submodule, "160000 commit"),
        ];
        for (mode, kind, printed) in modes {
            assert_eq!(entries(&entry(mode, b"a")), Ok(vec![(kind, b"a".to_vec())]), "{mode}");
            assert_eq!(format!("{kind} {}", kind.object()), printed);
        }
    }

    #[test]
    fn names_may_have_any_bytes() {
        let name = b"a b\n\"\\\xFF\t";
        assert_eq!(entries(&entry("100644", name)), Ok(vec![(Kind::File, name.to_vec())]));
        assert_eq!(entries(b""), Ok(Vec::new()));
    }

    #[test]
    fn other_bytes_are_malformed() {
        let good = entry("100644", b"a");
        for len in 1..good.len() {
            assert_eq!(entries(&good[..len]), Err(Malformed), "{len} bytes");
        }
        for bad in [entry("", b"a"), entry("9", b"a"), entry("+1", b""), entry("100644", b"")] {
            assert_eq!(entries(&bad), Err(Malformed), "{bad:?}");
            assert_eq!(entries(&[&good[..], &bad].concat()), Err(Malformed), "{bad:?}");
        }
    }
}
