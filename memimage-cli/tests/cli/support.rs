//! A model, and a runner of the command that makes its output comparable.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use memimage::{Image, Metadata, Model, Shape};
use serde::{Deserialize, Serialize};

/// A stock of goods.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub(crate) struct Stock {
    items: BTreeMap<String, i64>,
}

/// One line of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
pub(crate) struct Line {
    pub(crate) item: String,
    pub(crate) count: i64,
}

/// Why a removal is rejected.
#[derive(Debug, Serialize, Deserialize, Shape)]
pub(crate) struct OutOfStock {
    left: i64,
}

#[memimage::commands]
impl Stock {
    #[command]
    pub(crate) fn deliver(&mut self, lines: Vec<Line>, note: Option<String>) {
        for line in lines {
            *self.items.entry(line.item).or_default() += line.count;
        }
        let _ = note;
    }

    #[command]
    pub(crate) fn remove(&mut self, item: String, count: i64) -> Result<(), OutOfStock> {
        let left = self.items.entry(item).or_default();
        if *left < count {
            return Err(OutOfStock { left: *left });
        }
        *left -= count;
        Ok(())
    }
}

impl Stock {
    /// The number of pieces of an item.
    pub(crate) fn count(&self, item: &str) -> i64 {
        self.items.get(item).copied().unwrap_or(0)
    }
}

/// Records the four events of the tests in an open image.
pub(crate) fn record(stock: &Image<Stock>) {
    record_three(stock);
    record_last(stock);
}

pub(crate) fn record_three(stock: &Image<Stock>) {
    let lines =
        vec![Line { item: "nail".to_owned(), count: 100 }, Line { item: "screw \u{1b}[31m".to_owned(), count: 5 }];
    stock.with(Metadata::actor("ada")).deliver(lines, Some("first".to_owned())).unwrap();
    stock.with(Metadata::actor("ben")).remove("nail".to_owned(), 30).unwrap();
    stock.remove("nail".to_owned(), 300).unwrap_err();
}

pub(crate) fn record_last(stock: &Image<Stock>) {
    stock.deliver(vec![Line { item: "nut".to_owned(), count: 7 }], None).unwrap();
}

/// Creates an image with four events, and closes it.
pub(crate) fn create(path: &Path) {
    let stock = Image::<Stock>::open(path).unwrap();
    record(&stock);
    Image::close(stock).unwrap();
}

/// The command with these arguments.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memimage"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    for variable in
        ["MEMIMAGE_ENCRYPTION_KEYS", "MEMIMAGE_CHAIN_KEYS", "CLICOLOR_FORCE", "FORCE_COLOR", "MEMIMAGE_PAGER", "PAGER"]
    {
        command.env_remove(variable);
    }
    command
}

/// Runs the command, and returns its output with its exit code, without what differs from run to run.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> String {
    shown(directory, &command(directory, arguments).output().unwrap())
}

pub(crate) fn shown(directory: &Path, output: &Output) -> String {
    let mut shown = String::from_utf8(output.stdout.clone()).unwrap();
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    for call in ["memimage::", "RepairAction::"] {
        assert!(!shown.contains(call) && !errors.contains(call), "names a call: {shown}{errors}");
    }
    for line in errors.lines() {
        writeln!(shown, "stderr: {line}").unwrap();
    }
    match output.status.code() {
        Some(0) => {}
        code => writeln!(shown, "exit code: {code:?}").unwrap(),
    }
    stable(&shown.replace(directory.to_str().unwrap(), "DIR"))
}

/// Replaces times and UUIDs.
pub(crate) fn stable(text: &str) -> String {
    let mut stable = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(len) = time_len(rest) {
            stable += "TIME";
            rest = &rest[len..];
        } else if let Some(len) = uuid_len(rest).filter(|_| !stable.ends_with(|last: char| last.is_ascii_hexdigit())) {
            stable += "UUID";
            rest = &rest[len..];
        } else {
            stable.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    stable
}

/// The length of the time with which a text begins, such as `2026-11-30T12:00:00.000000Z`.
fn time_len(text: &str) -> Option<usize> {
    const FORM: &str = "0000-00-00T00:00:00.000000Z";
    let candidate = text.get(..FORM.len())?;
    let fits = candidate.chars().zip(FORM.chars()).all(|(found, form)| match form {
        '0' => found.is_ascii_digit(),
        form => found == form,
    });
    fits.then_some(FORM.len())
}

/// The length of the UUID with which a text begins.
fn uuid_len(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    (digits == 32).then_some(digits)
}
