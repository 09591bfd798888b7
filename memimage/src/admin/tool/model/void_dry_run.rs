//! `void --dry-run`: what a void event would change.

use crate::admin::tool::dry_run::{VoidDryRunDocument, found};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::terminal::Terminal;
use crate::admin::tool::verbs::Void;
use crate::event::Model;

/// A dry run of a void operation by a program with the model.
#[derive(Debug)]
pub(crate) struct VoidDryRun(Void);

impl From<Void> for VoidDryRun {
    fn from(void: Void) -> VoidDryRun {
        VoidDryRun(void)
    }
}

impl VoidDryRun {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (target, void) = self.0.operation()?;
        let tried = void.dry_run_on::<M>(target.disk(), &target.path())?;
        match terminal.is_json() {
            true => {
                let document = VoidDryRunDocument::of(terminal, &tried);
                json::document(terminal, &document)?;
            }
            false => terminal.line(terminal.translated(&tried))?,
        }
        Ok(found(&tried.outcomes, tried.failure.as_ref()))
    }
}
