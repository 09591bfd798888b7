//! Rules for the names of events, payloads, and methods of an image.

use std::collections::BTreeMap;

use proc_macro2::Ident;

use crate::ast::{Block, Command};
use crate::case::{pascal, unraw};
use crate::ctxt::Ctxt;
use crate::reserved::{INHERENT, OF_TRAITS, OWN_EVENTS};

pub(crate) fn block(cx: &Ctxt, block: &Block) {
    let mut events = BTreeMap::new();
    let mut types = BTreeMap::new();
    let mut variants = BTreeMap::new();
    if let (Some(events), None) = (block.args.events.get(), block.args.group.get()) {
        let message = "`events` on a block without a `group`; help: write `#[model(events = Name)]` on the model";
        cx.error(events, message);
    }
    for command in &block.commands {
        reserved(cx, command);
        if !nameable(cx, command) {
            continue;
        }
        if let Some(first) = earlier(&mut events, (command.name.value(), command.args.version()), command) {
            duplicate_event(cx, command, first);
        } else if let Some(first) = earlier(&mut types, unraw(&command.payload), command) {
            duplicate_payload(cx, command, first);
        } else if let Some(first) = earlier(&mut variants, command.variant.to_string(), command) {
            let message = format!(
                "`{first}` has the same event variant, `{}`; help: rename one of the two commands",
                command.variant
            );
            cx.error(&command.sig.ident, message);
        }
        taken(cx, block, command);
    }
}

/// Returns the first command with the same key. If that command and `command` both have a `#[cfg]`, returns `None`: they may
/// exclude each other, and if they do not, rustc reports the conflict.
fn earlier<'a, K: Ord>(seen: &mut BTreeMap<K, &'a Command>, key: K, command: &'a Command) -> Option<&'a Ident> {
    match seen.get(&key) {
        Some(first) if first.cfgs().next().is_some() && command.cfgs().next().is_some() => None,
        Some(first) => Some(&first.sig.ident),
        None => {
            seen.insert(key, command);
            None
        }
    }
}

fn duplicate_event(cx: &Ctxt, command: &Command, first: &Ident) {
    let (name, version) = (command.name.value(), command.args.version());
    let message = format!(
        "`{first}` already records version {version} of the event `{name}`; help: give one of the two commands another \
                 `name = \"…\"`"
    );
    match command.args.name.get() {
        Some(name) => cx.error(name, message),
        None => cx.error(&command.sig.ident, message),
    }
}

fn duplicate_payload(cx: &Ctxt, command: &Command, first: &Ident) {
    let message = format!(
        "`{first}` already has a payload with the name `{}`; help: give one of the two commands another `payload = Name`",
        command.payload
    );
    match command.args.payload.get() {
        Some(payload) => cx.error(payload, message),
        None => cx.error(&command.sig.ident, message),
    }
}

/// Reports a payload that has the same name as another generated item.
fn taken(cx: &Ctxt, block: &Block, command: &Command) {
    for (name, item) in [(block.event(), "event enum"), (block.commands_trait(), "commands trait")] {
        if command.payload == name {
            let message =
                format!("`{name}` is the name of the {item}; help: give the payload another `payload = Name`");
            match command.args.payload.get() {
                Some(payload) => cx.error(payload, message),
                None => cx.error(&command.sig.ident, message),
            }
        }
    }
}

fn reserved(cx: &Ctxt, command: &Command) {
    let ident = &command.sig.ident;
    let name = unraw(ident);
    if INHERENT.contains(&name.as_str()) {
        cx.error(
            ident,
            format_args!("`{name}` is a method of `Image`, which hides the command; help: rename the command"),
        );
    } else if OF_TRAITS.contains(&name.as_str()) {
        cx.error(
            ident,
            format_args!(
                "`{name}` is a trait method of every image, which hides the command; help: rename the command"
            ),
        );
    }
    if let Some(event) = command.args.name.get().filter(|event| event.value().starts_with(OWN_EVENTS)) {
        let message = format_args!(
            "names that begin with `{OWN_EVENTS}` are reserved for events of the library; help: use another name"
        );
        cx.error(event, message);
    }
}

fn nameable(cx: &Ctxt, command: &Command) -> bool {
    let ident = &command.sig.ident;
    let nameable = !matches!(pascal(&unraw(ident)).as_str(), "" | "Self");
    if !nameable {
        cx.error(ident, format_args!("no type name can be derived from `{ident}`; help: rename the command"));
    }
    nameable
}
