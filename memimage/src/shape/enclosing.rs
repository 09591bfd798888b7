//! The types that enclose a part of a descriptor, for back references.

use super::identity::marks_recursion;

/// The message for a [`Descriptor::Back`](super::Descriptor::Back) whose identity no enclosing type has.
pub(super) const DANGLING_BACK: &str = "a shape refers back to a type that does not enclose it";

/// The structs and enums that enclose a part of a descriptor, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Enclosing<'a> {
    pub(super) identity: u64,
    pub(super) outer: Option<&'a Enclosing<'a>>,
}

/// The number of enclosing types to step out of to reach `identity`: 0 if it is the innermost.
pub(super) const fn steps_out(identity: u64, enclosing: Option<&Enclosing<'_>>) -> Option<u32> {
    let mut steps = 0;
    let mut next = enclosing;
    while let Some(around) = next {
        if around.identity == identity {
            return Some(steps);
        }
        steps += 1;
        next = around.outer;
    }
    None
}

/// If a struct or enum with this identity inside `enclosing` is a recursion: the number of steps to the type it repeats.
pub(super) const fn recursion_steps(identity: u64, enclosing: Option<&Enclosing<'_>>) -> Option<u32> {
    if marks_recursion(identity) { steps_out(identity, enclosing) } else { None }
}
