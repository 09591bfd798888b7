//! An impl block with `#[memimage::projection]`. Only the signatures are parsed; the bodies remain tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, FnArg, Generics, LitStr, Path, Signature, Type};

use super::block::is_marked;
use super::context::referred;
use super::impl_block::{BlockItem, ImplSyntax};
use super::{Method, last_segment};
use crate::attr::{OnArgs, ProjectionArgs};
use crate::ctxt::Ctxt;

pub(crate) struct Projection {
    pub args: ProjectionArgs,
    /// The user's block without memimage's attributes.
    pub source: TokenStream,
    /// The implemented trait, if the block is a trait impl.
    pub of_trait: Option<Path>,
    pub generics: Generics,
    /// The type of the projection's state.
    pub state: Type,
    pub handlers: Vec<Handler>,
}

/// A method with `#[on]`.
pub(crate) struct Handler {
    pub args: OnArgs,
    pub attrs: Vec<Attribute>,
    pub sig: Signature,
}

impl Projection {
    pub(crate) fn parse(cx: &Ctxt, args: ProjectionArgs, item: TokenStream) -> syn::Result<Projection> {
        let misplaced =
            "`#[memimage::projection]` is not on an impl block; help: put it on the impl block of the handlers";
        let ImplSyntax { head, of_trait, generics, ty: state, items } = ImplSyntax::parse(item, misplaced)?;
        let mut handlers = Vec::new();
        let mut body = TokenStream::new();
        for item in items {
            match item {
                BlockItem::Method(mut method) => {
                    handlers.extend(Handler::parse(cx, &mut method));
                    method.to_tokens(&mut body);
                }
                BlockItem::Other(tokens) => body.extend(tokens),
            }
        }
        let mut source = head;
        source.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
        Ok(Projection { args, source, of_trait, generics, state, handlers })
    }

    /// The projection's type, if it is a plain path.
    pub(crate) fn state_path(&self) -> Option<&Path> {
        match &self.state {
            Type::Path(path) if path.qself.is_none() => Some(&path.path),
            _ => None,
        }
    }

    /// The projection's name: the name that the user gave, or else the type's name.
    pub(crate) fn name(&self) -> LitStr {
        let of_type = || LitStr::new(&last_segment(&self.state), proc_macro2::Span::call_site());
        self.args.name.get().cloned().unwrap_or_else(of_type)
    }
}

impl Handler {
    /// Parses a method, and removes the mark `#[on]` from it. Returns `None` if the method has no mark.
    fn parse(cx: &Ctxt, method: &mut Method) -> Option<Handler> {
        let marks: Vec<Attribute> = method.attrs.extract_if(.., |attr| is_marked(attr, "on")).collect();
        let mark = marks.first()?;
        if let Some(second) = marks.get(1) {
            cx.error(second, "duplicate `#[on]` attribute; help: remove one");
        }
        let args = OnArgs::parse(cx, mark);
        Some(Handler { args, attrs: method.attrs.clone(), sig: method.sig.clone() })
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.args.rejected.is_set()
    }

    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The argument that receives the event. The rules in `check` guarantee that it exists and is a shared reference.
    pub(crate) fn event(&self) -> Option<&FnArg> {
        self.sig.inputs.iter().nth(1)
    }

    /// The type of the payload that the handler receives by reference.
    pub(crate) fn payload(&self) -> Option<&Type> {
        borrowed(self.event()?)
    }

    /// The argument that receives what is known about the event besides its payload, if the handler has one.
    pub(crate) fn info(&self) -> Option<&FnArg> {
        self.sig.inputs.iter().nth(2)
    }
}

/// The target of an argument that is a shared reference; `None` for any other argument.
pub(crate) fn borrowed(input: &FnArg) -> Option<&Type> {
    match input {
        FnArg::Typed(typed) => referred(&typed.ty),
        FnArg::Receiver(_) => None,
    }
}
