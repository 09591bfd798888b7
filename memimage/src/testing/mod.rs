//! Tools for tests of your own models, under the feature `testing`.
//!
//! ```toml
//! [dev-dependencies]
//! memimage = { version = "0.1", features = ["testing"] }
//! ```
//!
//! | to check that | use |
//! | --- | --- |
//! | a command does what it should | [`given`], [`Given::when`], [`When::then_ok`] … |
//! | past events can still be replayed | [`golden`]: a fixture for each version; [`golden_image`]: a whole image |
//! | replay always gives the same state | [`determinism`] |
//! | a snapshot loses nothing, and derived fields are rebuilt as the commands maintain them | each of these |
//! | a hand-written `Serialize` matches the `Shape` | [`shape_matches`] |
//! | a program that must not compile does not | `compile_fail`, under the feature `compile-fail` |
//!
//! If a check fails, the function panics with a message that shows the expected and the found events or fields. These functions
//! decode payloads and states by their shapes, so no type needs to be `Debug` or `PartialEq`. To test crashes and full disks,
//! use the feature `sim`.

// each module uses only the modules above it, except two groups, whose modules use each other: `model_under_test`,
// `derived_fields` and `reloaded`; and `when`, `given` and `golden`
mod value_text;
mod value_difference;
mod recorded_event;
mod model_under_test;
mod derived_fields;
mod reloaded;
#[cfg(feature = "erasure")]
mod erasure;
mod image;
mod when;
mod given;
mod golden;
mod determinism;
mod shape_matching;
#[cfg(feature = "compile-fail")]
mod compile;

#[cfg(feature = "compile-fail")]
pub use compile::{compile_fail, compile_pass};
pub use determinism::determinism;
pub use given::{Given, START, given, given_image, given_state};
pub use golden::{Golden, golden};
pub use image::golden_image;
pub use shape_matching::shape_matches;
pub use when::When;

/// Returns the value of `result`, or panics with its error. This is a function because a panic in a closure would report the
/// closure's location.
#[track_caller]
fn or_panic<T>(result: Result<T, String>) -> T {
    match result {
        Ok(value) => value,
        Err(message) => panic!("{message}"),
    }
}
