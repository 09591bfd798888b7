//! Less common forms of commands: names, attributes, and type aliases.

use memimage::{CommandError, Commands, Context, Model, Shape};
use memimage_tests::InMemory;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq)]
struct Refused(&'static str);

type Answer = std::result::Result<(), Refused>;
type Result<T> = std::result::Result<T, Refused>;

#[derive(Clone, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "registry", version = 7)]
struct Registry {
    names: Vec<String>,
}

const LEN: usize = 2;
type Numbers = Vec<u64>;

// These types and constants have the names of local variables, types and constants in an expansion.
#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
struct S;
#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
struct Ok(u64);
const DESCRIPTOR: usize = 3;
#[derive(Serialize, Deserialize, Shape)]
struct Clash {
    numbers: [u8; DESCRIPTOR],
}

#[memimage::commands]
impl Registry {
    const LIMIT: usize = 3;

    /// Returns an alias with one type argument.
    #[command]
    fn push(&mut self, name: String) -> Result<usize> {
        if self.names.len() == Self::LIMIT {
            return Err(Refused("full"));
        }
        self.names.push(name);
        std::result::Result::Ok(self.names.len())
    }

    /// The check returns an alias, and the body can reject too.
    #[command(check = may_pop)]
    fn pop(&mut self, least: u64) -> Result<String> {
        self.names.pop().ok_or(Refused(if least == 0 { "empty" } else { "not enough" }))
    }

    fn may_pop(&self, least: u64, _: &memimage::Context) -> Answer {
        match self.names.len() as u64 >= least {
            true => std::result::Result::Ok(()),
            false => Err(Refused("too few")),
        }
    }

    #[command]
    fn r#type(&mut self, r#struct: u64, model: u64, context: u64, mut s: u64) -> u64 {
        s += r#struct + model + context;
        s
    }

    #[command]
    fn merge(&mut self, other: Self, _pairs: Vec<(u64, [u64; LEN])>, s: S, ok: Ok) -> Self {
        let _ = s;
        let _ = ok;
        self.names.extend(other.names);
        self.clone()
    }

    #[command(check = always)]
    fn checked_alias(&mut self, _numbers: Numbers) -> Option<u64> {
        None
    }

    fn always(&self) -> std::result::Result<(), Refused> {
        std::result::Result::Ok(())
    }

    #[cfg(not(test))]
    #[command]
    fn absent(&mut self, missing: Missing) {}

    #[cfg(test)]
    #[command]
    fn present(&mut self, ctx: &Context) {
        let _ = ctx;
    }

    #[cfg(not(test))]
    #[command(name = "twin")]
    fn twin(&mut self, missing: Missing) {}

    #[cfg(test)]
    #[command(name = "twin")]
    fn twin(&mut self) {}

    #[command(allow(nondeterminism))]
    #[deprecated = "a test of the attribute"]
    fn clock(&mut self) {
        let _ = std::time::Instant::now();
    }

    #[command]
    const fn constant(&mut self) {}

    #[command(name = "deposit")]
    fn first(&mut self) {}

    #[command(name = "deposit", version = 2, oldest = 2)]
    fn second(&mut self) {}

    /// An opaque argument.
    #[command]
    fn foreign(&mut self, #[shape(opaque = "std.duration.v1")] wait: std::time::Duration) -> u64 {
        wait.as_secs()
    }

    #[command]
    fn pointer(&mut self) -> &'static str {
        "static"
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
enum Empty {
    #[default]
    Nothing,
}

#[memimage::commands]
impl Empty {
    #[cfg(not(test))]
    #[command]
    fn absent(&mut self) {}
}

#[test]
fn aliases_of_result_are_recognised() {
    let registry = InMemory::<Registry>::default();
    assert_eq!(registry.push("a".into()).unwrap(), 1);
    assert!(matches!(registry.pop(2), Err(CommandError::Refused(Refused("too few")))));
    assert_eq!(registry.pop(1).unwrap(), "a");
    assert!(matches!(registry.pop(0), Err(CommandError::Refused(Refused("empty")))));
    assert_eq!(registry.checked_alias(vec![]).unwrap(), None);
}

#[test]
fn names_never_clash() {
    let registry = InMemory::<Registry>::default();
    assert_eq!(registry.r#type(1, 2, 3, 4).unwrap(), 10);
    assert_eq!(registry.merge(Registry { names: vec!["b".into()] }, vec![], S, Ok(1)).unwrap().names, ["b"]);
    assert_eq!(registry.foreign(std::time::Duration::from_secs(3)).unwrap(), 3);
    assert_eq!(registry.pointer().unwrap(), "static");
    let _ = Clash { numbers: [0; 3] };
}

#[test]
fn events_follow_cfg() {
    assert_eq!((Registry::NAME, Registry::VERSION), ("registry", 7));
    let rows: Vec<_> = Registry::EVENTS.iter().map(|row| (row.name(), row.version())).collect();
    let expected = [
        ("push", 1),
        ("pop", 1),
        ("type", 1),
        ("merge", 1),
        ("checked_alias", 1),
        ("present", 1),
        ("twin", 1),
        ("clock", 1),
        ("constant", 1),
        ("deposit", 1),
        ("deposit", 2),
        ("foreign", 1),
        ("pointer", 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(Empty::EVENTS.len(), 0);
}

/// Mixes tokens of two macros and of the user in one expansion.
macro_rules! counter {
    ($name:ident, $by:ident: $ty:ty, $add:ident, $check:ident) => {
        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        struct $name {
            count: u64,
        }

        #[memimage::commands]
        impl $name {
            #[command(check = $check)]
            fn $add(&mut self, $by: $ty, times: u64, context: &Context) -> u64 {
                let _ = context;
                self.count += $by * times;
                self.count
            }

            fn $check(&self, $by: &u64, times: u64) -> std::result::Result<(), Refused> {
                if $by * times > 9 { Err(Refused("too much")) } else { std::result::Result::Ok(()) }
            }

            #[command]
            fn refuse(&mut self, $by: $ty) -> Result<u64> {
                Err(Refused("always")).map(|()| $by)
            }
        }
    };
}

counter!(Generated, by: u64, add, may_add);

#[test]
fn a_model_from_another_macro_works() {
    let generated = InMemory::<Generated>::default();
    assert_eq!(generated.add(2, 3).unwrap(), 6);
    assert!(matches!(generated.add(2, 5), Err(CommandError::Refused(Refused("too much")))));
    assert!(matches!(generated.refuse(2), Err(CommandError::Refused(Refused("always")))));
}

/// Custom names for the event enum and the command trait, in one block and in groups.
mod named {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(events = Change)]
    pub(super) struct Ledger {
        sum: u64,
    }

    #[memimage::commands(derive(Debug, PartialEq), trait = Bookkeeping)]
    impl Ledger {
        #[command]
        pub(super) fn book(&mut self, cents: u64) -> u64 {
            self.sum += cents;
            self.sum
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(events = StoreChange, groups(Parts))]
    pub(super) struct Store {
        parts: u64,
    }

    #[memimage::commands(group = Parts, derive(Debug, PartialEq), trait = Storekeeping, events = PartChange)]
    impl Store {
        #[command]
        pub(super) fn put(&mut self, count: u64) -> u64 {
            self.parts += count;
            self.parts
        }
    }

    // the default names can be used for other types
    pub(super) struct LedgerEvent;
    pub(super) struct LedgerCommands;
    pub(super) struct StoreEvent;
    pub(super) struct PartsEvent;
    pub(super) struct PartsCommands;
}

#[test]
fn events_and_traits_can_have_custom_names() {
    use named::{
        Bookkeeping as _, Change, Ledger, LedgerBook, PartChange, Store, StoreChange, StorePut, Storekeeping as _,
    };

    assert_eq!(InMemory::<Ledger>::default().book(3).unwrap(), 3);
    assert_eq!(InMemory::<Store>::default().put(4).unwrap(), 4);
    let change = Change::from(LedgerBook { cents: 5 });
    assert_eq!(change, Change::Book(LedgerBook { cents: 5 }));
    let Change::Book(LedgerBook { cents }) = change;
    assert_eq!(cents, 5);
    let change = StoreChange::from(PartChange::from(StorePut { count: 6 }));
    assert_eq!(memimage::Event::name(&change), "put");
    let StoreChange::Parts(part) = change;
    assert_eq!(part, PartChange::Put(StorePut { count: 6 }));
    let _ = (named::LedgerEvent, named::LedgerCommands, named::StoreEvent, named::PartsEvent, named::PartsCommands);
}

/// The context under other names, next to a user type named `Context`.
mod contexts {
    use memimage::{Context as Cx, Model, Shape};
    use serde::{Deserialize, Serialize};

    type Now = memimage::Context;

    #[derive(Clone, Serialize, Deserialize, Shape)]
    pub(super) struct Context {
        pub(super) name: String,
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Log {
        pub(super) lines: Vec<(String, u64)>,
    }

    #[memimage::commands]
    impl Log {
        #[command(check = may_note)]
        pub(super) fn note(&mut self, cx: &Cx, context: Context) -> u64 {
            self.lines.push((context.name, cx.seq().get()));
            cx.seq().get()
        }

        fn may_note(&self, context: &Context, now: &Now) -> Result<(), String> {
            assert_eq!(now.seq().get() as usize, self.lines.len() + 1);
            if context.name.is_empty() { Err("no name".to_owned()) } else { Ok(()) }
        }

        #[command]
        pub(super) fn mark(&mut self, count: u64, now: &Now) -> u64 {
            self.lines.push(("mark".to_owned(), count));
            now.seq().get()
        }
    }
}

#[test]
fn the_context_is_recognised_by_its_type() {
    use contexts::{Context, Log, LogCommands as _};

    let log = memimage::Image::<Log>::in_memory().unwrap();
    assert_eq!(log.note(Context { name: "a".to_owned() }).unwrap(), 1);
    assert!(log.note(Context { name: String::new() }).is_err());
    assert_eq!(log.mark(7).unwrap(), 2);
    assert_eq!(log.query(|log| log.lines.clone()).unwrap(), [("a".to_owned(), 1), ("mark".to_owned(), 7)]);
}

mod own_types {
    //! Arguments of user types, for which the expansion implements serde's traits differently.

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
    struct Memo(String);

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    struct Desk {
        memos: Vec<Memo>,
    }

    #[memimage::commands(derive(Debug, PartialEq))]
    impl Desk {
        #[command]
        fn place(
            &mut self,
            memo: Memo,
            more: Option<Memo>,
            #[serde(rename = "times", default)]
            #[shape(opaque = "count")]
            count: u32,
        ) {
            self.memos.extend(more);
            self.memos.extend(std::iter::repeat_n(memo, count as usize));
        }
    }

    /// The same payload with serde's derives.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "DeskPlace")]
    struct DerivedDeskPlace {
        memo: Memo,
        more: Option<Memo>,
        #[serde(rename = "times", default)]
        count: u32,
    }

    #[test]
    fn a_payload_with_user_types_is_encoded_as_by_serdes_derive() {
        let memo = |text: &str| Memo(text.to_owned());
        let payload = DeskPlace { memo: memo("a"), more: Some(memo("b")), count: 3 };
        let derived = DerivedDeskPlace { memo: memo("a"), more: Some(memo("b")), count: 3 };
        assert_eq!(postcard::to_stdvec(&payload).unwrap(), postcard::to_stdvec(&derived).unwrap());
        assert_eq!(serde_json::to_string(&payload).unwrap(), serde_json::to_string(&derived).unwrap());
        let read: DeskPlace = serde_json::from_str(&serde_json::to_string(&derived).unwrap()).unwrap();
        assert_eq!(read, payload);

        let minimal = r#"{"memo":"a"}"#;
        let read: DeskPlace = serde_json::from_str(minimal).unwrap();
        assert_eq!(read, DeskPlace { memo: memo("a"), more: None, count: 0 });
        for wrong in ["{}", r#"{"memo":1}"#] {
            let actual = serde_json::from_str::<DeskPlace>(wrong).unwrap_err().to_string();
            assert_eq!(actual, serde_json::from_str::<DerivedDeskPlace>(wrong).err().unwrap().to_string());
        }
        let error = serde_json::from_str::<DeskPlace>("7").unwrap_err().to_string();
        assert!(error.contains("expected struct DeskPlace"), "{error}");
    }
}
