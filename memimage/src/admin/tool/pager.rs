//! The program that shows a long output page by page.

use std::ffi::OsString;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A running pager. Until it has ended, it has the terminal.
pub(crate) struct Pager(Child);

impl Pager {
    /// Starts the pager that `MEMIMAGE_PAGER` or `PAGER` names, or `less`, and returns it with its input. `None` if the variable is empty
    /// or names `cat`, or if the pager cannot be started.
    pub(crate) fn start() -> Option<(Pager, ChildStdin)> {
        let mut command = command()?;
        // as git does: leave if everything fits on one page, show colours, and leave the text on the screen
        for (variable, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if std::env::var_os(variable).is_none() {
                command.env(variable, value);
            }
        }
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take()?;
        // Ctrl-C is for the pager; if it ended this process, the shell would take the terminal from the pager
        let _ = ctrlc::set_handler(|| {});
        Some((Pager(child), input))
    }

    /// Waits until the person leaves the pager, whose input must be closed.
    pub(crate) fn wait(mut self) {
        // a pager that cannot be waited for has ended
        let _ = self.0.wait();
    }
}

fn command() -> Option<Command> {
    let Some(named) = ["MEMIMAGE_PAGER", "PAGER"].into_iter().find_map(std::env::var_os) else {
        return Some(Command::new("less"));
    };
    if named.is_empty() || named == "cat" {
        return None;
    }
    let mut shell = Command::new("sh");
    shell.args([OsString::from("-c"), named]);
    Some(shell)
}
