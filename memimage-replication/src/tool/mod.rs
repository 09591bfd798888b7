//! The verbs `ship`, `restore`, `remote` and `set-aside` of the command `memimage`.
//!
//! Exit codes and JSON are those that `docs/CLI.md` of memimage defines.

// each module uses only the modules above it
mod failure;
mod span;
mod command;
mod ship;
mod restore;
mod remote;
mod set_aside;

use memimage::admin::Tool;

/// Adds the verbs that use logs to a command line: `ship`, `restore`, `remote` and `set-aside`.
///
/// ```no_run
/// # use memimage::{Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank {}
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn open(&mut self) {}
/// # }
/// use memimage::admin::Tool;
///
/// let tool = memimage_replication::add_verbs(Tool::for_model::<Bank>());
/// let code = tool.image("bank.image").run(["bank admin", "ship", "--to", "s3://backups/bank"]);
/// # drop::<std::process::ExitCode>(code);
/// ```
pub fn add_verbs(tool: Tool) -> Tool {
    tool.verb("ship", "Ships the journal of an image to a log on other machines", |image, arguments| {
        command::run::<ship::Ship>(image, arguments)
    })
    .verb("restore", "Restores an image from a log, as of any event or time", |image, arguments| {
        command::run::<restore::Restore>(image, arguments)
    })
    .verb("remote", "Looks into a log: info, check, prune", |image, arguments| {
        command::run::<remote::Remote>(image, arguments)
    })
    .verb("set-aside", "Sets aside the events of an earlier owner that are not in the log", |image, arguments| {
        command::run::<set_aside::SetAside>(image, arguments)
    })
}
