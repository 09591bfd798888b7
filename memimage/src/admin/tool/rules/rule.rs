//! One rule.

use std::fmt;

use crate::shape::node::Node;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleKind {
    RenameEvent,
    DropEvent,
    RenameField,
    DropField,
    SetDefault,
    Redact,
}

impl RuleKind {
    pub(crate) const ALL: [RuleKind; 6] = [
        RuleKind::RenameEvent,
        RuleKind::DropEvent,
        RuleKind::RenameField,
        RuleKind::DropField,
        RuleKind::SetDefault,
        RuleKind::Redact,
    ];

    /// The name of the option, without its dashes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RuleKind::RenameEvent => "rename-event",
            RuleKind::DropEvent => "drop-event",
            RuleKind::RenameField => "rename-field",
            RuleKind::DropField => "drop-field",
            RuleKind::SetDefault => "set-default",
            RuleKind::Redact => "redact",
        }
    }
}

/// A rule, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) kind: RuleKind,
    /// The text of the rule without its kind.
    pub(crate) text: String,
    pub(crate) event: EventSelector,
    pub(crate) change: Change,
}

/// An event, at one version or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSelector {
    pub(crate) name: String,
    pub(crate) version: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    RenameEvent(EventSelector),
    DropEvent,
    Field { path: Vec<String>, change: FieldChange },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldChange {
    Rename(String),
    Drop,
    /// Adds the field, if it is missing.
    Default {
        shape: Option<Node>,
        json: String,
    },
    /// Replaces the value, by this JSON or by an empty value.
    Redact(Option<String>),
}

impl EventSelector {
    pub(crate) fn selects(&self, name: &str, version: u32) -> bool {
        self.name == name && self.version.is_none_or(|wanted| wanted == version)
    }
}

impl Rule {
    /// Whether two rules that select the same event cannot both be followed.
    pub(crate) fn contradicts(&self, other: &Rule) -> bool {
        match (&self.change, &other.change) {
            (Change::DropEvent, _) | (_, Change::DropEvent) => true,
            (Change::RenameEvent(_), Change::RenameEvent(_)) => true,
            (Change::RenameEvent(_), Change::Field { .. }) | (Change::Field { .. }, Change::RenameEvent(_)) => false,
            (Change::Field { path, change }, Change::Field { path: other_path, change: other_change }) => {
                match (other_path.strip_prefix(&path[..]), path.strip_prefix(&other_path[..])) {
                    (Some([]), _) => !change.goes_with(other_change) && !other_change.goes_with(change),
                    (Some(_), _) => change.is_final(),
                    (None, Some(_)) => other_change.is_final(),
                    (None, None) => false,
                }
            }
        }
    }
}

impl FieldChange {
    /// Whether this change and another one of the same field can both be made.
    fn goes_with(&self, other: &FieldChange) -> bool {
        matches!((self, other), (FieldChange::Redact(_), FieldChange::Rename(_) | FieldChange::Default { .. }))
    }

    /// Whether the change leaves nothing of the value.
    fn is_final(&self) -> bool {
        matches!(self, FieldChange::Drop | FieldChange::Redact(_))
    }
}

impl fmt::Display for EventSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

/// The rule as an option of the command line.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{} {}", self.kind.name(), self.text)
    }
}
