//! Shapes of std's structs and enums, as serde serializes them in a binary format.

use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::ops::{Bound, Range, RangeFrom, RangeTo};
use std::time::{Duration, SystemTime};

use super::{Descriptor, Enum, Field, Shape, ShapeRef, Struct, Style, Variant, generic_identity};

/// Gives a type the shape of a struct with named fields.
macro_rules! structure {
    ($type:ident $(<$parameter:ident>)? { $($field:ident: $shape:ty),* }) => {
        impl $(<$parameter: Shape>)? Shape for $type $(<$parameter>)? {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Struct(Struct {
                identity: generic_identity(stringify!($type), 0, 0, 0),
                style: Style::Named,
                fields: &[$(Field { name: stringify!($field), shape: <$shape>::SHAPE }),*],
                derived: &[],
            }));
        }
    };
}

/// Gives a type the shape of an enum whose variants have one unnamed field or none.
macro_rules! enumeration {
    ($type:ident $(<$($parameter:ident),+>)? { $($variant:ident $(($shape:ty))?),* }) => {
        impl $(<$($parameter: Shape),+>)? Shape for $type $(<$($parameter),+>)? {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Enum(Enum {
                identity: generic_identity(stringify!($type), 0, 0, 0),
                variants: &[$(enumeration!(@ $variant $(($shape))?)),*],
                derived: &[],
            }));
        }
    };
    (@ $variant:ident) => {
        Variant { name: stringify!($variant), style: Style::Unit, fields: &[] }
    };
    (@ $variant:ident ($shape:ty)) => {
        Variant {
            name: stringify!($variant),
            style: Style::Newtype,
            fields: &[Field { name: "0", shape: <$shape>::SHAPE }],
        }
    };
}

/// Gives a type the shape of another type.
macro_rules! same {
    ($($type:ty => $other:ty,)+) => {$(
        impl Shape for $type {
            const SHAPE: ShapeRef = <$other>::SHAPE;
        }
    )+};
}

structure!(Duration { secs: u64, nanos: u32 });
// serde returns an error when it serializes a time before 1970.
structure!(SystemTime { secs_since_epoch: u64, nanos_since_epoch: u32 });
// `RangeInclusive` has no shape: serde omits whether the range is exhausted, so a range that has been iterated comes back whole.
structure!(Range<T> { start: T, end: T });
structure!(RangeFrom<T> { start: T });
structure!(RangeTo<T> { end: T });

enumeration!(Bound<T> { Unbounded, Included(T), Excluded(T) });
enumeration!(Result<T, E> { Ok(T), Err(E) });
enumeration!(IpAddr { V4(Ipv4Addr), V6(Ipv6Addr) });
// The shape is the same on every platform, but a value from Unix does not deserialize on Windows, nor a value from Windows on
// Unix.
enumeration!(OsString { Unix(Vec<u8>), Windows(Vec<u16>) });

// `SocketAddrV6` and `SocketAddr` have no shape: serde omits the flow information and the scope id of an IPv6 address.
same! {
    Ipv4Addr => [u8; 4],
    Ipv6Addr => [u8; 16],
    SocketAddrV4 => (Ipv4Addr, u16),
    OsStr => OsString,
}

impl<T: ?Sized> Shape for PhantomData<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Struct(Struct {
        identity: generic_identity("PhantomData", 0, 0, 0),
        style: Style::Unit,
        fields: &[],
        derived: &[],
    }));
}
