//! The syntax of rules:
//!
//! ```text
//! rename-event = event "=" event
//! drop-event   = event
//! rename-field = field "=" name
//! drop-field   = field
//! set-default  = field [ ":" type ] "=" JSON
//! redact       = field [ "=" JSON ]
//! field        = event "." name { "." name }
//! event        = name [ "@" version ]
//! name         = letters, digits and "_" | text
//! text         = "…" | '…', with `\` before a quote or a `\`
//! ```

use winnow::ascii::dec_uint;
use winnow::combinator::{cut_err, opt, preceded, repeat};
use winnow::prelude::*;
use winnow::token::rest;

use super::rule::{Change, EventSelector, FieldChange, Rule, RuleKind};
use super::type_grammar::{name, shape};
use crate::admin::tool::syntax::{Input, SyntaxError, expected, parse_whole};

/// Parses a rule without the name of its kind.
pub(crate) fn parse_rule(kind: RuleKind, text: &str) -> Result<Rule, SyntaxError> {
    let (event, change) = match kind {
        RuleKind::RenameEvent => {
            let new = preceded('='.context(expected("`=` and the new name")), cut_err(event));
            let (old, new) = parse_whole(text, (event, new), |_| "the end of the rule")?;
            (old, Change::RenameEvent(new))
        }
        RuleKind::DropEvent => {
            (parse_whole(text, event, |_| "`@` and a version, or the end of the rule")?, Change::DropEvent)
        }
        RuleKind::RenameField => {
            let name = name.context(expected("the new name of the field"));
            let new = preceded('='.context(expected("`.` and a field, or `=` and the new name")), cut_err(name));
            of_field(parse_whole(text, (field, new.map(FieldChange::Rename)), |_| "the end of the rule")?)
        }
        RuleKind::DropField => {
            of_field((parse_whole(text, field, |_| "`.` and a field, or the end of the rule")?, FieldChange::Drop))
        }
        RuleKind::SetDefault => {
            let json = preceded('='.context(expected("`=` and a JSON value")), rest);
            let default = (opt(preceded(':', cut_err(shape))), json);
            let default = default.map(|(shape, json): (_, &str)| FieldChange::Default { shape, json: json.to_owned() });
            of_field(parse_whole(text, (field, default), |_| "`=` and a JSON value")?)
        }
        RuleKind::Redact => {
            let json = opt(preceded('=', rest));
            let redact = json.map(|json: Option<&str>| FieldChange::Redact(json.map(str::to_owned)));
            of_field(parse_whole(
                text,
                (field, redact),
                |_| "`.` and a field, `=` and a JSON value, or the end of the rule",
            )?)
        }
    };
    Ok(Rule { kind, text: text.to_owned(), event, change })
}

/// Parses a line of a file: the kind of a rule and the rule, such as `drop-field deposit.memo`. An empty line and a comment after `#`
/// have no rule.
///
/// # Errors
///
/// Returns the message for a line that is no rule.
pub(crate) fn parse_line(line: &str) -> Result<Option<Rule>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (kind, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = kind.strip_prefix("--").unwrap_or(kind);
    let Some(kind) = RuleKind::ALL.into_iter().find(|known| known.name() == name) else {
        let known: Vec<&str> = RuleKind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(format!("`{name}` is no rule; the rules are {}", known.join(", ")));
    };
    parse_rule(kind, text.trim()).map(Some).map_err(|error| error.to_string())
}

fn of_field(((event, path), change): ((EventSelector, Vec<String>), FieldChange)) -> (EventSelector, Change) {
    (event, Change::Field { path, change })
}

fn event(input: &mut Input<'_>) -> ModalResult<EventSelector> {
    let version = dec_uint.verify(|version: &u32| *version > 0).context(expected("a version from 1 on"));
    let event = (name.context(expected("the name of an event")), opt(preceded('@', cut_err(version))));
    event.map(|(name, version)| EventSelector { name, version }).parse_next(input)
}

fn field(input: &mut Input<'_>) -> ModalResult<(EventSelector, Vec<String>)> {
    let step = preceded(
        '.'.context(expected("`.` and the name of a field")),
        cut_err(name.context(expected("the name of a field"))),
    );
    (event, repeat(1.., step)).parse_next(input)
}
