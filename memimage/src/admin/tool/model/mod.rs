//! The verbs that need the model, a file for each. They are in a program that carries the tool.

mod target;
mod difference;
mod state;
mod diff;
mod changes;
mod replay;
mod digest;
mod snapshot;
mod rewrite;
mod repair_dry_run;
mod void_dry_run;

use clap::Subcommand;

use super::failure::{Failure, Found};
use super::terminal::Terminal;
use crate::event::Model;

/// A verb that needs the model.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelVerb {
    State(state::State),
    Diff(diff::Diff),
    Changes(changes::Changes),
    Digest(digest::Digest),
    Replay(replay::Replay),
    Snapshot(snapshot::Snapshot),
    /// The verb `rewrite` without rules.
    #[command(skip)]
    Rewrite(rewrite::RewriteToNewest),
    /// The verb `repair` with `--dry-run`.
    #[command(skip)]
    RepairDryRun(repair_dry_run::RepairDryRun),
    /// The verb `void` with `--dry-run`.
    #[command(skip)]
    VoidDryRun(void_dry_run::VoidDryRun),
}

impl ModelVerb {
    /// Whether a person may want to page through the output.
    pub(crate) fn is_paged(&self) -> bool {
        match self {
            ModelVerb::State(_) | ModelVerb::Diff(_) | ModelVerb::Changes(_) => true,
            ModelVerb::Digest(_)
            | ModelVerb::Replay(_)
            | ModelVerb::Snapshot(_)
            | ModelVerb::Rewrite(_)
            | ModelVerb::RepairDryRun(_)
            | ModelVerb::VoidDryRun(_) => false,
        }
    }
}

/// Runs a verb on an image of the model `M`.
pub(crate) fn run<M: Model>(verb: ModelVerb, terminal: &mut Terminal) -> Result<Found, Failure> {
    match verb {
        ModelVerb::State(state) => state.run::<M>(terminal),
        ModelVerb::Diff(diff) => diff.run::<M>(terminal),
        ModelVerb::Changes(changes) => changes.run::<M>(terminal),
        ModelVerb::Digest(digest) => digest.run::<M>(terminal),
        ModelVerb::Replay(replay) => replay.run::<M>(terminal),
        ModelVerb::Snapshot(snapshot) => snapshot.run::<M>(terminal),
        ModelVerb::Rewrite(rewrite) => rewrite.run::<M>(terminal),
        ModelVerb::RepairDryRun(repair) => repair.run::<M>(terminal),
        ModelVerb::VoidDryRun(void) => void.run::<M>(terminal),
    }
}
