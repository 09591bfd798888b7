//! A reference to a descriptor, stored as a raw pointer.
//!
//! A recursive type (`struct Tree { children: Vec<Tree> }`) has a descriptor that refers to itself. Rust allows a `static` to
//! contain its own address. But when the compiler validates a constant's final value, it follows every *reference* in the value
//! and reports a cycle; it does not follow raw pointers. Descriptors therefore refer to each other by raw pointer. Only this
//! file creates and dereferences these pointers.

use super::Descriptor;

/// A reference to the [`Descriptor`] of a type. The descriptor may refer back to itself.
#[derive(Clone, Copy)]
pub struct ShapeRef {
    descriptor: *const Descriptor,
}

impl ShapeRef {
    /// Creates a reference to `descriptor`.
    pub const fn new(descriptor: &'static Descriptor) -> ShapeRef {
        ShapeRef { descriptor }
    }

    /// The descriptor.
    #[allow(unsafe_code)]
    pub const fn get(self) -> &'static Descriptor {
        // SAFETY: `new` is the only constructor and takes a `&'static Descriptor`, so the pointer is valid, aligned and
        // initialized for the whole program. `Descriptor` has no interior mutability, so nothing ever writes to it.
        unsafe { &*self.descriptor }
    }
}

#[allow(unsafe_code)]
// SAFETY: a `ShapeRef` behaves like the shared reference `&'static Descriptor` (see `get`), which would be `Send` because
// `Descriptor` is `Sync`: it consists of plain data and `ShapeRef`s.
unsafe impl Send for ShapeRef {}

#[allow(unsafe_code)]
// SAFETY: as for `Send`; a `ShapeRef` gives no mutable access.
unsafe impl Sync for ShapeRef {}
