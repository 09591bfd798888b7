//! The entry point and the seed inputs of each fuzz target. `fuzz/` runs the entry points under libFuzzer, and
//! `tests/fuzz_twins.rs` under proptest, on a stable toolchain.
//!
//! An entry point panics if it finds a bug: the library panics, a refused image is modified, an opened image does not accept
//! commands, recovery returns a state that never existed, or an imported image exports other lines.

mod fixed_image;
mod import;
mod operations;
mod segment;
mod snapshot;
mod value;

pub use import::import;
pub use operations::operations;
pub use segment::segment;
pub use snapshot::snapshot;
pub use value::value;

/// A fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of the binary in `fuzz/`.
    pub name: &'static str,
    /// The function that is called with each input.
    pub entry: fn(&[u8]),
    /// Valid inputs, from which the fuzzer derives others.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 5] = [
    Target { name: "segment", entry: segment, seeds: segment::seeds },
    Target { name: "snapshot", entry: snapshot, seeds: snapshot::seeds },
    Target { name: "value", entry: value, seeds: value::seeds },
    Target { name: "operations", entry: operations, seeds: operations::seeds },
    Target { name: "import", entry: import, seeds: import::seeds },
];
