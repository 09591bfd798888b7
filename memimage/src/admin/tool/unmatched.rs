//! Tells why a list of events is empty, which is probably a mistake in writing.

use super::failure::Failure;
use super::filter::{Condition, Mismatches, Subject};
use super::report::EventShape;
use super::suggestion;
use super::target::Target;
use super::terminal::{note, visible};
use crate::history::Query;

/// What the events showed of a query and its condition.
pub(crate) struct Unmatched {
    /// The paths of the condition that no event had so far.
    paths: Vec<String>,
    mismatches: Option<Mismatches>,
    /// Whether the journal had an event for the condition.
    pub(crate) has_read_event: bool,
    pub(crate) has_printed: bool,
}

impl Unmatched {
    pub(crate) fn new(condition: Option<&Condition>) -> Unmatched {
        let paths = condition.map(Condition::paths).unwrap_or_default();
        Unmatched {
            paths: paths.into_iter().map(ToString::to_string).collect(),
            mismatches: condition.map(Mismatches::of),
            has_read_event: false,
            has_printed: false,
        }
    }

    /// Looks for the values that the condition compares.
    pub(crate) fn look_at(&mut self, condition: &Condition, event: &Subject<'_>) {
        if !self.paths.is_empty() {
            let known: Vec<String> =
                condition.paths().into_iter().filter(|path| event.has(path)).map(ToString::to_string).collect();
            self.paths.retain(|path| !known.contains(path));
        }
        if let Some(mismatches) = &mut self.mismatches {
            mismatches.look_at(event);
        }
    }

    /// Tells about names that the journal does not declare, paths that no event had, comparisons that no event can fulfil, and otherwise
    /// that nothing was found.
    pub(crate) fn tell(self, target: &Target, query: &Query) -> Result<(), Failure> {
        let mut is_explained = self.has_printed;
        for name in unknown_names(target, query)? {
            note(name);
            is_explained = true;
        }
        if self.has_read_event {
            for path in &self.paths {
                note(format_args!("no event had a value at `{path}`"));
                is_explained = true;
            }
        }
        for mismatch in self.mismatches.into_iter().flat_map(Mismatches::found) {
            note(mismatch);
            is_explained = true;
        }
        if !is_explained {
            note(match (self.has_read_event, target.durable()?.get()) {
                (_, 0) => "the image has no event yet".to_owned(),
                (true, _) => "no event fulfils the condition".to_owned(),
                (false, last) => format!("no event was selected; the last one is event {last}"),
            });
        }
        Ok(())
    }
}

/// The wanted names that the journal does not declare, each with the help.
fn unknown_names(target: &Target, query: &Query) -> Result<Vec<String>, Failure> {
    if query.names.is_empty() {
        return Ok(Vec::new());
    }
    let declared = EventShape::list(target)?;
    let names = || declared.iter().map(|shape| &*shape.name);
    let unknown = query.names.iter().filter(|name| !names().any(|declared| declared == **name));
    let told = unknown
        .map(|name| format!("the journal declares no event `{}`: {}", visible(name), suggestion::help(name, names())));
    Ok(told.collect())
}
