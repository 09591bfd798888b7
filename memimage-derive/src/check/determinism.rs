//! Finds calls that return a different value on replay. The search covers the tokens of a command's body and does not follow
//! calls. Clippy searches for the same functions and, unlike this search, resolves paths. Digests of the state detect the calls
//! that this search and Clippy overlook.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::Error;

use super::nondeterministic::{CALLS, NondeterministicCall};
use crate::ast::Command;
use crate::ctxt::Ctxt;

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
                let before = &tokens[..at];
                if let Some((call, span)) =
                    CALLS.iter().find_map(|call| Some((call, found(call, before, &tokens[at..])?)))
                {
                    cx.syn_error(error(call, span));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The spans of the first and last token of the function's path, if the tokens begin with this path. Returns `None` for a
/// method call, and for a call with arguments if the function takes none: such calls are calls of other functions with the same
/// name.
fn found(call: &NondeterministicCall, before: &[TokenTree], tokens: &[TokenTree]) -> Option<(Span, Span)> {
    if matches!(before.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '.') {
        return None;
    }
    let mut rest = tokens.iter();
    let mut span: Option<(Span, Span)> = None;
    for (at, name) in call.names().enumerate() {
        if at > 0 && !(is_colon(rest.next()) && is_colon(rest.next())) {
            return None;
        }
        let ident = named(rest.next(), name)?;
        span = Some((span.map_or(ident.span(), |(first, _)| first), ident.span()));
    }
    match rest.next() {
        Some(TokenTree::Group(arguments)) if arguments.delimiter() == Delimiter::Parenthesis => {
            span.filter(|_| !call.takes_nothing || arguments.stream().is_empty())
        }
        // the path continues, so this is another function
        next if is_colon(next) && !starts_arguments(rest.as_slice()) => None,
        _ => span,
    }
}

/// Whether the tokens after the first `:` are the rest of `::<`.
fn starts_arguments(rest: &[TokenTree]) -> bool {
    is_colon(rest.first()) && matches!(rest.get(1), Some(TokenTree::Punct(punct)) if punct.as_char() == '<')
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

fn error(call: &NondeterministicCall, (first, last): (Span, Span)) -> Error {
    let path = call.names().collect::<Vec<_>>().join("::");
    let context = if call.help.contains("`ctx.") { "take `ctx: &Context` and " } else { "" };
    let message = format!(
        "`{path}` returns a different value on replay; help: {context}{}, or add `allow(nondeterminism)` if the model does not \
         depend on the value",
        call.help
    );
    Error::new_spanned(TokenStream::from_iter([spanned(first), spanned(last)]), message)
}

/// A token with this span, at which an error can be reported.
fn spanned(span: Span) -> TokenTree {
    TokenTree::Ident(Ident::new("_x", span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(body: &str) -> Vec<String> {
        let cx = Ctxt::new();
        scan(&cx, &body.parse().unwrap());
        match cx.check() {
            Ok(()) => Vec::new(),
            Err(errors) => errors
                .to_string()
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|word| CALLS.iter().any(|call| call.names().collect::<Vec<_>>().join("::") == **word))
                .map(str::to_owned)
                .collect(),
        }
    }

    #[test]
    fn each_listed_call_is_found_by_its_full_path() {
        for call in CALLS {
            let found = found_in(&format!("{{ let x = {}(); }}", call.path));
            assert_eq!(found, [call.names().collect::<Vec<_>>().join("::")], "{}", call.path);
        }
    }

    #[test]
    fn calls_of_imported_functions_and_with_a_turbofish_are_found() {
        assert_eq!(found_in("SystemTime::now()"), ["SystemTime::now"]);
        assert_eq!(found_in("rand::random::<u64>()"), ["rand::random"]);
        assert_eq!(found_in("Some(1).map_or_else(Instant::now, f)"), ["Instant::now"]);
        assert_eq!(found_in("thread::current().id()"), ["thread::current"]);
        assert_eq!(found_in("available_parallelism()"), ["available_parallelism"]);
    }

    #[test]
    fn functions_with_similar_names_are_ignored() {
        for body in [
            "foo::now()",
            "Clock::now(7)",
            "Rng::new(seed)",
            "self.rng.thread_rng()",
            "process::id(order)",
            "thread::current(&self.threads)",
            "env::var::name()",
            "self.read(fs)",
            "read(path)",
        ] {
            assert_eq!(found_in(body), [""; 0], "{body}");
        }
    }
}
