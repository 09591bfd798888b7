//! The verbs, a file for each.

mod info;
mod log;
mod show;
mod shapes;
mod stats;
mod check;
mod doctor;
mod repair;
mod void;
mod snapshots;
mod backup;
mod rewrite;
mod branch;
mod quarantine;
mod export;
mod import;
mod completions;
mod man;

use clap::Subcommand;

pub(crate) use repair::{Repair, Selected};
pub(crate) use rewrite::Rewrite;
pub(crate) use void::Void;

use super::failure::{Failure, Found};
use super::terminal::Terminal;

/// What the command does.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Info(info::Info),
    Log(log::Log),
    Show(show::Show),
    Shapes(shapes::Shapes),
    Stats(stats::Stats),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Repair(repair::Repair),
    Void(void::Void),
    Snapshots(snapshots::Snapshots),
    Backup(backup::Backup),
    Rewrite(rewrite::Rewrite),
    Branch(branch::Branch),
    Quarantine(quarantine::Quarantine),
    Export(export::Export),
    Import(import::Import),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Verb {
    /// Whether a person may want to page through the output.
    pub(crate) fn is_paged(&self) -> bool {
        match self {
            Verb::Log(log) => !log.is_following(),
            Verb::Info(_)
            | Verb::Show(_)
            | Verb::Shapes(_)
            | Verb::Stats(_)
            | Verb::Check(_)
            | Verb::Doctor(_)
            | Verb::Snapshots(_)
            | Verb::Quarantine(_) => true,
            // these ask, or write little
            Verb::Repair(_)
            | Verb::Void(_)
            | Verb::Backup(_)
            | Verb::Rewrite(_)
            | Verb::Branch(_)
            | Verb::Export(_)
            | Verb::Import(_)
            | Verb::Completions(_)
            | Verb::Man(_) => false,
        }
    }
}

/// Runs a verb of the command line `command`.
pub(crate) fn run(verb: Verb, terminal: &mut Terminal, command: clap::Command) -> Result<Found, Failure> {
    match verb {
        Verb::Info(info) => info.run(terminal),
        Verb::Log(log) => log.run(terminal),
        Verb::Show(show) => show.run(terminal),
        Verb::Shapes(shapes) => shapes.run(terminal),
        Verb::Stats(stats) => stats.run(terminal),
        Verb::Check(check) => check.run(terminal),
        Verb::Doctor(doctor) => doctor.run(terminal),
        Verb::Repair(repair) => repair.run(terminal),
        Verb::Void(void) => void.run(terminal),
        Verb::Snapshots(snapshots) => snapshots.run(terminal),
        Verb::Backup(backup) => backup.run(terminal),
        Verb::Rewrite(rewrite) => rewrite.run(terminal),
        Verb::Branch(branch) => branch.run(terminal),
        Verb::Quarantine(quarantine) => quarantine.run(terminal),
        Verb::Export(export) => export.run(terminal),
        Verb::Import(import) => import.run(terminal),
        Verb::Completions(completions) => completions.run(terminal, command),
        Verb::Man(man) => man.run(terminal, command),
    }
}
