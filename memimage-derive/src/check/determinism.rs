//! The plain calls whose answer is another on replay. This reads the tokens of a body and follows no call: the lists of
//! clippy see further, and digests catch the rest.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::Error;

use crate::ast::Command;
use crate::ctxt::Ctxt;

/// A call, as the last names of its path, and the call of the context that gives the same on replay.
struct Rule {
    path: &'static [&'static str],
    mend: &'static str,
}

const TIME: &str = "`ctx.time()`, a `Timestamp`";
const DRAW: &str = "`ctx.random().u64()`, `.below(n)`, `.f64()` or `.shuffle(&mut slice)`";
const ID: &str = "`Uuid::from_u128(ctx.random().u128())`";

const RULES: &[Rule] = &[
    Rule { path: &["SystemTime", "now"], mend: TIME },
    Rule { path: &["Instant", "now"], mend: TIME },
    Rule { path: &["Utc", "now"], mend: TIME },
    Rule { path: &["Local", "now"], mend: TIME },
    Rule { path: &["rand", "random"], mend: DRAW },
    Rule { path: &["rand", "rng"], mend: DRAW },
    Rule { path: &["thread_rng"], mend: DRAW },
    Rule { path: &["Uuid", "new_v4"], mend: ID },
    Rule { path: &["Uuid", "now_v7"], mend: ID },
];

pub(crate) fn body(cx: &Ctxt, command: &Command) {
    if !command.args.nondeterminism.is_set() {
        scan(cx, &command.body);
    }
}

fn scan(cx: &Ctxt, tokens: &TokenStream) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => scan(cx, &group.stream()),
            TokenTree::Ident(_) => {
                if let Some((rule, span)) = RULES.iter().find_map(|rule| Some((rule, matches(rule, &tokens[at..])?))) {
                    cx.syn_error(error(rule, span));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The place of the rule's path, if the tokens begin with it.
fn matches(rule: &Rule, tokens: &[TokenTree]) -> Option<(Span, Span)> {
    let mut rest = tokens.iter();
    let mut span: Option<(Span, Span)> = None;
    for (at, name) in rule.path.iter().enumerate() {
        if at > 0 && !(is_colon(rest.next()) && is_colon(rest.next())) {
            return None;
        }
        let ident = named(rest.next(), name)?;
        span = Some((span.map_or(ident.span(), |(first, _)| first), ident.span()));
    }
    span
}

fn named<'a>(token: Option<&'a TokenTree>, name: &str) -> Option<&'a Ident> {
    match token {
        Some(TokenTree::Ident(ident)) if ident == name => Some(ident),
        _ => None,
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn error(rule: &Rule, (first, last): (Span, Span)) -> Error {
    let call = rule.path.join("::");
    let mend = rule.mend;
    let message = format!(
        "`{call}` answers otherwise on replay: take `ctx: &Context` and use {mend}; if the model does not depend on it, \
         mark the command `allow(nondeterminism)`"
    );
    Error::new_spanned(TokenStream::from_iter([place(first), place(last)]), message)
}

/// A token that only stands for a place.
fn place(span: Span) -> TokenTree {
    TokenTree::Ident(Ident::new("_x", span))
}
