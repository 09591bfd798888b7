//! Rules for a model that is locked: what its lock must hold, and must not hold.

use std::collections::BTreeSet;

use crate::ast::{Block, Command};
use crate::attr::LockArg;
use crate::ctxt::Ctxt;
use crate::lock::{BLESSING, Lock};

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
    let gone = gone(cx, block, lock);
    for command in &block.commands {
        let (event, version) = (command.name.value(), command.args.version());
        if lock.line(&event, version).is_none() && !gone.contains(&*event) {
            cx.error(
                &command.sig.ident,
                format_args!("`{file}` has no line for {event} v{version} yet: {BLESSING} adds it; commit it"),
            );
        }
    }
}

/// The locked events that nothing here replays. A journal may hold them.
fn gone<'a>(cx: &Ctxt, block: &Block, lock: &'a Lock) -> BTreeSet<&'a str> {
    let here: BTreeSet<_> =
        block.commands.iter().map(|command| (command.name.value(), command.args.version())).collect();
    let mut gone = BTreeSet::new();
    for line in &lock.lines {
        let (event, version) = (&*line.event, line.version);
        if here.contains(&(event.to_owned(), version)) {
            continue;
        }
        gone.insert(event);
        let mend = match here.iter().any(|(name, _)| name == event) {
            true => format!("keep its old arguments as a struct, and name that in the `history(…)` of {event}"),
            false => format!("keep it with `#[command(name = {event:?}, version = {version}, replay_only)]`"),
        };
        cx.error(
            &block.model,
            format_args!("{event} v{version} is in `{}`, and nothing here can replay it: {mend}", lock.file),
        );
    }
    gone
}
