//! For the tests of your own models, under the feature `testing`.
//!
//! ```toml
//! [dev-dependencies]
//! memimage = { version = "0.1", features = ["testing"] }
//! ```
//!
//! | to make sure that | take |
//! | --- | --- |
//! | a command does what it should | [`given`], [`Given::when`], [`When::then_ok`] … |
//! | events of old are still understood | [`golden`]: a fixture for each version; [`golden_image`]: a whole image |
//! | replay gives the same each time | [`determinism`] |
//! | a hand-written `Serialize` is in keeping with the `Shape` | [`shape_matches`] |
//! | a program that must not compile does not | `compile_fail`, under the feature `compile-fail` |
//!
//! A failure is a panic that says what was expected and what was found, in terms of events and fields: payloads and states
//! are read by their shapes, so that no type needs to be `Debug` or `PartialEq`. For crashes and full disks there is the
//! feature `sim`.

// each uses those above it, but for `when`, `given` and `golden`, which lead to one another as tests do
mod text;
mod difference;
mod entry;
mod stage;
mod image;
mod when;
mod given;
mod golden;
mod determinism;
mod matching;
#[cfg(feature = "compile-fail")]
mod compile;

#[cfg(feature = "compile-fail")]
pub use compile::{compile_fail, compile_pass};
pub use determinism::determinism;
pub use given::{Given, START, given, given_image, given_state};
pub use golden::{Golden, golden};
pub use image::golden_image;
pub use matching::shape_matches;
pub use when::When;

/// What was made, or a failure of the test. A closure would fail at a place of its own.
#[track_caller]
fn sure<T>(made: Result<T, String>) -> T {
    match made {
        Ok(made) => made,
        Err(what) => panic!("{what}"),
    }
}
