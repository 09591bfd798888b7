//! The text of a lock: lines in their order, of which those of one model are looked at.
//!
//! The macros read the same text; what is no lock is an error there first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use crate::shape::Name;

const HEADER: &str = "\
# The shapes of events, by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. By hand,
# only the name of a model that was renamed is changed, and lines are removed whose events no journal holds any more.
";

/// What a line is about: its order in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) model: String,
    pub(super) event: String,
    pub(super) version: u32,
}

/// As `deposit v1`.
impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", Name(&self.event), self.version)
    }
}

/// A lock's text by its lines, so that those that are not touched stay as they are.
pub(super) struct Text {
    lines: Vec<Line>,
}

struct Line {
    text: String,
    /// None for what is no entry: comments, and lines between.
    entry: Option<Entry>,
}

/// An entry: the shape of one version of one event.
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) shape: String,
}

impl Text {
    /// Reads a lock, or says which of its lines is none.
    pub(super) fn read(text: &str) -> Result<Text, String> {
        let (mut lines, mut keys) = (Vec::new(), BTreeSet::new());
        for (i, text) in text.lines().enumerate() {
            let wrong = |what: &str| Err(format!("line {} {what}", i + 1));
            let is_entry = !(text.trim().is_empty() || text.starts_with('#'));
            let entry = match is_entry.then(|| Entry::read(text)) {
                Some(None) => return wrong("is no entry: mend it first"),
                entry => entry.flatten(),
            };
            if let Some(entry) = &entry
                && !keys.insert(entry.key.clone())
            {
                return wrong("is a second one for its event: keep the one that was committed first");
            }
            lines.push(Line { text: text.to_owned(), entry });
        }
        Ok(Text { lines })
    }

    /// The entries of one model.
    pub(super) fn of_model(&self, model: &str) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| line.entry.as_ref()).filter(move |entry| entry.key.model == model)
    }

    /// The other models that have entries, with the numbers of their lines.
    pub(super) fn of_others(&self, model: &str) -> BTreeMap<String, Vec<usize>> {
        let mut others: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(entry) = line.entry.as_ref().filter(|entry| entry.key.model != model) {
                others.entry(entry.key.model.clone()).or_default().push(i + 1);
            }
        }
        others
    }

    /// Adds an entry in its place, or gives the one there is another shape.
    pub(super) fn set(&mut self, entry: Entry) {
        let place = |wanted: Ordering| {
            let is = |line: &Line| line.entry.as_ref().is_some_and(|there| there.key.cmp(&entry.key) == wanted);
            self.lines.iter().position(is)
        };
        let (same, next) = (place(Ordering::Equal), place(Ordering::Greater));
        let line = Line { text: entry.to_string(), entry: Some(entry) };
        match (same, next) {
            (Some(same), _) => self.lines[same] = line,
            (None, Some(next)) => self.lines.insert(next, line),
            (None, None) => self.lines.push(line),
        }
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.lines.first().is_none_or(|line| line.entry.is_some()) {
            f.write_str(HEADER)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Key { model, event, version } = &self.key;
        write!(f, "{model} {} v{version} {}", Name(event), self.shape)
    }
}

impl Entry {
    fn read(text: &str) -> Option<Entry> {
        let (model, rest) = text.split_once(' ')?;
        let (event, rest) = name(rest)?;
        let (version, shape) = rest.strip_prefix(" v")?.split_once(' ')?;
        let key = Key { model: model.to_owned(), event, version: version.parse().ok()? };
        Some(Entry { key, shape: shape.trim_end().to_owned() })
    }
}

/// What [`Name`] wrote, and the rest.
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

    fn entry(event: &str, version: u32, shape: &str) -> Entry {
        let key = Key { model: "shop::Bank".to_owned(), event: event.to_owned(), version };
        Entry { key, shape: shape.to_owned() }
    }

    #[test]
    fn entries_go_to_their_places_and_nothing_else_moves() {
        let mut text = Text::read("").unwrap();
        for (event, version) in [("to \"x\"\n", 1), ("order", 10), ("order", 9), ("deposit", 1)] {
            text.set(entry(event, version, "struct"));
        }
        let made = text.to_string();
        expect![[r##"
            # The shapes of events, by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. By hand,
            # only the name of a model that was renamed is changed, and lines are removed whose events no journal holds any more.
            shop::Bank deposit v1 struct
            shop::Bank order v9 struct
            shop::Bank order v10 struct
            shop::Bank "to \"x\"\x0a" v1 struct
        "##]]
        .assert_eq(&made);
        assert_eq!(Text::read(&made).unwrap().to_string(), made);

        let ours = "# ours\n\nshop::Bank z v1 u8\n\n# of two\nshop::Bank a v1 u8\n";
        let mut text = Text::read(ours).unwrap();
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
    fn a_line_that_is_none_is_named() {
        let wrong = |text: &str| Text::read(text).map(drop).unwrap_err();
        for line in ["<<<<<<< ours", "=======", "a::B x 1 u8", "a::B x v1", "a::B \"x v1 u8", "x"] {
            assert_eq!(wrong(&format!("a::B x v1 u8\n{line}\n")), "line 2 is no entry: mend it first", "{line}");
        }
        assert!(wrong("a::B x v1 u8\n#\na::B x v1 u16\n").starts_with("line 3 is a second one for its event"));
    }
}
