//! Rules for a model that is locked: what its lock must hold, and must not hold.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;

use crate::ast::{Block, Command, Way};
use crate::attr::LockArg;
use crate::ctxt::Ctxt;
use crate::lock::{BLESSING, Line, Lock};

pub(crate) fn lock(cx: &Ctxt, block: &Block, arg: &LockArg, lock: &Lock) {
    for attr in block.commands.iter().flat_map(Command::cfgs) {
        cx.error(
            attr,
            "a command of a locked model is one in every build, since its event is: remove the `#[cfg]`, or the `lock`",
        );
    }
    if lock.blessing {
        return;
    }
    let Lock { file, path, model, lines, others, .. } = lock;
    if !lock.exists {
        return cx.syn_error(arg.error(format_args!("there is no lock `{path}`: {BLESSING} makes it; commit it")));
    }
    if lines.is_empty() {
        let renamed = match others.is_empty() {
            true => String::new(),
            false => format!("; if it is the renamed `{}`, change the name in the file", others.join("`, `")),
        };
        return cx
            .error(&block.model, format_args!("`{file}` has no lines of `{model}`: {BLESSING} adds them{renamed}"));
    }
    let missing: Vec<_> = block
        .commands
        .iter()
        .flat_map(|command| versions(command).map(move |version| (command, version)))
        .filter(|(command, version)| lock.line(&command.name.value(), version.number).is_none())
        .collect();
    let is_new = |command: &Command| lock.lines.iter().all(|line| line.event != command.name.value());
    let renamed: Vec<_> =
        missing.iter().filter(|(command, _)| is_new(command)).map(|(command, _)| &command.sig.ident).collect();
    // An event that is not in the lock may be a forgotten one under a new name. The error about that one says so.
    let any_forgotten = forgotten(cx, block, lock, &renamed);
    for (command, Version { number, place, has_type }) in missing {
        if any_forgotten && is_new(command) {
            continue;
        }
        let event = command.name.value();
        let message = match has_type {
            true => format!("`{file}` has no line for {event} v{number} yet: {BLESSING} adds it; commit it"),
            false => format!(
                "`{file}` has no line for {event} v{number}, and no type here tells its shape: restore the line as it was \
                 committed"
            ),
        };
        cx.error(place, message);
    }
}

/// A version of a command's event.
struct Version {
    number: u32,
    /// What it is in the source.
    place: TokenStream,
    has_type: bool,
}

fn versions(command: &Command) -> impl Iterator<Item = Version> {
    let past = command.past().map(|past| {
        let (place, has_type) = match &past.way {
            Way::Type(ty) => (ty.to_token_stream(), true),
            Way::Values(functions, _) => (functions[0].to_token_stream(), false),
        };
        Version { number: past.version, place, has_type }
    });
    let newest = Version { number: command.version(), place: command.sig.ident.to_token_stream(), has_type: true };
    past.chain([newest])
}

/// The locked events that nothing here replays, though a journal may hold them: whether there are any. Those of which the
/// lock has nothing yet may be what they were renamed to.
///
/// Of several groups none knows the others' events, and the model is asked.
fn forgotten(cx: &Ctxt, block: &Block, lock: &Lock, renamed: &[&Ident]) -> bool {
    if block.args.group.is_set() {
        return false;
    }
    let here: BTreeSet<(String, u32)> = block
        .commands
        .iter()
        .flat_map(|command| versions(command).map(|version| (command.name.value(), version.number)))
        .collect();
    let mut forgotten = lock.lines.iter().filter(|line| !here.contains(&(line.event.clone(), line.version))).peekable();
    let any = forgotten.peek().is_some();
    for line in forgotten {
        let (event, version) = (&line.event, line.version);
        if let Some(command) =
            block.commands.iter().find(|command| command.name.value() == *event && !command.is_replay_only())
        {
            out_of_history(cx, lock, line, command);
            continue;
        }
        let renamed = match renamed {
            [] => String::new(),
            [one] => format!(" (or say `name = {event:?}` of `{one}`, if that is its new name)"),
            _ => format!(" (or say `name = {event:?}` of the command that it was renamed to)"),
        };
        let message = format!(
            "{event} v{version} is in the lock, and nothing here can replay it; help: keep it with \
             `#[command(name = {event:?}, version = {version}, replay_only)]`{renamed}, or remove line {} of `{}` if no \
             journal holds it any more",
            line.number, lock.file
        );
        cx.error(&block.model, message);
    }
    any
}

/// A locked version of an event that a command still has, at another version.
fn out_of_history(cx: &Ctxt, lock: &Lock, line: &Line, command: &Command) {
    let Line { event, version, number, .. } = line;
    let (method, newest) = (&command.sig.ident, command.version());
    let help = if *version > newest {
        format!("restore version {version} of it")
    } else {
        let list =
            if command.args.history.is_set() { "add it to the `history(…)`" } else { "list it in a `history(…)`" };
        format!("keep its arguments as a type with an upcaster, and {list} of `{method}`")
    };
    let message = format!(
        "{event} v{version} is in the lock, and `{method}`, at version {newest}, cannot replay it; help: {help}, or remove line \
         {number} of `{}` if no journal holds it any more",
        lock.file
    );
    cx.error(method, message);
}
