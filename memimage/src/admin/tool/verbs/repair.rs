//! `memimage repair`: repairs a damaged image.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::admin::check::{CheckReport, check_on};
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::tool::confirmation::confirm;
use crate::admin::tool::dry_run::{RepairDryRunDocument, not_tried};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::repairs::{RangeDocument, RepairDocument, RepairName, description, name_of};
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{HEADING, NAME, Terminal, tell};

/// Lists the repairs that apply to a damaged image, with the events that each loses, or makes one of them.
///
/// Without a repair, lists those that apply. The one that loses the least comes first. The one that gives up the damaged frames alone
/// (give-up) comes last: later events are then replayed without the lost ones, so their outcomes can differ.
///
/// With a repair, shows what it loses, and asks before it begins. What a repair changes is kept in the directory `quarantine`. The image must
/// not be open. With --dry-run, changes nothing; a program that carries this verb for its model also replays what give-up keeps, and lists
/// the outcomes that would change.
///
/// The exit code of the list is 1 if a repair applies, and that of a dry run is 1 if outcomes would change.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage repair bank.image                       which repairs apply?
  memimage repair bank.image torn-tail             make one of them
  memimage repair bank.image cut-from=1234 --dry-run
  memimage repair bank.image give-up=1234 --by 'Ann'   keep the sound events behind the damage")]
pub(crate) struct Repair {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// The repair, as the list names it: torn-tail, suspect-tail, cut-from=SEQ, begin-at=SEQ, give-up=SEQ, segments, snapshots or base.
    repair: Option<RepairName>,
    /// Show what the repair would lose and change, and change nothing.
    #[arg(long, requires = "repair")]
    dry_run: bool,
    /// Record who decided to give up events; for give-up.
    #[arg(long, value_name = "NAME", requires = "repair", conflicts_with = "dry_run")]
    by: Option<String>,
    /// Do not ask.
    #[arg(long, requires = "repair", conflicts_with = "dry_run")]
    yes: bool,
}

#[derive(Serialize)]
struct ResultDocument {
    repair: String,
    lost: Option<RangeDocument>,
    gaps: Vec<RangeDocument>,
    retired: Option<RangeDocument>,
    changes: Vec<ChangeDocument>,
    epoch: u64,
}

#[derive(Serialize)]
struct ChangeDocument {
    path: String,
    change: &'static str,
    backup: Option<String>,
}

/// The check that found a repair, and the repair.
pub(crate) struct Selected {
    pub(crate) check: CheckReport,
    pub(crate) option: RepairOption,
}

impl Repair {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The repair that the command line names; `None` if it names none.
    pub(crate) fn select(&self, check: CheckReport) -> Result<Option<Selected>, Failure> {
        let Some(RepairName(action)) = self.repair else { return Ok(None) };
        let options = check.repairs();
        match options.iter().find(|option| option.action == action) {
            Some(option) => Ok(Some(Selected { option: option.clone(), check })),
            None => {
                let names: Vec<String> = options.iter().map(|option| name_of(option.action)).collect();
                let applies = match names.is_empty() {
                    true => "no repair applies".to_owned(),
                    false => format!("these repairs apply: {}", names.join(", ")),
                };
                Err(Failure::Other(format!("`{}` does not apply to this image; {applies}", name_of(action))))
            }
        }
    }

    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let check = check_on(self.target.disk(), &self.target.path(), &self.target.keys()?.keyring())?;
        if self.repair.is_none() {
            return list(terminal, &check);
        }
        let Some(Selected { check, option }) = self.select(check)? else { return Ok(Found::Nothing) };
        let (action, option) = (option.action, &option);
        if self.dry_run {
            if terminal.is_json() {
                json::document(terminal, &RepairDryRunDocument::not_replayed(option))?;
                return Ok(Found::Nothing);
            }
            terminal.line(description(option))?;
            if let RepairAction::GiveUp(_) = action {
                not_tried(terminal, check.model.as_deref(), "repair", &format!("{} --dry-run", name_of(action)))?;
            }
            return Ok(Found::Nothing);
        }
        if !self.yes {
            tell(description(option));
        }
        if !confirm("Repair the image", self.yes)? {
            return Err(Failure::Other("nothing was changed".to_owned()));
        }
        let mut repair = crate::admin::repair::Repair::with_keys(action, self.target.keys()?);
        if let Some(by) = self.by {
            repair = repair.by(by);
        }
        let report = repair.run_on(Arc::clone(self.target.disk()), &self.target.path())?;
        if !terminal.is_json() {
            terminal.line(terminal.translated(&report))?;
            return Ok(Found::Nothing);
        }
        let document = ResultDocument {
            repair: name_of(report.action),
            lost: report.lost.map(RangeDocument::of),
            gaps: report.gaps.iter().copied().map(RangeDocument::of).collect(),
            retired: report.retired.map(RangeDocument::of),
            changes: report
                .changes
                .iter()
                .map(|change| ChangeDocument {
                    path: change.path.display().to_string(),
                    change: change.change,
                    backup: change.backup.as_ref().map(|path| path.display().to_string()),
                })
                .collect(),
            epoch: report.epoch,
        };
        json::document(terminal, &document)?;
        Ok(Found::Nothing)
    }
}

fn list(terminal: &mut Terminal, check: &CheckReport) -> Result<Found, Failure> {
    let options = check.repairs();
    let found = if options.is_empty() { Found::Nothing } else { Found::Something };
    if terminal.is_json() {
        json::document(terminal, &options.iter().map(RepairDocument::of).collect::<Vec<_>>())?;
        return Ok(found);
    }
    if options.is_empty() {
        let sound =
            if check.is_sound() { "the image is sound: nothing to repair" } else { "no repair applies to this damage" };
        terminal.line(sound)?;
    }
    for option in &options {
        terminal.line(format_args!("{HEADING}{NAME}{}{NAME:#}{HEADING:#}", name_of(option.action)))?;
        terminal.line(format_args!("    {}", description(option)))?;
    }
    Ok(found)
}
