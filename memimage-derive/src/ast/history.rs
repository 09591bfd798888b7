//! The version numbers of the entries of a `history(…)`.
//!
//! The user does not write these numbers. The last entry gets the number before the command's version, the entry before it one
//! less, and so on. If a `replay_only` command replays an older version of the event, all these numbers are greater than that
//! version, because the `replay_only` command has its own history. For a retired event, the first entry gets the number N of
//! `oldest = N`, or 1 without that key.

use std::collections::BTreeMap;

use syn::{Attribute, LitStr, Path, Type};

use super::Command;
use crate::attr::{HistoryEntry, Retired};

/// An event with its past versions.
pub(crate) struct EventHistory<'a> {
    /// The event's name in the journal.
    pub name: &'a LitStr,
    /// The command that records the event; `None` for a retired event.
    pub command: Option<&'a Command>,
    /// The past versions, oldest first.
    pub past: Vec<PastVersion<'a>>,
}

/// A past version of an event.
pub(crate) struct PastVersion<'a> {
    pub version: u32,
    /// The first later version that is a type; if there is none, the command's own version. `None` for the last version of a
    /// retired event.
    pub next: Option<u32>,
    pub form: PastForm<'a>,
}

/// How a past version is upcast.
pub(crate) enum PastForm<'a> {
    /// The past version is a type with an upcaster.
    Type(&'a Type),
    /// Functions on values convert the past version to the next version that is a type (`None`: to the command's payload).
    Values(Vec<&'a Path>, Option<&'a Type>),
}

impl<'a> EventHistory<'a> {
    pub(crate) fn of_command(command: &'a Command) -> EventHistory<'a> {
        let steps = command.args.history.get().map_or(&[][..], |history| &history.steps);
        let past = past(steps, &command.past_versions, Some(command.version()));
        EventHistory { name: &command.name, command: Some(command), past }
    }

    pub(crate) fn of_retired(retired: &'a Retired) -> EventHistory<'a> {
        let versions: Vec<u32> = retired.versions().collect();
        let past = past(&retired.history.steps, &versions, None);
        EventHistory { name: &retired.name, command: None, past }
    }

    /// The `#[cfg]` attributes of the command, if there is one.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &'a Attribute> {
        self.command.into_iter().flat_map(Command::cfgs)
    }
}

/// The past versions, one for each entry of the history. `newest` is the command's version; `None` for a retired event.
fn past<'a>(steps: &'a [HistoryEntry], versions: &[u32], newest: Option<u32>) -> Vec<PastVersion<'a>> {
    let one = |(i, &version): (usize, &u32)| {
        let after = &steps[i + 1..];
        let next_type = after.iter().position(|step| matches!(step, HistoryEntry::Type(_)));
        let next = next_type.map_or(newest, |next| Some(versions[i + 1 + next]));
        let form = match &steps[i] {
            HistoryEntry::Type(ty) => PastForm::Type(ty),
            HistoryEntry::Value(first) => {
                let more = after.iter().map_while(|step| match step {
                    HistoryEntry::Value(function) => Some(function),
                    HistoryEntry::Type(_) => None,
                });
                let target = next_type.and_then(|next| match &after[next] {
                    HistoryEntry::Type(ty) => Some(ty),
                    HistoryEntry::Value(_) => None,
                });
                PastForm::Values(std::iter::once(first).chain(more).collect(), target)
            }
        };
        PastVersion { version, next, form }
    };
    versions.iter().enumerate().map(one).collect()
}

/// Sets the past versions of all commands. An entry for which no version number is left gets 0, and the rules in `check` report
/// that entry.
pub(super) fn number(commands: &mut [Command]) {
    // commands with the same name and version are alternatives under different `#[cfg]`s, and have the same past versions
    let mut names: BTreeMap<String, BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for (i, command) in commands.iter().enumerate() {
        names.entry(command.name.value()).or_default().entry(command.version()).or_default().push(i);
    }
    for versions in names.into_values() {
        let mut before = 0;
        for (version, alternatives) in versions {
            for i in alternatives {
                let steps = commands[i].args.history.get().map_or(0, |history| history.steps.len());
                let mut past: Vec<u32> = (before + 1..version).rev().take(steps).collect();
                past.resize(steps, 0);
                past.reverse();
                commands[i].past_versions = past;
            }
            before = version;
        }
    }
}
