//! `memimage doctor`: what is wrong here, and what to do.

use clap::Args;

use crate::admin::check::{CheckReport, Severity, check_on};
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::repairs::{description, name_of};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{ERROR, HEADING, NAME, Terminal, WARNING};

/// Tells on one page what a directory is, whether a program has it open, what is wrong, and what to do. Changes nothing.
///
/// For programs, use the verb `check` with --json.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage doctor bank.image")]
pub(crate) struct Doctor {
    #[command(flatten)]
    target: TargetArguments,
}

impl Doctor {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let check = check_on(self.target.disk(), &self.target.path(), &self.target.keys()?.keyring())?;
        describe(terminal, &check)?;
        findings(terminal, &check)?;
        advise(terminal, &check)?;
        Ok(if check.is_sound() { Found::Nothing } else { Found::Something })
    }
}

fn describe(terminal: &mut Terminal, check: &CheckReport) -> Result<(), Failure> {
    let model = check.model.as_deref().unwrap_or("an unknown model");
    terminal.line(format_args!("{HEADING}What it is{HEADING:#}"))?;
    terminal.line(format_args!("  `{}` is an image of `{model}`.", check.path.display()))?;
    match (check.first, check.last) {
        (Some(first), Some(last)) => terminal.line(format_args!(
            "  It holds the events {first} to {last}. Those up to {} are known to be on disk.",
            check.durable
        ))?,
        _ => terminal.line("  It holds no readable event.")?,
    }
    for lost in check.gaps.iter().filter_map(|gap| gap.lost) {
        terminal.line(format_args!("  {WARNING}Lost:{WARNING:#} {lost}, which a repair gave up."))?;
    }
    match check.snapshots.first() {
        Some(seq) => terminal.line(format_args!("  Its newest usable snapshot is the state after event {seq}."))?,
        None => terminal.line("  It has no usable snapshot: opening replays all events.")?,
    }
    match &check.owner {
        Some(owner) => terminal.line(format_args!("  It is open: its owner, {owner}, lives.")),
        None => terminal.line("  No process has it open."),
    }
}

fn findings(terminal: &mut Terminal, check: &CheckReport) -> Result<(), Failure> {
    terminal.line(format_args!("\n{HEADING}What is wrong{HEADING:#}"))?;
    let wrong = || check.findings.iter().filter(|finding| finding.severity > Severity::Note);
    if wrong().next().is_none() {
        terminal.line("  Nothing was found. All checksums are right.")?;
    }
    for finding in wrong() {
        let style = if finding.severity == Severity::Damage { ERROR } else { WARNING };
        let (severity, path) = (finding.severity, finding.path.display());
        terminal.line(format_args!(
            "  {style}{severity}{style:#} in `{path}`: {}",
            terminal.translated(&finding.message)
        ))?;
        if !finding.help.is_empty() {
            terminal.line(format_args!("    {}", terminal.translated(&finding.help)))?;
        }
    }
    match check.unlisted {
        0 => Ok(()),
        unlisted => {
            let check = terminal.invocation().verb("check", "--json");
            terminal.line(format_args!("  {unlisted} further findings: `{check}`."))
        }
    }
}

/// The program may not be able to replay events that rest on lost ones.
fn after_a_loss(terminal: &mut Terminal) -> Result<(), Failure> {
    let void = terminal.invocation().verb("void", "SEQ --reason TEXT");
    let replay = terminal.invocation().model_verb("replay", "--dry-run");
    terminal.line(format_args!("  - Try whether its program replays what follows the lost events: `{replay}`."))?;
    terminal.line(format_args!("  - Make an event void that it cannot replay: `{void}`."))?;
    terminal.line("  - Then open it with its program.")
}

fn advise(terminal: &mut Terminal, check: &CheckReport) -> Result<(), Failure> {
    terminal.line(format_args!("\n{HEADING}What to do{HEADING:#}"))?;
    let repairs = check.repairs();
    if repairs.is_empty() {
        return match (check.is_sound(), &check.owner) {
            (true, Some(_)) => terminal.line("  Nothing: let its owner work."),
            (true, None) if check.gaps.iter().any(|gap| gap.lost.is_some()) => after_a_loss(terminal),
            (true, None) => terminal.line("  Nothing: open it with its program."),
            (false, _) => terminal.line("  No repair applies. Restore a backup; keep this directory as it is."),
        };
    }
    if check.owner.is_some() {
        terminal.line("  - End the program that has the image open.")?;
    }
    let program = terminal.invocation().program().to_owned();
    terminal.line(format_args!("  - If you have a backup, look first what it holds: `{program} info BACKUP`."))?;
    terminal.line("  - Copy the directory before you repair it.")?;
    let one = match repairs.len() {
        1 => "make this repair",
        _ => "make one of these repairs; they are in the order of what they lose, the least first",
    };
    terminal.line(format_args!("  - Then {one}:"))?;
    let is_risky = |option: &RepairOption| matches!(option.action, RepairAction::GiveUp(_));
    for option in &repairs {
        let (name, repair) = (name_of(option.action), terminal.invocation().verb("repair", &name_of(option.action)));
        terminal.line(format_args!("      {NAME}{repair}{NAME:#}"))?;
        terminal.line(format_args!("          {}", description(option)))?;
        if is_risky(option) {
            let last = if repairs.len() > 1 { "It comes last, whatever it loses: only " } else { "Only " };
            let trial = terminal.invocation().model_verb("repair", &format!("{name} --dry-run"));
            terminal.line(format_args!(
                "          {last}the program can tell whether it still replays the later events. Try it first: `{trial}`."
            ))?;
        }
    }
    terminal.line("  - Then run this doctor again: more may be wrong.")
}
