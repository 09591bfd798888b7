//! `#[memimage::commands]`.

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::{command, event, history, lock, methods, payload, table};
use crate::ast::Block;
use crate::attr::runtime;
use crate::shape_lock::ModelLock;

pub(crate) fn block(block: &Block, locked: Option<&ModelLock>) -> TokenStream {
    let krate = &runtime(block.args.krate.get());
    let mut tokens = block.source.clone();
    for one in &block.commands {
        payload::payload(krate, block, one).to_tokens(&mut tokens);
        command::implement(krate, block, one).to_tokens(&mut tokens);
    }
    let mut events = event::event(krate, block);
    table::table(krate, block, locked).to_tokens(&mut events);
    event::scoped(block, &events).to_tokens(&mut tokens);
    history::history(krate, block).to_tokens(&mut tokens);
    methods::methods(krate, block).to_tokens(&mut tokens);
    locked.map(|locked| lock::lock(krate, block, locked)).to_tokens(&mut tokens);
    tokens
}
