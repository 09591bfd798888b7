//! An impl block of commands. Only the signatures are parsed; the bodies remain tokens.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Generics, Meta, Pat, Path, ReturnType, Type, Visibility};

use super::context::contexts;
use super::impl_block::{BlockItem, ImplSyntax};
use super::{Command, EventHistory, Method, Output};
use crate::attr::{BlockArgs, CommandArgs};
use crate::case::unraw;
use crate::ctxt::Ctxt;

pub(crate) struct Block {
    pub args: BlockArgs,
    /// The user's block without memimage's attributes.
    pub source: TokenStream,
    /// The implemented trait, if the block is a trait impl.
    pub of_trait: Option<Path>,
    pub generics: Generics,
    pub model: Type,
    pub commands: Vec<Command>,
    /// The methods that are not commands, including the checks.
    pub methods: Vec<Method>,
}

impl Block {
    pub(crate) fn parse(cx: &Ctxt, args: BlockArgs, item: TokenStream) -> syn::Result<Block> {
        let misplaced = "`#[memimage::commands]` is not on an impl block; help: put it on the impl block of the model's \
                         commands";
        let ImplSyntax { head, of_trait, generics, ty: model, items } = ImplSyntax::parse(item, misplaced)?;
        let mut block = Block {
            args,
            source: TokenStream::new(),
            of_trait,
            generics,
            model,
            commands: Vec::new(),
            methods: Vec::new(),
        };
        let mut body = TokenStream::new();
        for item in items {
            match item {
                BlockItem::Method(method) => block.method(cx, *method, &mut body),
                BlockItem::Other(tokens) => body.extend(tokens),
            }
        }
        super::history::number(&mut block.commands);
        block.source = head;
        block.source.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
        Ok(block)
    }

    fn method(&mut self, cx: &Ctxt, mut method: Method, body: &mut TokenStream) {
        for _ in method.attrs.extract_if(.., |attr| is_named(attr, "upcast")) {
            let name = &method.sig.ident;
            let message = format!(
                "an upcaster cannot be a method; help: move `{name}` out of the impl block, with its `#[memimage::upcast]`"
            );
            cx.error(name, message);
        }
        let marks: Vec<Attribute> = method.attrs.extract_if(.., |attr| is_mark(attr)).collect();
        let Some(mark) = marks.first() else {
            method.to_tokens(body);
            return self.methods.push(method);
        };
        if let Some(second) = marks.get(1) {
            cx.error(second, "duplicate `#[command]` attribute; help: merge the keys into one attribute");
        }
        let args = CommandArgs::parse(cx, mark);
        let command = Command::new(cx, &self.model, args, &mut method);
        // memimage requires owned arguments
        body.extend(quote!(#[allow(clippy::needless_pass_by_value)]));
        method.to_tokens(body);
        self.commands.push(command);
    }

    /// The model's type, if it is a plain path.
    pub(crate) fn model_path(&self) -> Option<&Path> {
        match &self.model {
            Type::Path(path) if path.qself.is_none() => Some(&path.path),
            _ => None,
        }
    }

    /// The last segment of the model's path, such as `Bank` of `bank::Bank`.
    pub(crate) fn model_name(&self) -> String {
        self.model_path().and_then(|path| path.segments.last()).map_or_else(String::new, |last| unraw(&last.ident))
    }

    /// The name of the event enum.
    pub(crate) fn event(&self) -> Ident {
        self.args.events.get().cloned().unwrap_or_else(|| self.named("Event"))
    }

    pub(crate) fn commands_trait(&self) -> Ident {
        self.args.commands_trait.get().cloned().unwrap_or_else(|| self.named("Commands"))
    }

    /// The name of an item of the whole block: the group's or the model's name, and `suffix`.
    fn named(&self, suffix: &str) -> Ident {
        match self.args.group.get() {
            Some(group) => format_ident!("{}{suffix}", unraw(group), span = group.span()),
            None => format_ident!("{}{suffix}", self.model_name(), span = self.model.span()),
        }
    }

    /// The commands that a program can call: all but the `replay_only` ones.
    pub(crate) fn callable(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| !command.is_replay_only())
    }

    /// The histories of the commands, then of the retired events.
    pub(crate) fn histories(&self) -> impl Iterator<Item = EventHistory<'_>> {
        let commands = self.commands.iter().map(EventHistory::of_command);
        commands.chain(self.args.retired.iter().map(EventHistory::of_retired))
    }

    /// The method that `check = name` names. The rules in `check` guarantee that the method exists.
    pub(crate) fn check_of(&self, command: &Command) -> Option<&Method> {
        let name = command.args.check.get()?;
        self.methods.iter().find(|method| method.sig.ident == *name)
    }

    /// The indices of the context arguments of a check.
    pub(crate) fn contexts_of_check(command: &Command, check: &Method) -> Vec<usize> {
        contexts(&check.sig, |typed| match &*typed.pat {
            Pat::Ident(pattern) => command.arguments().any(|argument| argument.ident == pattern.ident),
            _ => false,
        })
    }

    /// The return type that contains the refusal: the command's, if that is a `Result`, or else its check's. `None` if the
    /// command cannot be refused.
    pub(crate) fn refusing<'a>(&'a self, command: &'a Command) -> Option<&'a Type> {
        match (&command.output, self.check_of(command).map(|check| &check.sig.output)) {
            (Output::Result(ty), _) => Some(ty),
            (_, Some(ReturnType::Type(_, ty))) => Some(ty),
            _ => None,
        }
    }

    /// The visibility of a group's items: the widest visibility of its commands, but at least `pub(crate)`, so that the model
    /// can list the group.
    pub(crate) fn vis_of_group(&self) -> Visibility {
        match self.vis() {
            Visibility::Public(public) => Visibility::Public(public),
            _ => syn::parse_quote!(pub(crate)),
        }
    }

    /// The widest visibility of the commands, which is also the visibility of the commands trait.
    pub(crate) fn vis(&self) -> Visibility {
        let widest = self.commands.iter().map(|command| &command.vis).max_by_key(|vis| width(vis));
        widest.cloned().unwrap_or(Visibility::Inherited)
    }
}

fn width(vis: &Visibility) -> u8 {
    match vis {
        Visibility::Public(_) => 3,
        Visibility::Restricted(vis) if vis.path.is_ident("crate") => 2,
        Visibility::Restricted(vis) if vis.path.is_ident("self") => 0,
        Visibility::Restricted(_) => 1,
        Visibility::Inherited => 0,
    }
}

/// Whether the attribute is `#[command]` or `#[memimage::command]`. A `#[cfg_attr]` that contains one of them also counts, and
/// is then an error.
fn is_mark(attr: &Attribute) -> bool {
    is_marked(attr, "command")
}

/// Whether the attribute is `#[name]` or a path that ends with it, or a `#[cfg_attr]` that contains it.
pub(super) fn is_marked(attr: &Attribute, name: &str) -> bool {
    is_named(attr, name) || makes(attr, name)
}

/// Whether the last segment of the attribute's path is `name`.
fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == name)
}

/// Whether the attribute is a `#[cfg_attr]` that contains an attribute `name`.
pub(crate) fn makes(attr: &Attribute, name: &str) -> bool {
    match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => list
            .tokens
            .clone()
            .into_iter()
            .skip(1)
            .any(|token| matches!(token, TokenTree::Ident(ident) if ident == name)),
        _ => false,
    }
}
