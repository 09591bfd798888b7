//! Rules for a locked model: the lines that its lock must contain or must not contain.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;

use crate::ast::{Block, Command, EventHistory, PastForm};
use crate::attr::LockArg;
use crate::ctxt::Ctxt;
use crate::shape_lock::{LockLine, ModelLock, UnclaimedLines};

/// Reads and checks the lock of a block that has the key `lock`. Called only if the block has no other errors. If the lock
/// cannot be read, reports an error and returns an empty lock.
pub(crate) fn lock(cx: &Ctxt, block: &Block) -> Option<ModelLock> {
    let arg = block.args.lock.get()?;
    let Some(lock) = ModelLock::read(cx, arg, &block.model_name()) else {
        return cx.has_errors().then(ModelLock::unreadable);
    };
    complete(cx, block, arg, &lock);
    Some(lock)
}

/// Checks that each event of the block has a line, and that the block can replay the event of each line.
fn complete(cx: &Ctxt, block: &Block, arg: &LockArg, lock: &ModelLock) {
    for attr in block.commands.iter().flat_map(Command::cfgs) {
        cx.error(
            attr,
            "a command of a locked model cannot be conditional because its event is the same in every build; help: remove the \
             `#[cfg]`, or the `lock`",
        );
    }
    if of_another_library(cx, block, lock) || lock.blessing {
        return;
    }
    let blessing = lock.command();
    let ModelLock { file, path, model, lines, others, .. } = lock;
    if !lock.exists {
        return cx.syn_error(
            arg.error(format_args!("no lock at `{path}`; help: run {blessing} to create it, and commit it")),
        );
    }
    if lines.is_empty() {
        let renamed = match others.is_empty() {
            true => String::new(),
            false => format!(
                "; if the model was renamed or moved, and was `{}` before, change the name in the file instead",
                others.join("` or `")
            ),
        };
        return cx.error(
            &block.model,
            format_args!("`{file}` has no lines of `{model}`; help: run {blessing} to add them{renamed}"),
        );
    }
    let is_new = |event: &str| lock.lines.iter().all(|line| line.event != event);
    let mut missing: Vec<(String, SourceVersion)> = Vec::new();
    // commands whose events may be in the lock under earlier names
    let mut renamed = Vec::new();
    for event in block.histories() {
        let name = event.name.value();
        let lines = missing.len();
        missing.extend(
            versions(&event)
                .filter(|version| lock.line(&name, version.number).is_none())
                .map(|version| (name.clone(), version)),
        );
        let is_missing = missing.len() > lines;
        renamed.extend(event.command.filter(|_| is_new(&name) && is_missing).map(|command| &command.sig.ident));
    }
    // If no command can replay the event of some line, other lines may be missing for the same reason: an event was renamed, or
    // a retired event lost a version, which shifts the numbers of its other versions. In that case, the errors about events that
    // cannot be replayed are enough: the loop below does not also report new and retired events that have no line.
    let any_unreplayable = unreplayable(cx, block, lock, &renamed);
    for (event, SourceVersion { number, place, has_type }) in missing {
        if any_unreplayable && (is_new(&event) || is_retired(block, &event)) {
            continue;
        }
        let message = match has_type {
            true => {
                format!("`{file}` has no line for {event} v{number}; help: run {blessing} to add it, and commit it")
            }
            false => format!(
                "`{file}` has no line for {event} v{number}, and no type in this block has its shape; help: restore the \
                 committed line"
            ),
        };
        cx.error(place, message);
    }
}

/// Reports the lines of a model of another library if that model has the same type name as this model. If neither such a model
/// nor this model has lines, this model's type may have been renamed too, so the function reports the lines of all models of
/// other libraries. Returns whether it reported any lines. `MEMIMAGE_BLESS` does not disable this check: the generated test
/// would lock the current shapes under the new name. That test reports the lines of all other models that do not exist.
fn of_another_library(cx: &Ctxt, block: &Block, lock: &ModelLock) -> bool {
    let ModelLock { file, model, lines, unclaimed, .. } = lock;
    let (library, name) = model.split_once("::").expect("the key of a model has a target");
    let is_same = |other: &&UnclaimedLines| other.model.split_once("::").is_some_and(|(_, other)| other == name);
    let mut reported: Vec<_> = unclaimed.iter().filter(is_same).collect();
    if reported.is_empty() && lines.is_empty() {
        reported.extend(unclaimed);
    }
    for UnclaimedLines { model: old, lines } in &reported {
        let numbers: Vec<_> = lines.iter().map(usize::to_string).collect();
        let message = format!(
            "`{file}` has lines of `{old}`, a model of another library ({} {}), but the library of this package is \
             `{library}`; help: if `{old}` was renamed to `{model}`, write the new name in these lines; if no journal contains \
             these events, delete the lines",
            if lines.len() == 1 { "line" } else { "lines" },
            numbers.join(", ")
        );
        cx.error(&block.model, message);
    }
    !reported.is_empty()
}

/// A version that the block declares for an event.
struct SourceVersion {
    number: u32,
    /// The tokens at which errors about the version are reported.
    place: TokenStream,
    has_type: bool,
}

fn versions(event: &EventHistory<'_>) -> impl Iterator<Item = SourceVersion> {
    let past = event.past.iter().map(|past| {
        let (place, has_type) = match &past.form {
            PastForm::Type(ty) => (ty.to_token_stream(), true),
            PastForm::Values(functions, _) => (functions[0].to_token_stream(), false),
        };
        SourceVersion { number: past.version, place, has_type }
    });
    let newest = event.command.map(|command| SourceVersion {
        number: command.version(),
        place: command.sig.ident.to_token_stream(),
        has_type: true,
    });
    past.chain(newest)
}

/// Reports locked events that the block cannot replay, and returns whether there are any. `renamed` contains the commands whose
/// events are not in the lock yet: one of these events may be a locked event under a new name. A group's expansion does not see
/// the events of other groups, so the model's expansion checks the events of groups.
fn unreplayable(cx: &Ctxt, block: &Block, lock: &ModelLock, renamed: &[&Ident]) -> bool {
    if block.args.group.is_set() {
        return false;
    }
    let here: BTreeSet<(String, u32)> = block
        .histories()
        .flat_map(|event| versions(&event).map(|version| (event.name.value(), version.number)).collect::<Vec<_>>())
        .collect();
    let mut unreplayable =
        lock.lines.iter().filter(|line| !here.contains(&(line.event.clone(), line.version))).peekable();
    let any = unreplayable.peek().is_some();
    for line in unreplayable {
        let (event, version) = (&line.event, line.version);
        let command = block.commands.iter().find(|command| command.name.value() == *event && !command.is_replay_only());
        if let Some(command) = command {
            out_of_history(cx, lock, line, command);
            continue;
        }
        let rename = match renamed {
            [] => String::new(),
            [one] => format!("if the command was renamed to `{one}`, set `name = {event:?}` on `{one}`; or "),
            _ => format!("if the command was renamed, set `name = {event:?}` on the renamed command; or "),
        };
        let retire = if is_retired(block, event) {
            format!("add its past type to the history of `retired(name = {event:?}, …)`; or ")
        } else if here.iter().any(|(name, other)| name == event && *other > version) {
            "list its past type in the `history(…)` of the later version; or ".to_owned()
        } else if here.iter().any(|(name, _)| name == event) {
            String::new()
        } else {
            format!("list its past types on the block with `retired(name = {event:?}, history(…))`; or ")
        };
        let message = format!(
            "{event} v{version} is in the lock, but this block cannot replay it; help: {rename}{retire}keep the command with \
             `#[command(name = {event:?}, version = {version}, replay_only)]`; or, if no journal contains the event, remove line \
             {} of `{}`",
            line.number, lock.file
        );
        cx.error(&block.model, message);
    }
    any
}

fn is_retired(block: &Block, event: &str) -> bool {
    block.args.retired.iter().any(|retired| retired.name.value() == event)
}

/// Reports a locked version that `command` cannot replay, although `command` records the event at another version.
fn out_of_history(cx: &Ctxt, lock: &ModelLock, line: &LockLine, command: &Command) {
    let LockLine { event, version, number, .. } = line;
    let (method, newest) = (&command.sig.ident, command.version());
    let help = if *version > newest {
        format!("restore version {version} of the command")
    } else {
        let list = if command.args.history.is_set() {
            "add the struct to the `history(…)`"
        } else {
            "list the struct in a `history(…)`"
        };
        format!("keep the struct of its arguments, write an upcaster for it, and {list} of `{method}`")
    };
    let message = format!(
        "{event} v{version} is in the lock, but `{method}` has version {newest} and cannot replay it; help: {help}; or, if no \
         journal contains the event, remove line {number} of `{}`",
        lock.file
    );
    cx.error(method, message);
}
