//! `repair --dry-run`: what a repair would lose, and what the program would make of the rest.

use crate::admin::check::check_on;
use crate::admin::repair_action::RepairAction;
use crate::admin::tool::dry_run::{RepairDryRunDocument, found};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::repairs::description;
use crate::admin::tool::terminal::Terminal;
use crate::admin::tool::verbs::{Repair, Selected};
use crate::event::Model;

/// A dry run of a repair by a program with the model.
#[derive(Debug)]
pub(crate) struct RepairDryRun(Repair);

impl From<Repair> for RepairDryRun {
    fn from(repair: Repair) -> RepairDryRun {
        RepairDryRun(repair)
    }
}

impl RepairDryRun {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let RepairDryRun(repair) = self;
        let (disk, path, keys) = (repair.target.disk(), repair.target.path(), repair.target.keys()?);
        let check = check_on(disk, &path, &keys.clone().keyring())?;
        let Some(Selected { option, .. }) = repair.select(check)? else { return Ok(Found::Nothing) };
        let RepairAction::GiveUp(_) = option.action else {
            // what the other repairs keep has the recorded outcomes
            return repair.run(terminal);
        };
        let tried = crate::admin::repair::Repair::with_keys(option.action, keys).dry_run_on::<M>(disk, &path)?;
        match terminal.is_json() {
            true => {
                let document = RepairDryRunDocument::of(terminal, &option, &tried);
                json::document(terminal, &document)?;
            }
            false => {
                terminal.line(description(&option))?;
                terminal.line(terminal.translated(&tried))?;
            }
        }
        Ok(found(&tried.outcomes, tried.failure.as_ref()))
    }
}
