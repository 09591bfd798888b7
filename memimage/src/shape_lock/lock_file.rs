//! The lines of a lock file.
//!
//! The macros read the same file at compile time, and report a file that is not a lock.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use crate::shape::Name;

const HEADER: &str = "\
# The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
# only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
";

/// The model, event and version of an entry. The entries of a lock are sorted by this key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryKey {
    pub(super) model: String,
    pub(super) event: String,
    pub(super) version: u32,
}

/// Writes the event and the version, but not the model: `deposit v1`.
impl Display for EntryKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", Name(&self.event), self.version)
    }
}

/// A lock file, stored as lines so that unchanged lines keep their text.
pub(super) struct LockFile {
    lines: Vec<LockLine>,
}

struct LockLine {
    text: String,
    /// `None` for comments and empty lines.
    entry: Option<LockEntry>,
}

/// The shape of one version of one event.
pub(super) struct LockEntry {
    pub(super) key: EntryKey,
    pub(super) shape: String,
}

impl LockFile {
    /// Parses a lock. The error contains the number of the first invalid line.
    pub(super) fn read(text: &str) -> Result<LockFile, String> {
        let (mut lines, mut keys) = (Vec::new(), BTreeSet::new());
        for (i, text) in text.lines().enumerate() {
            let invalid = |what: &str| Err(format!("line {} {what}", i + 1));
            // without this check, a file whose lines all end in a lone carriage return would be read as one comment
            if text.contains('\r') {
                return invalid("has a carriage return within it; help: save the file with LF or CRLF as line ends");
            }
            let is_entry = !(text.trim().is_empty() || text.starts_with('#'));
            let entry = match is_entry.then(|| LockEntry::read(text)) {
                Some(None) => return invalid("is not an entry; help: restore the committed line"),
                entry => entry.flatten(),
            };
            if let Some(entry) = &entry
                && !keys.insert(entry.key.clone())
            {
                return invalid("repeats the event of an earlier line; help: keep the line that was committed first");
            }
            lines.push(LockLine { text: text.to_owned(), entry });
        }
        Ok(LockFile { lines })
    }

    /// The entries of one model.
    pub(super) fn of_model(&self, model: &str) -> impl Iterator<Item = &LockEntry> {
        self.lines.iter().filter_map(|line| line.entry.as_ref()).filter(move |entry| entry.key.model == model)
    }

    /// The models other than `model` that have entries, with the line numbers of these entries.
    pub(super) fn of_others(&self, model: &str) -> BTreeMap<String, Vec<usize>> {
        let mut others: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(entry) = line.entry.as_ref().filter(|entry| entry.key.model != model) {
                others.entry(entry.key.model.clone()).or_default().push(i + 1);
            }
        }
        others
    }

    /// Inserts an entry at its place in the sorted order, or replaces the entry with the same key.
    pub(super) fn set(&mut self, entry: LockEntry) {
        let first = |ordering: Ordering| {
            let is = |line: &LockLine| line.entry.as_ref().is_some_and(|other| other.key.cmp(&entry.key) == ordering);
            self.lines.iter().position(is)
        };
        let (same, next) = (first(Ordering::Equal), first(Ordering::Greater));
        let line = LockLine { text: entry.to_string(), entry: Some(entry) };
        match (same, next) {
            (Some(same), _) => self.lines[same] = line,
            (None, Some(next)) => self.lines.insert(next, line),
            (None, None) => self.lines.push(line),
        }
    }
}

impl Display for LockFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.lines.first().is_none_or(|line| line.entry.is_some()) {
            f.write_str(HEADER)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

impl Display for LockEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let EntryKey { model, event, version } = &self.key;
        write!(f, "{model} {} v{version} {}", Name(event), self.shape)
    }
}

impl LockEntry {
    fn read(text: &str) -> Option<LockEntry> {
        let (model, rest) = text.split_once(' ')?;
        let (event, rest) = name(rest)?;
        let (version, shape) = rest.strip_prefix(" v")?.split_once(' ')?;
        let key = EntryKey { model: model.to_owned(), event, version: version.parse().ok()? };
        Some(LockEntry { key, shape: shape.trim_end().to_owned() })
    }
}

/// Reads a name that [`Name`] wrote. Returns the name and the text after it.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (name, _) = text.split_once(' ')?;
        return Some((name.to_owned(), &text[name.len()..]));
    };
    let (mut name, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => return Some((name, chars.as_str())),
            '\\' => match chars.next()? {
                'x' => {
                    let code: String = chars.by_ref().take(2).collect();
                    name.push(char::from(u8::from_str_radix(&code, 16).ok()?));
                }
                escaped => name.push(escaped),
            },
            c => name.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn entry(event: &str, version: u32, shape: &str) -> LockEntry {
        let key = EntryKey { model: "shop::Bank".to_owned(), event: event.to_owned(), version };
        LockEntry { key, shape: shape.to_owned() }
    }

    #[test]
    fn a_file_with_carriage_returns_as_line_ends_is_invalid() {
        let lock = "# comment\nshop::Bank order v1 struct\n";
        assert!(LockFile::read(&lock.replace('\n', "\r\n")).unwrap().lines[1].entry.is_some());
        let error = LockFile::read(&lock.replace('\n', "\r")).err().unwrap();
        assert!(error.starts_with("line 1 has a carriage return"), "{error}");
    }

    #[test]
    fn entries_are_sorted_and_no_other_line_moves() {
        let mut text = LockFile::read("").unwrap();
        for (event, version) in [("to \"x\"\n", 1), ("order", 10), ("order", 9), ("deposit", 1)] {
            text.set(entry(event, version, "struct"));
        }
        let written = text.to_string();
        expect![[r##"
            # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
            # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
            shop::Bank deposit v1 struct
            shop::Bank order v9 struct
            shop::Bank order v10 struct
            shop::Bank "to \"x\"\x0a" v1 struct
        "##]]
        .assert_eq(&written);
        assert_eq!(LockFile::read(&written).unwrap().to_string(), written);

        let before = "# ours\n\nshop::Bank z v1 u8\n\n# of two\nshop::Bank a v1 u8\n";
        let mut text = LockFile::read(before).unwrap();
        text.set(entry("a", 1, "u16"));
        text.set(entry("b", 1, "u8"));
        expect![[r#"
            # ours

            shop::Bank b v1 u8
            shop::Bank z v1 u8

            # of two
            shop::Bank a v1 u16
        "#]]
        .assert_eq(&text.to_string());
        let of_model: Vec<_> = text.of_model("shop::Bank").map(|entry| entry.key.to_string()).collect();
        assert_eq!(of_model, ["b v1", "z v1", "a v1"]);
        assert_eq!(text.of_model("shop::Ban").count(), 0);
    }

    #[test]
    fn the_error_names_the_invalid_line() {
        let error = |text: &str| LockFile::read(text).map(drop).unwrap_err();
        for line in ["<<<<<<< ours", "=======", "a::B x 1 u8", "a::B x v1", "a::B \"x v1 u8", "x"] {
            assert_eq!(
                error(&format!("a::B x v1 u8\n{line}\n")),
                "line 2 is not an entry; help: restore the committed line",
                "{line}"
            );
        }
        assert!(error("a::B x v1 u8\n#\na::B x v1 u16\n").starts_with("line 3 repeats the event of an earlier line"));
    }
}
