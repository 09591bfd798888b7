//! The library's single `unsafe`: a reference to a descriptor, kept as a raw pointer.
//!
//! A recursive type (`struct Tree { children: Vec<Tree> }`) has a descriptor that refers to itself. Rust allows a
//! `static` to hold its own address, but the compiler's check of a constant's final value follows every *reference* in
//! it and reports a cycle; it does not follow raw pointers. So a descriptor refers to others by raw pointer, and this
//! file is the only place that makes or follows one.

use super::Descriptor;

/// A reference to the [`Descriptor`] of a type, which may refer back to itself.
#[derive(Clone, Copy)]
pub struct ShapeRef {
    descriptor: *const Descriptor,
}

impl ShapeRef {
    /// Refers to `descriptor`.
    pub const fn new(descriptor: &'static Descriptor) -> ShapeRef {
        ShapeRef { descriptor }
    }

    /// The descriptor referred to.
    #[allow(unsafe_code)]
    pub const fn get(self) -> &'static Descriptor {
        // SAFETY: `new` is the only constructor and takes a `&'static Descriptor`, so the pointer is valid, aligned and
        // initialised for the whole program. `Descriptor` has no interior mutability, so nothing ever writes to it.
        unsafe { &*self.descriptor }
    }
}

#[allow(unsafe_code)]
// SAFETY: a `ShapeRef` is a shared reference to an immutable `Descriptor` in all but type (see `get`), and
// `&'static Descriptor` would be `Send` because `Descriptor` is `Sync`: it is plain data and `ShapeRef`s.
unsafe impl Send for ShapeRef {}

#[allow(unsafe_code)]
// SAFETY: as above; nothing can be changed through a `ShapeRef`.
unsafe impl Sync for ShapeRef {}
