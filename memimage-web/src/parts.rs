//! Parts of a state as HTML.

use maud::{Markup, html};
use memimage::Value;
use memimage::inspect::{Content, Kind, Part, Path};

use crate::link::link;

/// The number of entries of a page.
pub(crate) const ENTRIES: u64 = 100;
/// The number of characters of a part in one line.
const LINE: usize = 300;

/// The entries of a part as lines, each with a link to its own page. The state is the one at `at`.
pub(crate) fn entries(part: &Part, path: &Path, at: &str) -> Markup {
    let Content::Entries { offset, entries } = &part.content else {
        return html! { ul.tree id="entries" { li { (line(part)) } } };
    };
    let page = |offset: u64| {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        link("state", &[("at", at), ("path", &path.to_string()), ("offset", &offset)])
    };
    html! {
        ul.tree id="entries" {
            @if *offset > 0 {
                li.hint { a href=(page(offset.saturating_sub(ENTRIES))) { (offset) " before" } }
            }
            @for entry in entries {
                @let address = link("state", &[("at", at), ("path", &path.child(&entry.key).to_string())]);
                li {
                    @if opens(&entry.part) {
                        a.expand href=(address) aria-label=(format!("open {}", entry.key)) aria-expanded="false" { "▸" }
                    } @else {
                        span.expand {}
                    }
                    a.key href=(address) { (entry.key) } ": " (line(&entry.part))
                }
            }
            @if entries.is_empty() && part.len == 0 { li.hint { "empty" } }
            @if part.entries_after() > 0 {
                li.hint { a href=(page(offset + ENTRIES)) { (part.entries_after()) " more" } }
            }
        }
    }
}

/// Whether a part has parts of its own.
fn opens(part: &Part) -> bool {
    part.kind != Kind::Scalar && part.len > 0
}

/// A part in one line.
pub(crate) fn line(part: &Part) -> Markup {
    let class = match &part.content {
        Content::Scalar(Value::String(_) | Value::Char(_)) => "text",
        Content::Scalar(Value::Bool(_) | Value::Option(None) | Value::Unit) => "word",
        Content::Scalar(_) => "number",
        _ => "hint",
    };
    let count = match part.kind {
        Kind::Scalar | Kind::Record | Kind::Tuple => None,
        _ => Some(if part.len == 1 { "1 entry ".to_owned() } else { format!("{} entries ", part.len) }),
    };
    html! { @if let Some(count) = count { span.hint { (count) } } span class=(class) { (text(part)) } }
}

/// The beginning of a part as text.
pub(crate) fn text(part: &Part) -> String {
    let text = part.to_string();
    match text.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A part before or after a change.
pub(crate) fn side(part: Option<&Part>, class: &str) -> Markup {
    html! {
        div class=(class) { @match part { Some(part) => code { (text(part)) }, None => span.hint { "absent" } } }
    }
}
