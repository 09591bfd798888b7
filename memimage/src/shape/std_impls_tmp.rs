//! Scratch shapes of std's types, until the real ones are here.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::{Descriptor, Primitive, Shape, ShapeRef};

macro_rules! primitives {
    ($($ty:ty => $primitive:ident),* $(,)?) => {$(
        impl Shape for $ty {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Primitive(Primitive::$primitive));
        }
    )*};
}

primitives!(
    () => Unit, bool => Bool, u8 => U8, u16 => U16, u32 => U32, u64 => U64, u128 => U128,
    i8 => I8, i16 => I16, i32 => I32, i64 => I64, f64 => F64, String => String,
);

impl<T: Shape> Shape for Option<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Option(T::SHAPE));
}

impl<T: Shape> Shape for Vec<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::List(T::SHAPE));
}

impl<T: Shape> Shape for Box<T> {
    const SHAPE: ShapeRef = T::SHAPE;
}

impl<T> Shape for PhantomData<T> {
    const SHAPE: ShapeRef = <() as Shape>::SHAPE;
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Map(K::SHAPE, V::SHAPE));
}

impl<A: Shape, B: Shape> Shape for (A, B) {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Tuple(&[A::SHAPE, B::SHAPE]));
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Array(T::SHAPE, N));
}
