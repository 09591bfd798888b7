//! Commits, as they are recorded.

use memimage::Shape;
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::object_id::ObjectId;

/// A parent of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Parent {
    pub(crate) id: ObjectId,
    /// The directory that the parent recorded, with which the commit is compared.
    pub(crate) root: ObjectId,
}

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Commit {
    pub(crate) parents: Vec<Parent>,
    /// The directory that the commit recorded.
    pub(crate) root: ObjectId,
    /// In git's form: `Ada <ada@example.com> 1700000000 +0100`, in the encoding of its author.
    pub(crate) author: Bytes,
    /// In the same form.
    pub(crate) committer: Bytes,
    pub(crate) message: Bytes,
}

impl Commit {
    /// Reads git's object, which must have a tree. The parents are those that git reports, since a user may have replaced them.
    pub(crate) fn parse(object: &[u8], parents: Vec<Parent>) -> Option<Commit> {
        let (mut root, mut author, mut committer) = (None, None::<&[u8]>, None::<&[u8]>);
        let mut rest = object;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if line.is_empty() {
                break;
            } else if let Some(id) = line.strip_prefix(b"tree ") {
                root = root.or(Some(ObjectId::from_hex(id)?));
            } else if let Some(person) = line.strip_prefix(b"author ") {
                author = author.or(Some(person));
            } else if let Some(person) = line.strip_prefix(b"committer ") {
                committer = committer.or(Some(person));
            }
        }
        let person = |person: Option<&[u8]>| person.unwrap_or_default().into();
        Some(Commit {
            parents,
            root: root?,
            author: person(author),
            committer: person(committer),
            message: rest.into(),
        })
    }

    /// The first line of the message.
    pub(crate) fn subject(&self) -> &[u8] {
        self.message.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end()
    }

    /// The author's name without the address.
    pub(crate) fn author_name(&self) -> &[u8] {
        self.author.split(|byte| *byte == b'<').next().unwrap_or_default().trim_ascii()
    }

    /// The day on which the author made the commit, where the author was. Old tools wrote times that cannot be read.
    pub(crate) fn day(&self) -> Option<jiff::civil::Date> {
        let stamp = self.author.rsplit(|byte| *byte == b'>').next()?;
        let (seconds, zone) = str::from_utf8(stamp).ok()?.trim().split_once(' ')?;
        let zone: i32 = zone.parse().ok()?;
        let offset = jiff::tz::Offset::from_seconds((zone / 100 * 60 + zone % 100) * 60).ok()?;
        Some(offset.to_datetime(jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?).date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = b"tree abababababababababababababababababababab\n\
        parent 0000000000000000000000000000000000000000\n\
        author Ada \xC9 <ada@example.com> 1700000000 +0100\n\
        committer Bob <> 1700000001 -0500\n\
        gpgsig -----BEGIN\n tree of a signature\n author of it\n\
        encoding ISO-8859-1\n\
        author Second <> 2 +0000\n\
        tree cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\n\
        \n\
        A subject \xE9\n\nauthor of a text\n";

    #[test]
    fn a_commit_is_read_byte_for_byte() {
        let root = ObjectId::Sha1([0xAB; 20]);
        let parent = Parent { id: ObjectId::Sha1([1; 20]), root };
        let commit = Commit::parse(OBJECT, vec![parent]).unwrap();
        assert_eq!(commit.root, root);
        assert_eq!(commit.parents, [parent]);
        assert_eq!(&*commit.author, b"Ada \xC9 <ada@example.com> 1700000000 +0100");
        assert_eq!(&*commit.committer, b"Bob <> 1700000001 -0500");
        assert_eq!(&*commit.message, b"A subject \xE9\n\nauthor of a text\n");
        assert_eq!(commit.subject(), b"A subject \xE9");
        assert_eq!(commit.author_name(), b"Ada \xC9");
    }

    #[test]
    fn a_commit_needs_a_tree_and_nothing_else() {
        let commit = Commit::parse(format!("tree {}", "ab".repeat(20)).as_bytes(), Vec::new()).unwrap();
        assert_eq!(commit.root, ObjectId::Sha1([0xAB; 20]));
        assert_eq!((commit.subject(), commit.author_name(), commit.day()), (&b""[..], &b""[..], None));
        for object in [
            &b""[..],
            b"\n\ntree abababababababababababababababababababab\n",
            b"tree abab\n",
            b"parent abababababababababababababababababababab\n",
        ] {
            assert_eq!(Commit::parse(object, Vec::new()), None);
        }
    }

    #[track_caller]
    fn check_day(stamp: &str, expected: Option<&str>) {
        let object = format!("tree {}\nauthor A <a> {stamp}\ncommitter A <a> 0 +0000\n\n", "0".repeat(40));
        let day = Commit::parse(object.as_bytes(), Vec::new()).unwrap().day();
        assert_eq!(day.map(|day| day.to_string()).as_deref(), expected, "{stamp}");
    }

    #[test]
    fn the_day_is_that_of_the_author() {
        check_day("1700000000 +0000", Some("2023-11-14"));
        check_day("1700000000 +0100", Some("2023-11-14"));
        check_day("1700000000 +0200", Some("2023-11-15"));
        check_day("1700000000 -2300", Some("2023-11-13"));
        check_day("-1 +0000", Some("1969-12-31"));
        for stamp in ["", "x +0000", "1700000000", "1700000000 x", "99999999999999 +0000", "0 +9999999"] {
            check_day(stamp, None);
        }
    }
}
