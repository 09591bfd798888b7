//! Rules for `retired(…)`.

use std::collections::BTreeSet;

use crate::ast::{Block, Command};
use crate::attr::{HistoryEntry, Retired};
use crate::ctxt::Ctxt;
use crate::reserved::OWN_EVENTS;

pub(crate) fn block(cx: &Ctxt, block: &Block) {
    let mut names = BTreeSet::new();
    for retired in &block.args.retired {
        if names.insert(retired.name.value()) {
            name(cx, block, retired);
            last(cx, retired);
        } else {
            let message =
                format!("`{}` is retired twice; help: list all its versions in one `history(…)`", retired.name.value());
            cx.error(&retired.name, message);
        }
    }
}

/// Rule: no command records a retired event. A `replay_only` command may replay versions of the event that `retired(…)` does
/// not list.
fn name(cx: &Ctxt, block: &Block, retired: &Retired) {
    let name = retired.name.value();
    if name.starts_with(OWN_EVENTS) {
        let message = format!(
            "names that begin with `{OWN_EVENTS}` are reserved for events of the library; help: use another \
                               name"
        );
        return cx.error(&retired.name, message);
    }
    let of_name = |command: &&Command| command.name.value() == name;
    if let Some(command) = block.commands.iter().filter(of_name).find(|command| !command.is_replay_only()) {
        let message = format!(
            "`{name}` is not retired because the command `{}` records it; help: list its past versions in the `history(…)` of \
             that command",
            command.sig.ident
        );
        return cx.error(&retired.name, message);
    }
    let versions: BTreeSet<u32> = retired.versions().collect();
    for command in block.commands.iter().filter(of_name) {
        let kept = command.past_versions.iter().copied().chain([command.version()]);
        if let Some(version) = kept.filter(|version| versions.contains(version)).max() {
            let message = format!(
                "`retired(…)` lists version {version} of `{name}`, but the `replay_only` command `{}` still replays that version; \
                 help: remove the command, or let `retired(…)` begin after that version: `oldest = {}`, with a `history(…)` of the \
                 later versions",
                command.sig.ident,
                version.saturating_add(1)
            );
            return cx.error(&retired.name, message);
        }
    }
}

/// The newest version must be a type: a step on values would have to produce a payload, and a retired event has none.
fn last(cx: &Ctxt, retired: &Retired) {
    if let Some(HistoryEntry::Value(path)) = retired.history.steps.last() {
        let message = "the last version of a retired event cannot be a step on values; help: keep it as a type";
        cx.error(path, message);
    }
}
