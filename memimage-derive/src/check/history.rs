//! Rules for versions. Each past version must be listed in a history, or have a `replay_only` command, or be older than
//! `oldest`.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;

use crate::ast::{Block, Command, EventHistory, PastForm};
use crate::attr::{History, HistoryEntry, Retired};
use crate::ctxt::Ctxt;

pub(crate) fn block(cx: &Ctxt, block: &Block) {
    let mut names: BTreeMap<String, Vec<&Command>> = BTreeMap::new();
    let mut types = BTreeMap::new();
    for command in &block.commands {
        replay_only(cx, command);
        surplus(cx, command);
        names.entry(command.name.value()).or_default().push(command);
    }
    for event in block.histories() {
        let has_cfg = event.cfgs().next().is_some();
        for past in &event.past {
            let PastForm::Type(ty) = past.form else { continue };
            let spelled = ty.to_token_stream().to_string();
            if let Some(newest) = block.commands.iter().find(|command| command.payload == spelled) {
                let message = format!(
                    "`{spelled}` is the current payload of `{}`, not a past version; help: keep the old shape in a separate type",
                    newest.sig.ident
                );
                cx.error(ty, message);
            } else if let Some((first, may_go)) = types.insert(spelled, (display_name(&event), has_cfg))
                // commands with a `#[cfg]` may exclude each other; if they do not, rustc reports the conflict
                && !(may_go && has_cfg)
            {
                let message = format!(
                    "this type is already a past version of `{first}`; help: use a separate type for each past version",
                );
                cx.error(ty, message);
            }
        }
    }
    for (name, same) in names {
        let retired = block.args.retired.iter().filter(|retired| retired.name.value() == name);
        coverage(cx, &same, retired.flat_map(Retired::versions));
    }
}

/// The method name of the event's command, or the name of a retired event.
fn display_name(event: &EventHistory<'_>) -> String {
    event.command.map_or_else(|| event.name.value(), |command| command.sig.ident.to_string())
}

fn replay_only(cx: &Ctxt, command: &Command) {
    let (Some(key), Some(_)) = (command.args.replay_only.get(), command.args.check.get()) else { return };
    cx.error(
        key,
        "a `replay_only` command cannot have a check because checks do not run on replay; help: remove `check`",
    );
}

/// Reports a history with more entries than there are versions before the command's version.
fn surplus(cx: &Ctxt, command: &Command) {
    let Some(history) = command.args.history.get() else { return };
    let surplus = command.past_versions.iter().filter(|version| **version == 0).count();
    let Some(step) = surplus.checked_sub(1).and_then(|last| history.steps.get(last)) else { return };
    let (name, version) = (command.name.value(), command.version());
    let message = match version {
        1 => format!(
            "`{name}` is at version 1 and cannot have past versions; help: set `version = {}`",
            1 + history.steps.len()
        ),
        _ => format!(
            "{} before version {version} of `{name}`; help: raise `version`, or move the versions before a `replay_only` \
             command to the `history(…)` of that command",
            too_many(history)
        ),
    };
    match step {
        HistoryEntry::Type(ty) => cx.error(ty, message),
        HistoryEntry::Value(path) => cx.error(path, message),
    }
}

/// A part of an error message, such as `2 past versions are too many`.
fn too_many(history: &History) -> String {
    match history.steps.len() {
        1 => "1 past version is too many".to_owned(),
        count => format!("{count} past versions are too many"),
    }
}

/// Rule: each version of an event since `oldest` is replayed by one of the event's commands, or listed in `retired(…)`.
fn coverage(cx: &Ctxt, commands: &[&Command], retired: impl Iterator<Item = u32>) {
    let newest = commands.iter().max_by_key(|command| command.version()).expect("at least one command");
    let kept = commands.iter().flat_map(|command| command.past_versions.iter().copied().chain([command.version()]));
    let known: BTreeSet<u32> = kept.chain(retired).collect();
    if known.contains(&0) || commands.iter().any(|command| command.args.broken) {
        return;
    }
    let (name, version) = (newest.name.value(), newest.version());
    let oldest = match newest.args.oldest.get() {
        Some(oldest) if oldest.version > version => {
            let message = format!(
                "`oldest = {}` is greater than version {version} of `{name}`; help: set it to the oldest version that a journal can \
                 contain",
                oldest.version
            );
            return cx.error(&oldest.key, message);
        }
        Some(oldest) => oldest.version,
        None => 1,
    };
    let first = known.first().copied().unwrap_or(version);
    let missing: Vec<String> =
        (oldest..version).filter(|past| !known.contains(past)).map(|past| past.to_string()).collect();
    let which = match &missing[..] {
        [] => return,
        [one] => format!("version {one} of `{name}`"),
        [some @ .., last] => format!("versions {} and {last} of `{name}`", some.join(", ")),
    };
    let message = format!(
        "{which} cannot be replayed; help: add `history(…)` with the past types, oldest first; or keep a command with `version = \
         {}, replay_only`; or, if no journal contains {}, set `oldest = {}`",
        missing[0],
        if missing.len() == 1 { "it" } else { "them" },
        if missing.len() as u32 == first - oldest { first } else { version },
    );
    match newest.args.history.get() {
        Some(history) => cx.error(&history.key, message),
        None => cx.error(&newest.sig.ident, message),
    }
}

/// Rules for the history of a model's state.
pub(crate) fn state(cx: &Ctxt, history: &History, version: u32) {
    let mut types = BTreeSet::new();
    for step in &history.steps {
        match step {
            HistoryEntry::Value(path) => {
                cx.error(path, "a past state must be a type; help: keep it as a struct with an upcaster");
            }
            HistoryEntry::Type(ty) if !types.insert(ty.to_token_stream().to_string()) => {
                cx.error(
                    ty,
                    "this type is already a past version of the model; help: use a separate type for each past version",
                );
            }
            HistoryEntry::Type(_) => {}
        }
    }
    let past = history.steps.len();
    if past >= version as usize {
        let message = format!("{} before version {version} of the model; help: raise `version`", too_many(history));
        cx.error(&history.key, message);
    }
}
