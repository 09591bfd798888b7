//! The bounds that the macros' expansions put on the types of arguments and fields.
//!
//! serde's derive uses a field's type in several functions, and the compiler reports a missing trait in each of them. An
//! expansion therefore checks each type in one place only, by an impl of a `Check…` trait; the other places compile even if the
//! type does not satisfy the bound. The user sees one error, with the message of the bound.
//!
//! Several bounds require the same traits, but have different messages. The macro selects a bound by the names in the type, and
//! the compiler decides whether the type satisfies the bound. A user's own type with the name `Context` or `Arc` therefore
//! compiles.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize, Serializer};

use crate::shape::{Descriptor, Shape, ShapeRef};

/// Declares bounds. A type satisfies a bound if it implements the traits after the colon. The traits after the colon are not
/// supertraits of the bound: the compiler would report a missing supertrait with the supertrait's message, not with the
/// bound's.
macro_rules! bounds {
    ($($(#[$message:meta])* $bound:ident: $first:ident $(+ $more:ident)*;)+) => {$(
        $(#[$message])*
        pub trait $bound {}

        #[diagnostic::do_not_recommend]
        impl<T: $first $(+ $more)* + ?Sized> $bound for T {}
    )+};
}

bounds! {
    /// The type of a command's argument.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be an argument of a command; help: derive `serde::Serialize`, `serde::Deserialize` and \
                   `memimage::Shape` for each type in it",
        label = "cannot be written to a journal and read back",
        note = "memimage's features `uuid`, `chrono`, `jiff`, `rust_decimal` and `indexmap` add shapes for the types of these \
                crates",
        note = "for a type of another crate, write `#[shape(opaque = \"name\")]` on the argument"
    )]
    Argument: Shape + Serialize + DeserializeOwned;

    /// The type of an argument, if this type has the name `Context`.
    #[diagnostic::on_unimplemented(
        message = "a command cannot take the context by value; help: take `&Context`",
        label = "not a reference"
    )]
    ContextArgument: Shape + Serialize + DeserializeOwned;

    /// The type of an argument that contains an `Arc` or `Rc`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be an argument of a command because `Arc` and `Rc` have no shape; help: own the value, such \
                   as `String` for `Arc<str>`, or `T` or `Box<T>` for `Arc<T>`",
        label = "no `Shape`",
        note = "for a type with serde's traits, write `#[shape(opaque = \"name\")]` on the argument"
    )]
    SharedArgument: Shape + Serialize + DeserializeOwned;

    /// The type of a field that contains an `Arc` or `Rc`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` has no shape because `Arc` and `Rc` have no shape; help: own the value, such as `String` for \
                   `Arc<str>`, or `T` or `Box<T>` for `Arc<T>`",
        label = "no `Shape`",
        note = "for a type with serde's traits, write `#[shape(opaque = \"name\")]` on the field"
    )]
    SharedField: Shape;
}

/// An impl of this trait for a payload checks that the type `T` of the payload's field number `N` satisfies the bound.
pub trait CheckArgument<T: Argument, const N: usize> {}

/// An impl of this trait for a payload checks that the type `T` of the payload's field number `N` satisfies the bound.
pub trait CheckContextArgument<T: ContextArgument, const N: usize> {}

/// An impl of this trait for a payload checks that the type `T` of the payload's field number `N` satisfies the bound.
pub trait CheckSharedArgument<T: SharedArgument, const N: usize> {}

/// An impl of this trait for a type checks that the type `T` of field number `N` has a shape.
pub trait CheckField<T: Shape + ?Sized, const N: usize> {}

/// An impl of this trait for a type checks that the type `T` of field number `N` has a shape.
pub trait CheckSharedField<T: SharedField + ?Sized, const N: usize> {}

/// The bound that serde's derive puts on an argument's type. `Recorded` requires the same traits as [`Argument`].
pub trait Recorded: Shape + Serialize + DeserializeOwned {}

impl<T: Shape + Serialize + DeserializeOwned> Recorded for T {}

/// Provides the constants of a type that a `Check…` trait checks. If the type has no shape, the compiler finds the constants of
/// [`NoShape`] under the same names, so that the failed check is the only error.
pub struct ShapeOrNone<T: ?Sized>(PhantomData<T>);

impl<T: Shape + ?Sized> ShapeOrNone<T> {
    /// The shape of the type.
    pub const SHAPE: ShapeRef = T::SHAPE;

    /// Whether decoding restores every value of the type exactly.
    pub const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

/// Provides the constants of [`ShapeOrNone`] for a type without a shape.
pub trait NoShape {
    /// Never used: if a type has no shape, the program does not compile.
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Opaque(""));

    /// Never used: if a type has no shape, the program does not compile.
    const ROUND_TRIPS: bool = false;
}

impl<T: ?Sized> NoShape for ShapeOrNone<T> {}

/// Functions with the names of the two functions that serde's derive generates. If serde cannot write or read an argument of a
/// payload, the compiler uses the functions of this trait and reports no second error. For all other payloads, the functions of
/// serde's derive take precedence.
pub trait NoSerde {
    /// Never called: a program that would call it does not compile.
    fn serialize<P, S: Serializer>(_: &P, _: S) -> Result<S::Ok, S::Error> {
        unreachable!("a type that does not compile is not serialized")
    }

    /// Never called: a program that would call it does not compile.
    fn deserialize<'de, P, D: Deserializer<'de>>(_: D) -> Result<P, D::Error> {
        unreachable!("a type that does not compile is not deserialized")
    }
}

impl<T> NoSerde for T {}
