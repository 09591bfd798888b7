//! Rules for versions: each one before the newest is in a history, is kept for replay, or is in no journal any more.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;

use crate::ast::{Block, Command, EventHistory, Way};
use crate::attr::{History, Retired, Step};
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
            let Way::Type(ty) = past.way else { continue };
            let spelled = ty.to_token_stream().to_string();
            if let Some(newest) = block.commands.iter().find(|command| command.payload == spelled) {
                let message = format!(
                    "`{spelled}` changes with `{}`, and a past version never changes: keep the old shape in a type of its \
                     own",
                    newest.sig.ident
                );
                cx.error(ty, message);
            } else if let Some((first, may_go)) = types.insert(spelled, (called(&event), has_cfg))
                // at most one of two that have a `#[cfg]` may be built; rustc sees it if that is not so
                && !(may_go && has_cfg)
            {
                let message = format!(
                    "this type is a past version of `{first}` already, and has one step onward: use a type of its own here",
                );
                cx.error(ty, message);
            }
        }
    }
    for (name, same) in names {
        let retired = block.args.retired.iter().filter(|retired| retired.name.value() == name);
        covered(cx, &same, retired.flat_map(Retired::versions));
    }
}

/// The command of an event, or the name of a retired event.
fn called(event: &EventHistory<'_>) -> String {
    event.command.map_or_else(|| event.name.value(), |command| command.sig.ident.to_string())
}

fn replay_only(cx: &Ctxt, command: &Command) {
    let (Some(key), Some(_)) = (command.args.replay_only.get(), command.args.check.get()) else { return };
    cx.error(key, "a check does not run on replay, and nothing else runs this command: remove `check`");
}

/// More steps than there are versions before.
fn surplus(cx: &Ctxt, command: &Command) {
    let Some(history) = command.args.history.get() else { return };
    let surplus = command.past_versions.iter().filter(|version| **version == 0).count();
    let Some(step) = surplus.checked_sub(1).and_then(|last| history.steps.get(last)) else { return };
    let (name, version) = (command.name.value(), command.version());
    let message = match version {
        1 => format!("`{name}` is at version 1 and has no past: say `version = {}`", 1 + history.steps.len()),
        _ => format!(
            "{} listed, and before version {version} of `{name}` there is no room: raise `version`, or move what comes \
             before a version that is `replay_only` to its own `history(…)`",
            match history.steps.len() {
                1 => "a past version is".to_owned(),
                count => format!("{count} past versions are"),
            }
        ),
    };
    match step {
        Step::Type(ty) => cx.error(ty, message),
        Step::Value(path) => cx.error(path, message),
    }
}

/// The commands have one name, of which these versions are retired.
fn covered(cx: &Ctxt, commands: &[&Command], retired: impl Iterator<Item = u32>) {
    let newest = commands.iter().max_by_key(|command| command.version()).expect("a name of some command");
    let kept = commands.iter().flat_map(|command| command.past_versions.iter().copied().chain([command.version()]));
    let known: BTreeSet<u32> = kept.chain(retired).collect();
    if known.contains(&0) || commands.iter().any(|command| command.args.broken) {
        return;
    }
    let (name, version) = (newest.name.value(), newest.version());
    let oldest = match newest.args.oldest.get() {
        Some(oldest) if oldest.version > version => {
            let message = format!(
                "`oldest = {}` is after version {version} of `{name}`: it is the oldest in any journal",
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
        [one] => format!("version {one} of `{name}` is"),
        [some @ .., last] => format!("versions {} and {last} of `{name}` are", some.join(", ")),
    };
    let message = format!(
        "{which} neither in its history nor kept: add `history(…)` with the past types, oldest first, keep a command with \
         `version = {}, replay_only`, or say `oldest = {}` if no journal holds {} any more",
        missing[0],
        if missing.len() as u32 == first - oldest { first } else { version },
        if missing.len() == 1 { "it" } else { "them" },
    );
    match newest.args.history.get() {
        Some(history) => cx.error(&history.key, message),
        None => cx.error(&newest.sig.ident, message),
    }
}

/// The history of a model's state.
pub(crate) fn state(cx: &Ctxt, history: &History, version: u32) {
    let mut types = BTreeSet::new();
    for step in &history.steps {
        match step {
            Step::Value(path) => cx.error(path, "a state is upcast from types: keep the past one as a struct"),
            Step::Type(ty) if !types.insert(ty.to_token_stream().to_string()) => {
                cx.error(
                    ty,
                    "this type is a past version already, and has one step onward: use a type of its own here",
                );
            }
            Step::Type(_) => {}
        }
    }
    let past = history.steps.len();
    if past >= version as usize {
        let message =
            format!("{past} past versions are listed, and the model is at version {version}: raise `version`");
        cx.error(&history.key, message);
    }
}
