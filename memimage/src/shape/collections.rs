//! Shapes of options, sequences, sets, maps, arrays and tuples.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

use super::{Descriptor, Shape, ShapeRef};

impl<T: Shape> Shape for Option<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Option(T::SHAPE));
}

impl<T: Shape> Shape for [T] {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::List(T::SHAPE));
}

impl<T: Shape> Shape for Vec<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
}

impl<T: Shape> Shape for VecDeque<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
}

impl<T: Shape> Shape for LinkedList<T> {
    const SHAPE: ShapeRef = <[T]>::SHAPE;
}

impl<T: Shape> Shape for BTreeSet<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Set(T::SHAPE));
}

impl<T: Shape, S> Shape for HashSet<T, S> {
    const SHAPE: ShapeRef = BTreeSet::<T>::SHAPE;
}

/// A set: a heap serializes in the order of its buffer, and the buffers of two equal heaps may differ.
impl<T: Shape> Shape for BinaryHeap<T> {
    const SHAPE: ShapeRef = BTreeSet::<T>::SHAPE;
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Map(K::SHAPE, V::SHAPE));
}

impl<K: Shape, V: Shape, S> Shape for HashMap<K, V, S> {
    const SHAPE: ShapeRef = BTreeMap::<K, V>::SHAPE;
}

/// serde implements `Serialize` for arrays of up to 32 values only.
impl<T: Shape, const N: usize> Shape for [T; N] {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Array(T::SHAPE, N));
}

macro_rules! tuples {
    ($(($($parameter:ident)+))+) => {$(
        impl<$($parameter: Shape),+> Shape for ($($parameter,)+) {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Tuple(&[$($parameter::SHAPE),+]));
        }
    )+};
}

// The same lengths as serde.
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
