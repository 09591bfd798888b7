//! Compares a command of a test with the same command on a second model, which was loaded from a snapshot just before the
//! command. If the snapshot lost state, the outcome or the effect of the command may differ.

use super::model_under_test::{CommandResult, differences, state_digest};
use crate::event::{Command, Model};

/// The help for a command that has another outcome or effect on the loaded model.
pub(super) const LOST_HELP: &str = "the model keeps data that a snapshot does not hold (a field that is skipped, or that \
     a `Deserialize` does not restore), or the command depends on the order of a hash map; help: store the data; or, if the \
     stored fields determine it, mark the field `#[model(derived)]` and fill it in a method, `#[model(rebuild = method)]`";

/// Checks that a command had the same outcome and the same effect on both models.
pub(super) fn check<M: Model, C: Command<M>>(
    executed: (&M, &CommandResult<C, M>),
    reloaded: (&M, &CommandResult<C, M>),
) -> Result<(), String> {
    let (before, after) = (executed.1.outcome(), reloaded.1.outcome());
    if before != after {
        return Err(format!(
            "the command has another outcome on a model that was loaded from a snapshot just before the command\n  without a load: {before}\n  \
             after a load: {after}\n{LOST_HELP}"
        ));
    }
    if state_digest(executed.0)? == state_digest(reloaded.0)? {
        return Ok(());
    }
    let differences = differences(executed.0, reloaded.0, ["without a load", "after a load"]);
    Err(format!(
        "the command leads to another state on a model that was loaded from a snapshot just before the command:{differences}\n{LOST_HELP}"
    ))
}
