//! Rules for blocks of commands.
use crate::ast::Block;
use crate::ctxt::Ctxt;
pub(crate) fn block(_cx: &Ctxt, _block: &Block) {}
