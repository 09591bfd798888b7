//! Rules for a whole block of commands.

use syn::PathArguments;

use super::{check_method, command, determinism, history, names, retired};
use crate::ast::Block;
use crate::ctxt::Ctxt;

pub(crate) fn block(cx: &Ctxt, block: &Block) {
    header(cx, block);
    if block.commands.is_empty() && block.of_trait.is_none() {
        cx.error(
            &block.model,
            "no commands in this block; help: put `#[command]` on the methods that change the model",
        );
    }
    names::block(cx, block);
    history::block(cx, block);
    retired::block(cx, block);
    for one in &block.commands {
        command::command(cx, one);
        check_method::check_method(cx, block, one);
        determinism::body(cx, one);
    }
}

fn header(cx: &Ctxt, block: &Block) {
    if let Some(of_trait) = &block.of_trait {
        cx.error(of_trait, "commands cannot be in a trait impl; help: move them to an inherent impl of the model");
    }
    let Some(path) = block.model_path() else {
        return cx.error(&block.model, "a model must be a struct or an enum; help: write its plain name here");
    };
    let generic = path.segments.last().map_or(&PathArguments::None, |last| &last.arguments);
    if !block.generics.params.is_empty() {
        cx.error(
            &block.generics,
            "a model cannot be generic because a journal belongs to one concrete type; help: use concrete types",
        );
    } else if !generic.is_empty() {
        cx.error(
            generic,
            "a model cannot be generic because a journal belongs to one concrete type; help: use concrete types",
        );
    } else if let Some(clause) = &block.generics.where_clause {
        cx.error(
            clause,
            "a block of commands cannot have a `where` clause because a model is one concrete type; help: remove the clause",
        );
    } else if path.is_ident("Self") {
        cx.error(path, "a model must be a struct or an enum; help: write its plain name here");
    }
}
