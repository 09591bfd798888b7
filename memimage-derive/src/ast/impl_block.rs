//! The syntax of an impl block, whose methods keep their bodies as tokens.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Generics, ImplItem, Path, Signature, Token, Type, TypeGroup, TypeParen, Visibility};

use super::Method;

/// The syntax of an impl block.
pub(super) struct ImplSyntax {
    /// The tokens before the block's braces.
    pub(super) head: TokenStream,
    /// The implemented trait, if the block is a trait impl.
    pub(super) of_trait: Option<Path>,
    pub(super) generics: Generics,
    pub(super) ty: Type,
    pub(super) items: Vec<BlockItem>,
}

pub(super) enum BlockItem {
    Method(Box<Method>),
    Other(TokenStream),
}

impl ImplSyntax {
    /// Parses an item. `misplaced` is the error for an item that is no impl block.
    pub(super) fn parse(item: TokenStream, misplaced: &str) -> syn::Result<ImplSyntax> {
        (|input: ParseStream<'_>| ImplSyntax::read(input, misplaced)).parse2(item)
    }

    fn read(input: ParseStream<'_>, misplaced: &str) -> syn::Result<ImplSyntax> {
        let mut head = TokenStream::new();
        for attr in input.call(Attribute::parse_outer)? {
            attr.to_tokens(&mut head);
        }
        let ahead = input.fork();
        if ahead.parse::<Option<Token![unsafe]>>().is_err() || !ahead.peek(Token![impl]) {
            return Err(syn::Error::new(ahead.span(), misplaced));
        }
        input.parse::<Option<Token![unsafe]>>()?.to_tokens(&mut head);
        input.parse::<Token![impl]>()?.to_tokens(&mut head);
        let mut generics = match input.peek(Token![<]) {
            true => input.parse::<Generics>()?,
            false => Generics::default(),
        };
        generics.to_tokens(&mut head);
        let mut ty: Type = input.parse()?;
        ty.to_tokens(&mut head);
        let mut of_trait = None;
        if let Some(token) = input.parse::<Option<Token![for]>>()? {
            if let Type::Path(path) = ty {
                of_trait = Some(path.path);
            }
            token.to_tokens(&mut head);
            ty = input.parse()?;
            ty.to_tokens(&mut head);
        }
        generics.where_clause = input.parse()?;
        generics.where_clause.to_tokens(&mut head);
        let content;
        syn::braced!(content in input);
        let mut items: Vec<BlockItem> =
            content.call(Attribute::parse_inner)?.iter().map(|attr| BlockItem::Other(attr.to_token_stream())).collect();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        while let Type::Group(TypeGroup { elem, .. }) | Type::Paren(TypeParen { elem, .. }) = ty {
            ty = *elem;
        }
        Ok(ImplSyntax { head, of_trait, generics, ty, items })
    }
}

impl Parse for BlockItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<BlockItem> {
        let ahead = input.fork();
        let attrs = ahead.call(Attribute::parse_outer)?;
        let vis: Visibility = ahead.parse()?;
        if !is_fn(&ahead.fork()) {
            return Ok(BlockItem::Other(input.parse::<ImplItem>()?.to_token_stream()));
        }
        let sig: Signature = ahead.parse()?;
        let body = ahead.parse::<Group>()?.to_token_stream();
        input.advance_to(&ahead);
        Ok(BlockItem::Method(Box::new(Method { attrs, vis, sig, body })))
    }
}

/// Whether the next tokens begin a function: `fn`, after any qualifiers.
fn is_fn(ahead: ParseStream<'_>) -> bool {
    while !ahead.peek(Token![fn]) {
        let word = ahead.peek(Token![const]) || ahead.peek(Token![async]) || ahead.peek(Token![unsafe]);
        let abi = ahead.peek(Token![extern]) || ahead.peek(syn::LitStr);
        if !(word || abi) || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    true
}
