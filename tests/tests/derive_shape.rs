//! The descriptors that `#[derive(Shape)]` generates.

use std::marker::PhantomData;

use expect_test::{Expect, expect};
use memimage::__private::{Descriptor, Field, ShapeRef, Style};
use memimage::Shape;
use serde::{Deserialize, Serialize};

/// A shape as text. `^` is a type within itself.
fn text(shape: ShapeRef, inside: &mut Vec<u64>) -> String {
    let list = |shapes: Vec<String>| shapes.join(", ");
    match shape.get() {
        Descriptor::Primitive(primitive) => format!("{primitive:?}"),
        Descriptor::Option(some) => format!("{}?", text(*some, inside)),
        Descriptor::List(one) => format!("[{}]", text(*one, inside)),
        Descriptor::Set(one) => format!("set {}", text(*one, inside)),
        Descriptor::OrderedSet(one) => format!("ordered set {}", text(*one, inside)),
        Descriptor::Multiset(one) => format!("multiset {}", text(*one, inside)),
        Descriptor::Map(key, value) | Descriptor::OrderedMap(key, value) => {
            format!("{{{}: {}}}", text(*key, inside), text(*value, inside))
        }
        Descriptor::Array(one, len) => format!("[{}; {len}]", text(*one, inside)),
        Descriptor::Tuple(parts) => list(parts.iter().map(|part| text(*part, inside)).collect()),
        Descriptor::Opaque(name) => format!("opaque {name}"),
        Descriptor::Unordered(name) => format!("unordered {name}"),
        Descriptor::Back(identity) => {
            assert!(inside.contains(identity), "a back reference leads to an enclosing type");
            "^".into()
        }
        Descriptor::Struct(one) if inside.contains(&one.identity) => "^".into(),
        Descriptor::Enum(one) if inside.contains(&one.identity) => "^".into(),
        Descriptor::Struct(one) => {
            inside.push(one.identity);
            let text = fields(one.style, one.fields, inside);
            inside.pop();
            format!("struct{text}")
        }
        Descriptor::Enum(one) => {
            inside.push(one.identity);
            let variants = one.variants.iter().map(|v| format!("{}{}", v.name, fields(v.style, v.fields, inside)));
            let text = variants.collect::<Vec<_>>().join(" | ");
            inside.pop();
            format!("enum {text}")
        }
    }
}

fn fields(style: Style, fields: &[Field], inside: &mut Vec<u64>) -> String {
    let parts: Vec<_> = fields.iter().map(|field| format!("{}: {}", field.name, text(field.shape, inside))).collect();
    match style {
        Style::Unit => String::new(),
        Style::Newtype | Style::Tuple => format!("({})", parts.join(", ")),
        Style::Named => format!(" {{ {} }}", parts.join(", ")),
    }
}

fn check<T: Shape>(expected: &Expect) {
    expected.assert_eq(&text(T::SHAPE, &mut Vec::new()));
}

#[test]
fn each_kind_of_type_has_its_descriptor() {
    #[derive(Shape)]
    struct Unit;
    #[derive(Shape)]
    struct Newtype(#[allow(dead_code)] u8);
    #[derive(Shape)]
    struct Pair(#[allow(dead_code)] u8, #[allow(dead_code)] Unit);
    #[derive(Shape)]
    #[allow(dead_code)]
    enum All {
        Unit,
        Newtype(Newtype),
        Pair(Pair, Option<u8>),
        Named { r#type: String },
    }
    check::<Unit>(&expect!["struct"]);
    check::<All>(&expect![
        "enum Unit | Newtype(0: struct(0: U8)) | Pair(0: struct(0: U8, 1: struct), 1: U8?) | Named { type: String }"
    ]);
}

#[derive(Shape)]
#[allow(dead_code)]
struct Tree {
    value: u64,
    children: Vec<Self>,
    parent: Option<Box<Tree>>,
}

#[derive(Shape)]
#[allow(dead_code)]
struct Ping {
    pong: Option<Box<Pong>>,
}

#[derive(Shape)]
#[allow(dead_code)]
enum Pong {
    Ping(Ping),
    Pong(Box<Pong>),
}

#[derive(Shape)]
#[shape(recursive)]
#[allow(dead_code)]
struct List<T> {
    value: T,
    next: Option<Box<List<T>>>,
    other: Vec<Self>,
}

#[test]
fn recursive_types_have_finite_descriptors() {
    check::<Tree>(&expect!["struct { value: U64, children: [^], parent: ^? }"]);
    check::<Ping>(&expect!["struct { pong: enum Ping(0: ^) | Pong(0: ^)? }"]);
    check::<Pong>(&expect!["enum Ping(0: struct { pong: ^? }) | Pong(0: ^)"]);
    check::<List<u8>>(&expect!["struct { value: U8, next: ^?, other: [^] }"]);
}

#[test]
fn generic_types_have_the_descriptors_of_their_arguments() {
    #[derive(Shape)]
    #[allow(dead_code)]
    struct Both<A, B: Clone = u8, const N: usize = 2>
    where
        A: Clone,
    {
        a: [A; N],
        b: B,
        none: PhantomData<A>,
    }
    check::<Both<u8, String>>(&expect!["struct { a: [U8; 2], b: String, none: struct }"]);
    check::<Both<Tree2, u8, 1>>(&expect!["struct { a: [struct { children: [^] }; 1], b: U8, none: struct }"]);
}

#[derive(Clone, Shape)]
#[allow(dead_code)]
struct Tree2 {
    children: Vec<Tree2>,
}

#[test]
fn types_with_equal_fields_have_different_identities() {
    macro_rules! two {
        ($($name:ident)*) => {$(
            #[derive(Shape)]
            struct $name { #[allow(dead_code)] a: u8 }
        )*};
    }
    two!(A B);
    let identity = |shape: ShapeRef| match shape.get() {
        Descriptor::Struct(one) => one.identity,
        _ => unreachable!("structs"),
    };
    assert_ne!(identity(A::SHAPE), identity(B::SHAPE));
}

#[test]
fn names_follow_serde_attributes() {
    #[derive(Serialize, Deserialize, Shape)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, rename = "Other")]
    struct Account {
        first_name: String,
        #[serde(rename = "LAST", alias = "last")]
        last_name: String,
        #[serde(default, rename(serialize = "n", deserialize = "n"))]
        number: u8,
    }
    #[derive(Serialize, Deserialize, Shape)]
    #[serde(rename_all = "SCREAMING-KEBAB-CASE", rename_all_fields = "PascalCase")]
    enum Event {
        OpenAccount {
            account_holder: u8,
        },
        #[serde(rename_all = "kebab-case")]
        CloseIt {
            given_reason: u8,
        },
        #[serde(rename = "x")]
        Other,
    }
    check::<Account>(&expect!["struct { firstName: String, LAST: String, n: U8 }"]);
    check::<Event>(&expect!["enum OPEN-ACCOUNT { AccountHolder: U8 } | CLOSE-IT { given-reason: U8 } | x"]);

    // the names are those that serde writes
    let account = Account { first_name: String::new(), last_name: String::new(), number: 0 };
    let written = serde_json::to_value(account).unwrap();
    let names: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["LAST", "firstName", "n"]);
}

#[test]
fn transparent_and_opaque_types_have_their_descriptors() {
    struct Foreign;
    #[derive(Serialize, Deserialize, Shape)]
    #[serde(transparent)]
    struct Id<T> {
        id: u64,
        of: PhantomData<T>,
    }
    #[derive(Shape)]
    #[shape(opaque = "point.v1")]
    #[allow(dead_code)]
    struct Point {
        foreign: Foreign,
    }
    #[derive(Shape)]
    #[allow(dead_code)]
    struct Holder {
        #[shape(opaque = "foreign.v1")]
        foreign: Foreign,
        point: Point,
    }
    check::<Id<u8>>(&expect!["U64"]);
    check::<Holder>(&expect!["struct { foreign: opaque foreign.v1, point: opaque point.v1 }"]);

    #[derive(Shape)]
    #[shape(opaque = "tags.v1", unordered)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Tags(Vec<u8>);

    #[derive(Shape)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Bag {
        #[shape(unordered, opaque = "foreign.v1")]
        foreign: Vec<u8>,
        tags: Tags,
    }
    check::<Bag>(&expect!["struct { foreign: unordered foreign.v1, tags: unordered tags.v1 }"]);
}

/// A pair of pairs is not recursive, although both are the same generic type.
#[test]
fn a_generic_type_within_itself_with_other_arguments_is_not_recursive() {
    #[derive(Serialize, Deserialize, Shape)]
    struct Pair<T> {
        first: T,
        second: T,
    }
    #[derive(Serialize, Deserialize, Shape)]
    struct PairOfPairs {
        first: Inner,
        second: Inner,
    }
    #[derive(Serialize, Deserialize, Shape)]
    struct Inner {
        first: u32,
        second: u32,
    }
    assert_eq!(
        memimage::shape::fingerprint(<Pair<Pair<u32>> as Shape>::SHAPE),
        memimage::shape::fingerprint(<PairOfPairs as Shape>::SHAPE)
    );
}
