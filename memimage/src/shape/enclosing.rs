//! The types that enclose a part of a descriptor: the possible targets of a back reference in this part.

use super::identity::marks_recursion;

/// The message for a [`Descriptor::Back`](super::Descriptor::Back) if no enclosing type has its identity.
pub(super) const DANGLING_BACK: &str = "a shape refers back to a type that does not enclose it";

/// The structs and enums that enclose a part of a descriptor, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Enclosing<'a> {
    pub(super) identity: u64,
    pub(super) outer: Option<&'a Enclosing<'a>>,
}

/// The number of steps outward to the enclosing type `identity`: 0 if this type is the innermost; `None` if no enclosing type
/// has this identity.
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

/// The number of steps outward from a struct or enum with this identity to the same type around it; `None` if the type does not
/// enclose itself.
pub(super) const fn recursion_steps(identity: u64, enclosing: Option<&Enclosing<'_>>) -> Option<u32> {
    if marks_recursion(identity) { steps_out(identity, enclosing) } else { None }
}
