//! Code generation. The generated code consists of data and of calls into `memimage::__private`, which contains the logic.

mod data;
mod payload;
mod history;
mod lock;
mod table;
mod context;
mod command;
mod event;
mod methods;
mod block;
mod group;
mod state;
mod derived;
mod model;
mod upcaster;
mod projection;

pub(crate) use self::block::block;
pub(crate) use self::data::data;
pub(crate) use self::model::model;
pub(crate) use self::projection::projection;
pub(crate) use self::upcaster::upcaster;

// used by `fallback` for its stubs
pub(crate) use self::command::{CommandTypes, types as command_types};
pub(crate) use self::data::implement as implement_shape;
pub(crate) use self::event::{
    conversions as event_conversions, definition as event_definition, scoped as event_scoped,
};
pub(crate) use self::group::{event_name, event_of_groups};
pub(crate) use self::lock::stub as lock_stub;
pub(crate) use self::methods::{commands_trait, signature as method_signature};
pub(crate) use self::model::{events as model_events, implementation as model_implementation};
pub(crate) use self::payload::definition as payload_definition;
pub(crate) use self::projection::implementation as projection_implementation;
pub(crate) use self::table::group_of;
pub(crate) use self::upcaster::next as upcast_next;

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::ast::Block;
use crate::hygiene::replace_self;

/// A type from the user's impl, with `Self` replaced, for use outside of the impl.
fn own_type(block: &Block, ty: &syn::Type) -> TokenStream {
    replace_self(ty.to_token_stream(), &block.model.to_token_stream())
}
