//! The question before a verb changes an image.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::failure::Failure;

/// Asks a question on the terminal, and returns whether the answer is yes. With `--yes`, does not ask.
///
/// # Errors
///
/// Returns an error if there is no terminal to ask on.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(format!("{question}: there is no terminal to ask on; help: add --yes to confirm")));
    }
    Ok(matches!(answer(&format!("{question}? [y/N] "))?.as_str(), "y" | "yes"))
}

/// Prints a prompt on standard error, and reads a line.
fn answer(prompt: &str) -> Result<String, Failure> {
    let failed = |error| Failure::Other(format!("the terminal cannot be read: {error}"));
    let mut terminal = io::stderr();
    write!(terminal, "{prompt}").and_then(|()| terminal.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_lowercase())
}
