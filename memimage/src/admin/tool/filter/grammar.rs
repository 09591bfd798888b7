//! The syntax of conditions:
//!
//! ```text
//! condition  = all { "||" all }
//! all        = term { "&&" term }
//! term       = "!" term | "(" condition ")" | operand [ comparison operand ]
//! comparison = "==" | "!=" | "<=" | "<" | ">=" | ">" | "contains"
//! operand    = path | number | text | "true" | "false" | "none"
//! path       = root { "." word | "[" number "]" | "[" text "]" }
//! text       = "…" | '…', with `\` before a quote or a `\`
//! ```

use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, delimited, opt, peek, preceded, repeat};
use winnow::error::{ContextError, ErrMode};
use winnow::prelude::*;
use winnow::token::take_while;

use super::condition::{Comparison, Condition, Literal, Operand, Path, Root, Step};
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::syntax::{Input, SyntaxError, expected, parse_whole, spaced, text, word};
use crate::context::Timestamp;
use crate::history;

/// What can stand beside a comparison.
const OPERAND: &str = "a number, a text in quotes, or a path that begins with seq, time, name, version, rejected, void, actor, \
                       metadata or payload";
/// What can stand beside a comparison with the time of the event.
const TIME: &str = "a time in quotes, such as '2026-11-30T12:00:00Z', '2026-11-30 12:00' or '1h ago'";
/// How deeply parentheses and negations may be nested.
const MAX_DEPTH: u32 = 64;

pub(super) fn parse(text: &str) -> Result<Condition, SyntaxError> {
    let whole = delimited(multispace0, condition(0), multispace0);
    parse_whole(text, whole, after)
}

/// What may come behind a part of a condition, in place of this text.
fn after(text: &str) -> &'static str {
    match text {
        _ if text.starts_with('=') => "`==`, which compares",
        _ if text.starts_with('&') || text.starts_with("and ") => "`&&`",
        _ if text.starts_with('|') || text.starts_with("or ") => "`||`",
        _ => "a comparison such as `==`, or `&&`, `||`, or the end of the condition",
    }
}

/// Parts with an operator between them. A part must follow an operator, so that an error points behind the operator.
fn joined<'a, P: Parser<Input<'a>, Condition, ErrMode<ContextError>>>(
    input: &mut Input<'a>,
    part: impl Fn() -> P,
    operator: &'static str,
) -> ModalResult<Vec<Condition>> {
    let mut parts = vec![part().parse_next(input)?];
    while opt(spaced(operator)).parse_next(input)?.is_some() {
        parts.push(cut_err(part()).parse_next(input)?);
    }
    Ok(parts)
}

fn condition<'a>(depth: u32) -> impl Parser<Input<'a>, Condition, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| Ok(one_or(joined(input, || all(depth), "||")?, Condition::Any))
}

fn all<'a>(depth: u32) -> impl Parser<Input<'a>, Condition, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| Ok(one_or(joined(input, || term(depth), "&&")?, Condition::All))
}

fn one_or(mut parts: Vec<Condition>, several: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}

fn term<'a>(depth: u32) -> impl Parser<Input<'a>, Condition, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| {
        multispace0.parse_next(input)?;
        if depth > MAX_DEPTH {
            let too_deep = |_: &mut Input<'a>| -> ModalResult<Condition> { Err(ErrMode::Cut(ContextError::new())) };
            return too_deep.context(expected("fewer parentheses")).parse_next(input);
        }
        if opt(("!", winnow::combinator::not("="))).parse_next(input)?.is_some() {
            return cut_err(term(depth + 1)).map(|inner| Condition::Not(Box::new(inner))).parse_next(input);
        }
        if opt("(").parse_next(input)?.is_some() {
            let close = spaced(")").context(expected("`)`"));
            return cut_err((condition(depth + 1), close)).map(|(inner, _)| inner).parse_next(input);
        }
        let left = operand.parse_next(input)?;
        match (opt(spaced(comparison)).parse_next(input)?, left) {
            (Some(comparison), left) if comparison != Comparison::Contains && is_time(&left) => {
                match cut_err(spaced(moment)).parse_next(input)? {
                    Moment::Time(time) => Ok(Condition::Time(comparison, time)),
                    Moment::Path(right) => Ok(Condition::Compare(left, comparison, Operand::Path(right))),
                }
            }
            (Some(comparison), left) => {
                let right = cut_err(spaced(operand)).parse_next(input)?;
                match left {
                    Operand::Literal(left) if comparison != Comparison::Contains && is_time(&right) => {
                        match time(&left) {
                            Some(time) => Ok(Condition::Time(comparison.reversed(), time)),
                            None => no_time.parse_next(input),
                        }
                    }
                    left => Ok(Condition::Compare(left, comparison, right)),
                }
            }
            (None, Operand::Path(path)) => Ok(Condition::Holds(path)),
            (None, Operand::Literal(_)) => {
                multispace0.parse_next(input)?;
                let missing = |_: &mut Input<'a>| -> ModalResult<Condition> { Err(ErrMode::Cut(ContextError::new())) };
                missing.context(expected("a comparison such as `==`")).parse_next(input)
            }
        }
    }
}

/// What is compared with the time of an event.
enum Moment {
    Time(Timestamp),
    Path(Path),
}

fn moment(input: &mut Input<'_>) -> ModalResult<Moment> {
    let literal = text.verify_map(|text| time(&Literal::Text(text)));
    // without its own list of what can stand here
    let path = preceded(peek(root), path);
    alt((literal.map(Moment::Time), path.map(Moment::Path))).context(expected(TIME)).parse_next(input)
}

/// Whether this is the time of the event.
fn is_time(operand: &Operand) -> bool {
    matches!(operand, Operand::Path(Path { root: Root::Time, steps }) if steps.is_empty())
}

/// The time that a text names.
fn time(literal: &Literal) -> Option<Timestamp> {
    let Literal::Text(text) = literal else { return None };
    match text.parse::<MomentArgument>().ok()?.0 {
        history::Moment::Time(time) => Some(time),
        history::Moment::Seq(_) => None,
    }
}

fn no_time(input: &mut Input<'_>) -> ModalResult<Condition> {
    let fails = |_: &mut Input<'_>| -> ModalResult<Condition> { Err(ErrMode::Cut(ContextError::new())) };
    fails.context(expected(TIME)).parse_next(input)
}

fn comparison(input: &mut Input<'_>) -> ModalResult<Comparison> {
    alt((
        "==".value(Comparison::Equal),
        "!=".value(Comparison::NotEqual),
        "<=".value(Comparison::LessOrEqual),
        "<".value(Comparison::Less),
        ">=".value(Comparison::GreaterOrEqual),
        ">".value(Comparison::Greater),
        word.verify(|word: &str| word == "contains").value(Comparison::Contains),
    ))
    .parse_next(input)
}

fn operand(input: &mut Input<'_>) -> ModalResult<Operand> {
    alt((
        number.map(Operand::Literal),
        text.map(|text| Operand::Literal(Literal::Text(text))),
        keyword.map(Operand::Literal),
        path.map(Operand::Path),
    ))
    .parse_next(input)
}

fn keyword(input: &mut Input<'_>) -> ModalResult<Literal> {
    word.verify_map(|word| match word {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "none" => Some(Literal::None),
        _ => None,
    })
    .parse_next(input)
}

fn number(input: &mut Input<'_>) -> ModalResult<Literal> {
    let digits = || take_while(1.., |digit: char| digit.is_ascii_digit());
    let exponent = (alt(('e', 'E')), opt(alt(('+', '-'))), digits());
    let text = (opt('-'), digits(), opt(('.', digits())), opt(exponent)).take();
    text.verify_map(|text: &str| match text.parse() {
        Ok(integer) => Some(Literal::Integer(integer)),
        Err(_) => text.parse().ok().map(Literal::Float),
    })
    .parse_next(input)
}

fn root(input: &mut Input<'_>) -> ModalResult<Root> {
    word.verify_map(|word| Root::ALL.iter().find(|(name, _)| *name == word).map(|(_, root)| *root)).parse_next(input)
}

fn path(input: &mut Input<'_>) -> ModalResult<Path> {
    let root = root.context(expected(OPERAND)).parse_next(input)?;
    let field = preceded('.', cut_err(word.context(expected("the name of a field"))));
    let key = alt((
        text.map(Step::Name),
        number.verify_map(|number| match number {
            Literal::Integer(position) => Some(Step::Position(position)),
            _ => None,
        }),
    ));
    let key = key.context(expected("a position, or a key in quotes"));
    let in_brackets = delimited('[', cut_err(spaced(key)), cut_err(spaced(']').context(expected("`]`"))));
    let step = alt((field.map(|name: &str| Step::Name(name.to_owned())), in_brackets));
    let steps = repeat(0.., step).parse_next(input)?;
    Ok(Path { root, steps })
}
