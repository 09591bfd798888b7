//! Rules for `#[memimage::projection]`.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::{FnArg, PathArguments, ReceiverKind, ReturnType, Safety, Type};

use super::types::is_owned;
use crate::ast::{Handler, Projection, borrowed};
use crate::ctxt::Ctxt;

/// The longest name of a projection, in bytes: the header of a snapshot has room for no longer one.
const NAME_MAX: usize = 255;

pub(crate) fn projection(cx: &Ctxt, projection: &Projection) {
    header(cx, projection);
    if projection.handlers.is_empty() && projection.of_trait.is_none() {
        cx.error(
            &projection.state,
            "no handlers in this block; help: put `#[on]` on the methods that handle events: `fn deposit(&mut self, event: \
             &BankDeposit)`",
        );
    }
    let mut handled = BTreeSet::new();
    for handler in &projection.handlers {
        self::handler(cx, handler);
        let Some(payload) = handler.payload() else { continue };
        if !handled.insert((payload.to_token_stream().to_string(), handler.is_rejected()))
            && handler.cfgs().next().is_none()
        {
            cx.error(payload, "a second handler of this event; help: do the work of both in one handler");
        }
    }
}

fn header(cx: &Ctxt, projection: &Projection) {
    if let Some(of_trait) = &projection.of_trait {
        cx.error(of_trait, "handlers cannot be in a trait impl; help: move them to an inherent impl of the projection");
    }
    if !projection.args.of.is_set() && !projection.args.broken {
        cx.error(
            &projection.state,
            "missing key `of`; help: name the model whose events the projection handles: `#[memimage::projection(of = Bank)]`",
        );
    }
    if let Some(name) = projection.args.name.get().filter(|name| name.value().len() > NAME_MAX) {
        cx.error(name, format_args!("the name is longer than {NAME_MAX} bytes; help: give a shorter name"));
    }
    let Some(path) = projection.state_path().filter(|path| !path.is_ident("Self")) else {
        return cx
            .error(&projection.state, "a projection must be a struct or an enum; help: write its plain name here");
    };
    let message =
        "a projection cannot be generic because its directory belongs to one concrete type; help: use concrete types";
    let arguments = path.segments.last().map_or(&PathArguments::None, |last| &last.arguments);
    if !projection.generics.params.is_empty() {
        cx.error(&projection.generics, message);
    } else if !arguments.is_empty() {
        cx.error(arguments, message);
    } else if let Some(clause) = &projection.generics.where_clause {
        cx.error(clause, "a projection is one concrete type and needs no `where` clause; help: remove the clause");
    }
}

fn handler(cx: &Ctxt, handler: &Handler) {
    let sig = &handler.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(token, "a handler cannot be `async`; help: make it a plain method");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(token, "a handler cannot be `unsafe` because the library calls it; help: make it a safe method");
    }
    if !sig.generics.params.is_empty() {
        cx.error(&sig.generics, "a handler cannot be generic; help: write the type of the event's payload");
    }
    if let ReturnType::Type(_, ty) = &sig.output
        && !matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        cx.error(
            ty,
            "a handler returns nothing because nobody gets its result; help: remove the return type, and keep what later queries \
             need in the projection",
        );
    }
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, ReceiverKind::Reference(_, _, Some(_))) => {}
        Some(FnArg::Receiver(receiver)) => {
            cx.error(receiver, "a handler changes the projection; help: take `&mut self`");
        }
        _ => return cx.error(&sig.ident, "a handler must be a method; help: take `&mut self` and the event's payload"),
    }
    match handler.event() {
        None => cx.error(
            &sig.ident,
            "the handler does not say which event it handles; help: add an argument of the payload's type, such as `event: \
             &BankDeposit`",
        ),
        Some(event) if borrowed(event).is_none() => {
            cx.error(argument_type(event), "a handler must borrow the event; help: take the payload by `&`");
        }
        Some(_) => {
            let payload = handler.payload().filter(|payload| !is_owned(payload));
            if let Some(payload) = payload {
                cx.error(payload, "this is no payload; help: write the type of the event's payload, such as `BankDeposit`");
            }
        }
    }
    if let Some(info) = handler.info().filter(|info| borrowed(info).is_none()) {
        cx.error(
            argument_type(info),
            "the last argument of a handler must be `&EventInfo`; help: change its type, or remove it",
        );
    }
    if let Some(more) = sig.inputs.iter().nth(3) {
        cx.error(more, "a handler takes only the event and `&EventInfo`; help: remove this argument");
    }
}

fn argument_type(input: &FnArg) -> proc_macro2::TokenStream {
    match input {
        FnArg::Typed(typed) => typed.ty.to_token_stream(),
        FnArg::Receiver(receiver) => receiver.to_token_stream(),
    }
}
