//! The lines of a lock: `shop::Bank deposit v1 {account: u32, cents: u64}`. `memimage::shape_lock` writes them.

use std::collections::BTreeMap;

/// An entry of a lock: the shape of one version of one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LockLine {
    /// The number of the line, from 1.
    pub number: usize,
    pub model: String,
    pub event: String,
    pub version: u32,
    pub shape: String,
}

const FORM: &str = "not of the form `crate::Model event v1 shape`; help: restore the committed line";

const CONFLICT: &str =
    "a merge conflict; help: keep the lines of both sides, each once, and remove the conflict markers";

/// Without this error, a file with only carriage returns as line ends would be read as one comment.
const LONE_CR: &str = "a carriage return within it; help: save the file with LF or CRLF as line ends";

/// Parses a lock. The error contains the number of the invalid line, and the reason.
pub(crate) fn read(text: &str) -> Result<Vec<LockLine>, (usize, String)> {
    let mut lines = Vec::new();
    let mut first = BTreeMap::new();
    for (i, text) in text.lines().enumerate() {
        let number = i + 1;
        if ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| text.starts_with(mark)) {
            return Err((number, CONFLICT.to_owned()));
        }
        if text.contains('\r') {
            return Err((number, LONE_CR.to_owned()));
        }
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let line = entry(number, text).ok_or_else(|| (number, FORM.to_owned()))?;
        let key = (line.model.clone(), line.event.clone(), line.version);
        if let Some(first) = first.insert(key, number) {
            let (event, version) = (&line.event, line.version);
            let reason = format!(
                "a second line for {event} v{version}, after line {first}; help: keep the line that was committed first"
            );
            return Err((number, reason));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn entry(number: usize, text: &str) -> Option<LockLine> {
    let (model, rest) = text.split_once(' ')?;
    let (event, rest) = name(rest)?;
    let (version, shape) = rest.strip_prefix(" v")?.split_once(' ')?;
    let version = version.parse().ok().filter(|version| *version > 0)?;
    let is_model = model.split_once("::").is_some_and(|(target, model)| !target.is_empty() && !model.is_empty());
    let line = LockLine { number, model: model.to_owned(), event, version, shape: shape.trim_end().to_owned() };
    (is_model && !line.shape.is_empty()).then_some(line)
}

/// Parses a name, which is quoted unless it is an identifier. Returns the name and the text after it.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(' ')?;
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            '"' => return Some((name, chars.as_str())),
            '\\' => match chars.next()? {
                'x' => {
                    let code = chars.as_str().get(..2)?;
                    name.push(char::from(u8::from_str_radix(code, 16).ok()?));
                    chars = chars.as_str()[2..].chars();
                }
                escaped => name.push(escaped),
            },
            c => name.push(c),
        }
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        read(text).unwrap_err()
    }

    #[test]
    fn valid_lines_are_parsed() {
        let lines =
            read("# about\n\nshop::Bank deposit v1 {a: u32}\nbin/shop::Bank \"to \\\"x\\\"\\x0a\" v12 struct\n")
                .unwrap();
        assert_eq!(lines[0].shape, "{a: u32}");
        assert_eq!((lines[0].number, lines[0].version), (3, 1));
        assert_eq!((&*lines[1].model, &*lines[1].event, lines[1].version), ("bin/shop::Bank", "to \"x\"\n", 12));
    }

    #[test]
    fn the_error_has_the_number_of_the_invalid_line() {
        for line in [
            "Bank deposit v1 u8",
            "a::B deposit 1 u8",
            "a::B deposit v0 u8",
            "a::B deposit v1",
            "a::B deposit v1 ",
            "a::B \"x v1 u8",
            "::B x v1 u8",
            "x",
        ] {
            assert_eq!(wrong(&format!("a::B x v1 u8\n{line}\n")), (2, FORM.to_owned()), "{line}");
        }
        for mark in ["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"] {
            assert_eq!(wrong(&format!("# about\n{mark}\n")), (2, CONFLICT.to_owned()));
        }
        let (number, reason) = wrong("a::B x v1 u8\na::B y v1 u8\na::B x v1 u8\n");
        assert_eq!(number, 3);
        assert!(reason.starts_with("a second line for x v1, after line 1"), "{reason}");
    }
}
