//! Rules for names: of events, of payloads, and of the methods of an image.

use std::collections::BTreeMap;

use proc_macro2::Ident;

use crate::ast::{Block, Command};
use crate::case::{pascal, unraw};
use crate::ctxt::Ctxt;
use crate::reserved::{INHERENT, KEPT, OF_TRAITS, OWN_EVENTS};

pub(crate) fn block(cx: &Ctxt, block: &Block) {
    let mut events = BTreeMap::new();
    let mut types = BTreeMap::new();
    let mut variants = BTreeMap::new();
    if let (Some(events), None) = (block.args.events.get(), block.args.group.get()) {
        let message = "the events of a model are named on the model; help: write `#[model(events = Name)]`";
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
            let message =
                format!("`{first}` makes the same event variant, `{}`: give one of them another name", command.variant);
            cx.error(&command.sig.ident, message);
        }
        taken(cx, block, command);
    }
}

/// The command that came first under a key. Two that each have a `#[cfg]` may take turns, and rustc sees whether they do.
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
    let message =
        format!("`{first}` is the event `{name}` version {version} already: give one of them another `name = \"…\"`");
    match command.args.name.get() {
        Some(name) => cx.error(name, message),
        None => cx.error(&command.sig.ident, message),
    }
}

fn duplicate_payload(cx: &Ctxt, command: &Command, first: &Ident) {
    let message = format!(
        "`{first}` has a payload called `{}` already: give one of them another `payload = Name`",
        command.payload
    );
    match command.args.payload.get() {
        Some(payload) => cx.error(payload, message),
        None => cx.error(&command.sig.ident, message),
    }
}

/// Names of what is emitted beside the payloads.
fn taken(cx: &Ctxt, block: &Block, command: &Command) {
    for (name, what) in [(block.event(), "event enum"), (block.commands_trait(), "trait of the commands")] {
        if command.payload == name {
            let message = format!("`{name}` is the {what} of the model: give the payload another `payload = Name`");
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
            format_args!("`{name}` is a method of `Image` and would win over the command: give it another name"),
        );
    } else if KEPT.contains(&name.as_str()) {
        cx.error(ident, format_args!("`{name}` is kept for a method of `Image`: give the command another name"));
    } else if OF_TRAITS.contains(&name.as_str()) {
        cx.error(
            ident,
            format_args!("`{name}` is a method of every image by another trait: give the command another name"),
        );
    }
    if let Some(event) = command.args.name.get().filter(|event| event.value().starts_with(OWN_EVENTS)) {
        let message =
            format_args!("names that begin with `{OWN_EVENTS}` are kept for events of the library: give another");
        cx.error(event, message);
    }
}

fn nameable(cx: &Ctxt, command: &Command) -> bool {
    let ident = &command.sig.ident;
    let nameable = !matches!(pascal(&unraw(ident)).as_str(), "" | "Self");
    if !nameable {
        cx.error(ident, format_args!("no type can be named after `{ident}`: give the command another name"));
    }
    nameable
}
