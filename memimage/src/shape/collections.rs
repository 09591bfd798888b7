//! Shapes of options, sequences, sets, maps, arrays and tuples.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

use super::{Descriptor, Shape, ShapeRef};

impl<T: Shape> Shape for Option<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Option(T::SHAPE));
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape> Shape for [T] {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::List(T::SHAPE));
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape> Shape for Vec<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape> Shape for VecDeque<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape> Shape for LinkedList<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape> Shape for BTreeSet<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Set(T::SHAPE));
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

impl<T: Shape, S> Shape for HashSet<T, S> {
    const SHAPE: ShapeRef = BTreeSet::<T>::SHAPE;
}

/// A heap serializes its items in the order of its buffer, and this order may differ between two equal heaps.
impl<T: Shape> Shape for BinaryHeap<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Multiset(T::SHAPE));
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Map(K::SHAPE, V::SHAPE));
    const ROUND_TRIPS: bool = K::ROUND_TRIPS && V::ROUND_TRIPS;
}

impl<K: Shape, V: Shape, S> Shape for HashMap<K, V, S> {
    const SHAPE: ShapeRef = BTreeMap::<K, V>::SHAPE;
}

/// serde implements `Serialize` for arrays of up to 32 values only.
impl<T: Shape, const N: usize> Shape for [T; N] {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Array(T::SHAPE, N));
    const ROUND_TRIPS: bool = T::ROUND_TRIPS;
}

macro_rules! tuples {
    ($(($($parameter:ident)+))+) => {$(
        impl<$($parameter: Shape),+> Shape for ($($parameter,)+) {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Tuple(&[$($parameter::SHAPE),+]));
            const ROUND_TRIPS: bool = $($parameter::ROUND_TRIPS)&&+;
        }
    )+};
}

// The lengths of tuples that serde supports.
tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
    (A B C D E F G H I J K L M)
    (A B C D E F G H I J K L M N)
    (A B C D E F G H I J K L M N O)
    (A B C D E F G H I J K L M N O P)
}
