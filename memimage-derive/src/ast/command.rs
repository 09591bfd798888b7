//! A command: a method with `#[command]`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::{Attribute, FnArg, LitStr, Pat, PatType, ReturnType, Signature, Type, Visibility};

use super::Method;
use super::bound::is_known;
use super::context::contexts;
use crate::attr::CommandArgs;
use crate::case::{pascal, unraw};
use crate::ctxt::Ctxt;
use crate::hygiene::replace_self;

pub(crate) struct Command {
    pub args: CommandArgs,
    /// The method's attributes, except memimage's own.
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub sig: Signature,
    pub inputs: Vec<Input>,
    pub output: Output,
    pub body: TokenStream,
    /// The event's name in the journal.
    pub name: LitStr,
    /// The name of the payload struct.
    pub payload: Ident,
    /// The name of the command's variant in the event enum.
    pub variant: Ident,
    /// The version of each entry in the command's history.
    pub past_versions: Vec<u32>,
}

/// An argument of the method.
pub(crate) enum Input {
    /// The argument `&Context`, which may be imported under another name.
    Context(Box<PatType>),
    /// A field of the payload.
    Argument(Box<Argument>),
}

pub(crate) struct Argument {
    pub ident: Ident,
    /// The argument's type, with the model's name instead of `Self`.
    pub ty: Type,
    /// The argument's `serde` and `shape` attributes, which the expansion moves to the payload's field.
    pub attrs: Vec<Attribute>,
}

/// The return type, with the model's name instead of `Self`.
pub(crate) enum Output {
    Unit,
    /// The method never refuses; its check may.
    Plain(Type),
    /// A type with the name `Result`.
    Result(Type),
}

impl Command {
    /// Parses a method, and removes the payload's attributes from the method's arguments.
    pub(crate) fn new(cx: &Ctxt, model: &Type, args: CommandArgs, method: &mut Method) -> Command {
        let model_tokens = model.to_token_stream();
        let mut inputs = Vec::new();
        let contexts = contexts(&method.sig, |_| false);
        for (place, input) in method.sig.inputs.iter_mut().enumerate() {
            match input {
                FnArg::Typed(typed) if contexts.contains(&place) => {
                    inputs.push(Input::Context(Box::new(typed.clone())));
                }
                FnArg::Typed(typed) => inputs.extend(Input::argument(cx, &model_tokens, typed)),
                FnArg::Receiver(_) => {}
            }
        }
        let output = Output::new(cx, &model_tokens, &method.sig.output);
        let ident = &method.sig.ident;
        let variant = variant(&pascal(&unraw(ident)), ident.span());
        let payload = match args.payload.get() {
            Some(payload) => payload.clone(),
            None => format_ident!("{}{}", last_segment(model), variant, span = ident.span()),
        };
        Command {
            name: args.name(ident),
            variant,
            args,
            attrs: method.attrs.clone(),
            vis: method.vis.clone(),
            sig: method.sig.clone(),
            inputs,
            output,
            body: method.body.clone(),
            payload,
            past_versions: Vec::new(),
        }
    }

    pub(crate) fn version(&self) -> u32 {
        self.args.version()
    }

    /// Whether the command is kept for replay only, and cannot be called.
    pub(crate) fn is_replay_only(&self) -> bool {
        self.args.replay_only.is_set()
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Argument(argument) => Some(&**argument),
            Input::Context(_) => None,
        })
    }

    /// The names of the arguments, or `none`, for an error message.
    pub(crate) fn argument_names(&self) -> String {
        let names: Vec<_> = self.arguments().map(|known| format!("`{}`", known.ident)).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    }

    /// The arguments whose types the block's expansion checks.
    pub(crate) fn checked_arguments(&self) -> impl Iterator<Item = &Argument> {
        self.arguments().filter(|argument| argument.is_checked())
    }

    pub(crate) fn contexts(&self) -> impl Iterator<Item = &PatType> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Context(typed) => Some(&**typed),
            Input::Argument(_) => None,
        })
    }

    /// The `#[cfg]` attributes, which the expansion copies to all generated items of the command.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    pub(crate) fn docs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("doc"))
    }

    pub(crate) fn deprecated(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("deprecated"))
    }
}

impl Argument {
    /// Whether all names in the type are names of known std types.
    pub(crate) fn is_std(&self) -> bool {
        is_known(&self.ty)
    }

    /// Whether the block's expansion checks the argument's type. The expansion skips an argument with attributes, because an
    /// attribute can change the traits that the payload needs, and a type that contains a macro's `$crate`, because serde's
    /// derive takes bounds as text, which cannot contain `$crate`.
    pub(crate) fn is_checked(&self) -> bool {
        self.attrs.is_empty() && !is_known(&self.ty) && !contains_dollar_crate(self.ty.to_token_stream())
    }
}

fn contains_dollar_crate(ty: TokenStream) -> bool {
    ty.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "$crate",
        TokenTree::Group(group) => contains_dollar_crate(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

impl Input {
    /// Parses an argument. If the argument's pattern is not a plain name, adds an error and returns `None`.
    fn argument(cx: &Ctxt, model: &TokenStream, typed: &mut PatType) -> Option<Input> {
        let attrs =
            typed.attrs.extract_if(.., |attr| attr.path().is_ident("serde") || attr.path().is_ident("shape")).collect();
        match &*typed.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                let ty = cx.ok(syn::parse2(replace_self(typed.ty.to_token_stream(), model)))?;
                Some(Input::Argument(Box::new(Argument { ident: pat.ident.clone(), ty, attrs })))
            }
            pattern => {
                cx.error(
                    pattern,
                    "an argument of a command must have a plain name; help: replace the pattern by a name",
                );
                None
            }
        }
    }
}

impl Output {
    fn new(cx: &Ctxt, model: &TokenStream, output: &ReturnType) -> Output {
        let ReturnType::Type(_, ty) = output else { return Output::Unit };
        let Some(ty) = cx.ok(syn::parse2(replace_self(ty.to_token_stream(), model))) else { return Output::Unit };
        match &ty {
            Type::Tuple(tuple) if tuple.elems.is_empty() => Output::Unit,
            Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
                Output::Result(ty)
            }
            _ => Output::Plain(ty),
        }
    }

    pub(crate) fn ty(&self) -> Option<&Type> {
        match self {
            Output::Unit => None,
            Output::Plain(ty) | Output::Result(ty) => Some(ty),
        }
    }
}

/// The last segment of a type's path, such as `Bank` of `bank::Bank`.
pub(super) fn last_segment(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(String::new, |last| unraw(&last.ident)),
        _ => String::new(),
    }
}

/// The name of the variant. If the method has a name such as `_` or `self_`, from which no name can be derived, returns a
/// placeholder, and `check` reports the method.
fn variant(pascal: &str, span: Span) -> Ident {
    match pascal {
        "" | "Self" => Ident::new("__", span),
        name => Ident::new(name, span),
    }
}
