//! Which past version each step of a `history(…)` is.
//!
//! The numbers are not written down: oldest first, the steps of a command are the versions before its own, without those
//! that a `replay_only` command of the same name is, or has in a history of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::Command;
use crate::attr::Step;

/// A past version of a command's payload.
pub(crate) struct Past<'a> {
    pub step: &'a Step,
    pub version: u32,
    /// The version that its upcaster leads to.
    pub next: u32,
}

impl Command {
    /// The past versions, oldest first.
    pub(crate) fn past(&self) -> impl Iterator<Item = Past<'_>> {
        let steps = self.args.history.get().map_or(&[][..], |history| &history.steps);
        let next = self.past_versions.iter().skip(1).copied().chain([self.version()]);
        let versions = self.past_versions.iter().copied();
        steps.iter().zip(versions).zip(next).map(|((step, version), next)| Past { step, version, next })
    }
}

/// Numbers the steps of all commands. A step for which no version is left gets 0, which the rules refuse.
pub(super) fn number(commands: &mut [Command]) {
    let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, command) in commands.iter().enumerate() {
        names.entry(command.name.value()).or_default().push(i);
    }
    for mut same in names.into_values() {
        same.sort_by_key(|&i| commands[i].version());
        let mut taken: BTreeSet<u32> = same.iter().map(|&i| commands[i].version()).collect();
        for i in same {
            let steps = commands[i].args.history.get().map_or(0, |history| history.steps.len());
            let free = (1..commands[i].version()).rev().filter(|version| !taken.contains(version));
            let mut versions: Vec<u32> = free.take(steps).collect();
            versions.resize(steps, 0);
            versions.reverse();
            taken.extend(&versions);
            commands[i].past_versions = versions;
        }
    }
}
