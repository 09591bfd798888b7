//! `memimage rewrite`: a new image with the same history, in which rules change the events.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::admin::rewrite::{PRUNED, STAGING};
use crate::admin::tool::event_text::print_lost;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::history_copy::{Copied, HistoryCopy};
use crate::admin::tool::json;
use crate::admin::tool::rules::{PlannedRow, RewritePlan, Rule, RuleKind, parse_line, parse_rule};
use crate::admin::tool::syntax::SyntaxError;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{NAME, Terminal, progress_bar, visible};
use crate::disk::{absolute, text_file};
use crate::journal::ShapeRow;
use crate::keys::Keyring;
use crate::recovery::OpenedJournal;
use crate::seq::Seq;
use crate::value::text::hex;

/// Makes a new image with the same history, in which rules change the events. Needs no program.
///
/// Every event keeps its seq, time, outcome, metadata and random values. A dropped event leaves a `memimage.dropped` record with its time and
/// metadata, and void events stay void. The new image has a UUID of its own, no snapshots, and the keys of this one. The image itself is not changed, and must
/// not be open, except with --dry-run.
///
/// A changed event keeps its version, so the program must declare that version with the new shape; the output lists these. No state is
/// computed: when the program opens the new image, it replays all events, and refuses the image if an event has another outcome than the
/// recorded one, such as a withdrawal without the deposit that was dropped.
///
/// In a program that carries this command for its model, a rewriting without rules gives each event its newest version, and verifies that
/// both journals replay to the same state.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage rewrite bank.image new.image --rename-field deposit.cents=amount
  memimage rewrite bank.image new.image --set-default deposit.memo:option<string>=null --rename-event deposit@1=deposit@2
  memimage rewrite bank.image new.image --redact open.owner.name --redact 'open.owner.born=\"1970-01-01\"'
  memimage rewrite bank.image new.image --rules rules.txt --dry-run

How rules are written:
  A rule names an event, at all versions or at one: deposit, deposit@1. A field of a record in a record is open.owner.name; lists, options
  and maps need no step of their own, and a variant of an enum is a step. A name that is no word is written in quotes. All rules name what
  the image has now; no rule sees the result of another. A rule that changes no event is an error.
  A file has a rule in each line, such as `drop-field deposit.memo`, and comments after #.")]
pub(crate) struct Rewrite {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// The directory of the new image: it must not exist, or be empty.
    pub(crate) directory: PathBuf,
    /// Give an event another name, or another version: OLD=NEW, deposit@1=deposit@2.
    #[arg(long, value_name = "OLD=NEW", value_parser = rename_event, help_heading = "Rules")]
    rename_event: Vec<Rule>,
    /// Drop an event.
    #[arg(long, value_name = "EVENT", value_parser = drop_event, help_heading = "Rules")]
    drop_event: Vec<Rule>,
    /// Give a field another name.
    #[arg(long, value_name = "EVENT.FIELD=NEW", value_parser = rename_field, help_heading = "Rules")]
    rename_field: Vec<Rule>,
    /// Drop a field.
    #[arg(long, value_name = "EVENT.FIELD", value_parser = drop_field, help_heading = "Rules")]
    drop_field: Vec<Rule>,
    /// Add a field with this value, as the last one, to the events that lack it. Without a type, the field has the type that it has in
    /// another version of the event, or that of a JSON text or truth value.
    #[arg(long, value_name = "EVENT.FIELD[:TYPE]=JSON", value_parser = set_default, help_heading = "Rules")]
    set_default: Vec<Rule>,
    /// Replace the value of a field by this value, or by an empty one.
    #[arg(long, value_name = "EVENT.FIELD[=JSON]", value_parser = redact, help_heading = "Rules")]
    redact: Vec<Rule>,
    /// Read more rules from this file.
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    rules: Option<PathBuf>,
    /// Take over recorded gaps: the new image lacks the events that a repair gave up, and says so.
    #[arg(long)]
    pub(crate) carry_gaps: bool,
    /// Show how many events each rule changes, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn rename_event(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::RenameEvent, text)
}

fn drop_event(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::DropEvent, text)
}

fn rename_field(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::RenameField, text)
}

fn drop_field(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::DropField, text)
}

fn set_default(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::SetDefault, text)
}

fn redact(text: &str) -> Result<Rule, SyntaxError> {
    parse_rule(RuleKind::Redact, text)
}

#[derive(Serialize)]
struct Document {
    /// The new image; left out of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    /// The last event.
    seq: u64,
    events: u64,
    dropped: u64,
    void: u64,
    /// The first and the last event of each recorded gap.
    lost: Vec<(u64, u64)>,
    rules: Vec<RuleDocument>,
    /// The events that are declared in another way than before.
    declarations: Vec<Declaration>,
}

#[derive(Serialize)]
struct RuleDocument {
    rule: String,
    /// The number of events that the rule changes.
    events: u64,
}

#[derive(Serialize)]
struct Declaration {
    name: String,
    version: u32,
    fingerprint: String,
    shape: String,
}

impl Rewrite {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let rules = self.all_rules()?;
        let (directory, carry_gaps) = (absolute(&self.directory), self.carry_gaps);
        let target = self.target.open()?;
        HistoryCopy::check_target(&*target.disk, &target.layout, &directory, &STAGING)?;
        let document = if self.dry_run {
            let end = target.durable()?;
            let journal = target.journal(end)?;
            let progress = progress_bar(end.get());
            let watch = &mut |seq: Seq| progress.set_position(seq.get());
            let document = rewritten(&rules, &journal, end, |rows| {
                copy(&journal, &target.keyring, (end, carry_gaps), rows, &directory).try_out(watch)
            })?;
            progress.finish_and_clear();
            document
        } else {
            let _lock = target.layout.acquire_lock(&*target.disk)?;
            let journal = OpenedJournal::open(&target.disk, &target.layout, &target.keyring, None)?;
            let end = journal.read_synced_end()?.chain.before();
            let progress = progress_bar(end.get());
            let watch = &mut |seq: Seq| progress.set_position(seq.get());
            let document = rewritten(&rules, &journal, end, |rows| {
                copy(&journal, &target.keyring, (end, carry_gaps), rows, &directory).run(watch)
            })?;
            progress.finish_and_clear();
            let path = Some(directory.display().to_string());
            Document { path, ..document }
        };
        match terminal.is_json() {
            true => json::document(terminal, &document)?,
            false => print(terminal, &document)?,
        }
        Ok(Found::Nothing)
    }

    /// Whether no rule is given.
    pub(crate) fn has_no_rules(&self) -> bool {
        let Rewrite { rename_event, drop_event, rename_field, drop_field, set_default, redact, rules, .. } = self;
        let given = [rename_event, drop_event, rename_field, drop_field, set_default, redact];
        rules.is_none() && given.into_iter().all(Vec::is_empty)
    }

    /// The rules of the command line, and those of the file.
    fn all_rules(&self) -> Result<Vec<Rule>, Failure> {
        let Rewrite { rename_event, drop_event, rename_field, drop_field, set_default, redact, .. } = self;
        let given = [rename_event, drop_event, rename_field, drop_field, set_default, redact];
        let mut rules: Vec<Rule> = given.into_iter().flatten().cloned().collect();
        if let Some(path) = &self.rules {
            let missing = || Failure::Other(format!("{}: there is no file with rules", path.display()));
            let text = text_file::read(path)?.ok_or_else(missing)?;
            for (index, line) in text.lines().enumerate() {
                let fault = |what| Failure::Usage(format!("{}, line {}: {what}", path.display(), index + 1));
                rules.extend(parse_line(line).map_err(fault)?);
            }
        }
        match rules.is_empty() {
            true => Err(Failure::Usage(
                "there is no rule; help: give one, such as --drop-field EVENT.FIELD; to copy an image, use `memimage branch`".to_owned(),
            )),
            false => Ok(rules),
        }
    }
}

fn copy<'a>(
    journal: &'a OpenedJournal,
    keyring: &'a Arc<Keyring>,
    (end, carries_gaps): (Seq, bool),
    rows: &'a [PlannedRow],
    target: &'a Path,
) -> HistoryCopy<'a> {
    HistoryCopy { journal, keyring, end, rows, keeps_digests: false, carries_gaps, target, staging: &STAGING }
}

/// Plans the rewriting, runs it by `run`, and describes the result.
fn rewritten(
    rules: &[Rule],
    journal: &OpenedJournal,
    end: Seq,
    run: impl FnOnce(&[PlannedRow]) -> Result<Copied, Failure>,
) -> Result<Document, Failure> {
    HistoryCopy::refuse_pruned(journal, PRUNED)?;
    let table = journal.scan().table()?;
    let plan = RewritePlan::new(rules, &table).map_err(Failure::Usage)?;
    let copied = run(&plan.rows)?;
    let events_of = |numbers: &[usize]| numbers.iter().map(|number| copied.by_row[*number]).sum();
    let by_rule = rules.iter().zip(&plan.matches);
    let mut declarations: Vec<Declaration> = Vec::new();
    for (old, new) in table.rows.iter().zip(&plan.rows) {
        let Some(ShapeRow { name, version, shape }) = new.row.as_ref().filter(|new| *new != old) else { continue };
        let (fingerprint, shape) = (shape.fingerprint().to_string(), shape.to_string());
        if declarations.iter().all(|known| (&known.name, known.version) != (name, *version)) {
            declarations.push(Declaration { name: name.clone(), version: *version, fingerprint, shape });
        }
    }
    Ok(Document {
        path: None,
        uuid: (copied.uuid != [0; 16]).then(|| hex(&copied.uuid)),
        seq: end.get(),
        events: copied.events(),
        dropped: copied.dropped,
        void: copied.void,
        lost: json::ranges(&copied.gaps),
        rules: by_rule.map(|(rule, of)| RuleDocument { rule: rule.to_string(), events: events_of(of) }).collect(),
        declarations,
    })
}

fn print(terminal: &mut Terminal, document: &Document) -> Result<(), Failure> {
    let Document { path, events, dropped, rules, declarations, .. } = document;
    let lost = if *dropped > 0 { format!(" ({dropped} of them dropped)") } else { String::new() };
    match path {
        Some(path) => terminal.line(format_args!("rewrote {events} events{lost} into {path}"))?,
        None => terminal.line(format_args!("would rewrite {events} events{lost}"))?,
    }
    print_lost(terminal, &document.lost)?;
    for RuleDocument { rule, events } in rules {
        terminal.line(format_args!("{events:>12}  {}", visible(rule)))?;
    }
    if !declarations.is_empty() {
        terminal.line("the program must declare")?;
    }
    for Declaration { name, version, shape, .. } in declarations {
        terminal.line(format_args!("  {NAME}{}@{version}{NAME:#} {}", visible(name), visible(shape)))?;
    }
    Ok(())
}
