//! One entry for each fuzz target, with the bytes it begins with. `fuzz/` runs them under libFuzzer, and
//! `tests/fuzz_twins.rs` under proptest, on a stable toolchain.
//!
//! An entry panics if what must hold for any bytes at all does not: the library panics, an image that is refused is
//! changed, one that opens does not go on, or a state comes out that never was.

mod fixed;
mod operations;
mod segment;
mod snapshot;
mod value;

pub use operations::operations;
pub use segment::segment;
pub use snapshot::snapshot;
pub use value::value;

/// An entry, its name, and the bytes it begins with.
#[derive(Clone, Copy)]
pub struct Target {
    /// As of the binary in `fuzz/`.
    pub name: &'static str,
    /// What is called with any bytes.
    pub entry: fn(&[u8]),
    /// Bytes that lead somewhere.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All there are.
pub const TARGETS: [Target; 4] = [
    Target { name: "segment", entry: segment, seeds: segment::seeds },
    Target { name: "snapshot", entry: snapshot, seeds: snapshot::seeds },
    Target { name: "value", entry: value, seeds: value::seeds },
    Target { name: "operations", entry: operations, seeds: operations::seeds },
];
