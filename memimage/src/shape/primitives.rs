//! Shapes of numbers, characters, strings, and types that serde serializes like one of them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::ffi::{CStr, CString};
use std::num::{NonZero, Saturating, Wrapping};
use std::path::{Path, PathBuf};
use std::sync::atomic;
use std::sync::{Mutex, RwLock};

use super::{Descriptor, Primitive, Shape, ShapeRef};

macro_rules! primitive {
    ($($type:ty => $primitive:ident,)+) => {$(
        impl Shape for $type {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Primitive(Primitive::$primitive));
            const ROUND_TRIPS: bool = true;
        }
    )+};
}

primitive! {
    () => Unit,
    bool => Bool,
    u8 => U8,
    u16 => U16,
    u32 => U32,
    u64 => U64,
    u128 => U128,
    i8 => I8,
    i16 => I16,
    i32 => I32,
    i64 => I64,
    i128 => I128,
    f32 => F32,
    f64 => F64,
    char => Char,
    str => String,
    String => String,
    // serde writes `usize` and `isize` as 64 bits on every platform.
    usize => U64,
    isize => I64,
    // serde returns an error when it serializes a path that is not valid UTF-8.
    Path => String,
    PathBuf => String,
    CStr => Bytes,
    CString => Bytes,
}

/// Types that serialize like the type inside them.
macro_rules! transparent {
    ($($(#[$attribute:meta])* $type:ty => $inner:ty,)+) => {$(
        $(#[$attribute])*
        impl Shape for $type {
            const SHAPE: ShapeRef = <$inner>::SHAPE;
            const ROUND_TRIPS: bool = true;
        }
    )+};
    ($($wrapper:ident<T $(: ?$sized:ident)?>,)+) => {$(
        impl<T: $(?$sized +)? Shape> Shape for $wrapper<T> {
            const SHAPE: ShapeRef = T::SHAPE;
            const ROUND_TRIPS: bool = T::ROUND_TRIPS;
        }
    )+};
}

// `Rc` and `Arc` have no shape: serde serializes them only with a feature, and restores a shared value as separate copies.
transparent! {
    Box<T: ?Sized>,
    Cell<T>,
    RefCell<T: ?Sized>,
    Mutex<T: ?Sized>,
    RwLock<T: ?Sized>,
    Wrapping<T>,
    Saturating<T>,
    Reverse<T>,
}

impl<T: ?Sized + ToOwned + Shape> Shape for Cow<'_, T> {
    const SHAPE: ShapeRef = T::SHAPE;
}

transparent! {
    NonZero<u8> => u8,
    NonZero<u16> => u16,
    NonZero<u32> => u32,
    NonZero<u64> => u64,
    NonZero<u128> => u128,
    NonZero<usize> => usize,
    NonZero<i8> => i8,
    NonZero<i16> => i16,
    NonZero<i32> => i32,
    NonZero<i64> => i64,
    NonZero<i128> => i128,
    NonZero<isize> => isize,
    #[cfg(target_has_atomic = "8")]
    atomic::AtomicBool => bool,
    #[cfg(target_has_atomic = "8")]
    atomic::AtomicU8 => u8,
    #[cfg(target_has_atomic = "16")]
    atomic::AtomicU16 => u16,
    #[cfg(target_has_atomic = "32")]
    atomic::AtomicU32 => u32,
    #[cfg(target_has_atomic = "64")]
    atomic::AtomicU64 => u64,
    #[cfg(target_has_atomic = "ptr")]
    atomic::AtomicUsize => usize,
    #[cfg(target_has_atomic = "8")]
    atomic::AtomicI8 => i8,
    #[cfg(target_has_atomic = "16")]
    atomic::AtomicI16 => i16,
    #[cfg(target_has_atomic = "32")]
    atomic::AtomicI32 => i32,
    #[cfg(target_has_atomic = "64")]
    atomic::AtomicI64 => i64,
    #[cfg(target_has_atomic = "ptr")]
    atomic::AtomicIsize => isize,
}
