//! The macros of memimage. Use them through the `memimage` crate, which exports each of them.

mod ast;
mod attr;
mod case;
mod check;
mod ctxt;
mod expand;
mod fallback;
mod hygiene;
mod reserved;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Derives `Shape`.
#[proc_macro_derive(Shape, attributes(shape))]
pub fn shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let cx = Ctxt::new();
    let data = ast::Data::parse(&cx, input);
    check::data(&cx, &data);
    match cx.check() {
        Ok(()) => expand::data(data).into(),
        Err(mut tokens) => {
            tokens.extend(fallback::data(&data));
            tokens.into()
        }
    }
}

/// Derives `Model`.
#[proc_macro_derive(Model, attributes(model))]
pub fn model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let cx = Ctxt::new();
    let args = attr::ModelArgs::parse(&cx, &input.attrs);
    check::model(&cx, &input);
    match cx.check() {
        Ok(()) => expand::model(&input, &args).into(),
        Err(mut tokens) => {
            tokens.extend(fallback::model(&input, &args));
            tokens.into()
        }
    }
}

/// Marks the impl block that holds a model's commands.
#[proc_macro_attribute]
pub fn commands(args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    let args = attr::BlockArgs::parse(&cx, args.into());
    let block = cx.ok(ast::Block::parse(&cx, args, item.clone().into()));
    if let Some(block) = &block {
        check::block(&cx, block);
    }
    match (cx.check(), block) {
        (Ok(()), Some(block)) => expand::block(&block).into(),
        (Ok(()), None) => unreachable!("a block that cannot be read is an error"),
        (Err(mut tokens), block) => {
            tokens.extend(block.map_or_else(|| fallback::unread(item.into()), fallback::block));
            tokens.into()
        }
    }
}

/// Marks a command.
#[proc_macro_attribute]
pub fn command(_args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    cx.syn_error(syn::Error::new(
        proc_macro2::Span::call_site(),
        "`#[command]` has a meaning only inside an impl block marked `#[memimage::commands]`",
    ));
    match cx.check() {
        Ok(()) => item,
        Err(mut tokens) => {
            tokens.extend(proc_macro2::TokenStream::from(item));
            tokens.into()
        }
    }
}
