//! stub, being written
use proc_macro::TokenStream;
/// stub
#[proc_macro_derive(Shape, attributes(shape))]
pub fn shape(_: TokenStream) -> TokenStream { TokenStream::new() }
/// stub
#[proc_macro_derive(Model, attributes(model))]
pub fn model(_: TokenStream) -> TokenStream { TokenStream::new() }
/// stub
#[proc_macro_attribute]
pub fn commands(_: TokenStream, item: TokenStream) -> TokenStream { item }
