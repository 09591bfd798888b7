//! The macros of memimage: `#[derive(Shape)]`, `#[derive(Model)]` and `#[memimage::commands]`.
//!
//! Use them through the `memimage` crate, which exports each of them. What they emit names that crate, on which this one
//! cannot depend, so the examples that compile are in `memimage`'s documentation; here is what the attributes mean.
//!
//! The way through the code: `attr` reads attributes, `ast` reads items, `check` holds them to the rules, `expand` emits.
//! After an error `fallback` emits stubs instead, so that one mistake gives one message.

// One way only: each module uses those above it, here and inside each of them. `tests/tests/architecture.rs` keeps this
// order.
mod ctxt;
mod case;
mod hygiene;
mod reserved;
mod attr;
mod ast;
mod lock;
mod check;
mod expand;
mod fallback;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Derives `Shape`: the structure of a struct or an enum, as it is written to the journal.
///
/// Each field's type must have a shape. Names are those of serde: `rename`, `rename_all` and `rename_all_fields` are
/// followed, and `transparent` gives the shape of the one field. Attributes of serde that change what is written
/// (`skip`, `with`, `flatten`, `untagged`, `tag`, `from` …) are refused. A type that contains itself needs no mark unless it
/// is generic; generic types that contain each other have no shape.
///
/// On a type:
///
/// - `#[shape(opaque = "name")]`: known by this name only. Nothing in it is looked at, so whatever changes its
///   serialization must change the name too.
/// - `#[shape(recursive)]`: for a generic type that contains itself, with its own parameters, in their order.
/// - `#[shape(crate = path)]`: where `memimage` is.
///
/// On a field:
///
/// - `#[shape(opaque = "name")]`: the same for the field alone, such as one of another crate's type, or one that serde
///   writes `with` a function.
// The payload of a command with checked arguments derives this alone, and its fields may have attributes of serde.
#[proc_macro_derive(Shape, attributes(shape, serde))]
pub fn shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let cx = Ctxt::new();
    let data = ast::Data::parse(&cx, input);
    check::data(&cx, &data);
    match cx.check() {
        Ok(()) => expand::data(data).into(),
        Err(mut tokens) => {
            tokens.extend(fallback::data(&data));
            tokens.into()
        }
    }
}

/// Derives `Model` for the struct (or the enum) that is a program's state.
///
/// Beside it the type needs `Default`, `Serialize`, `Deserialize` and `Shape`, all of them derivable, and an impl block
/// marked `#[memimage::commands]`. A model is not generic.
///
/// - `#[model(name = "…")]`: the name in the journal, instead of the type's. Arg there is a journal, it stays.
/// - `#[model(version = N)]`: the version of the model's shape in snapshots, from 1, which is the default.
/// - `#[model(history(BankV1, BankV2))]`: the versions of the shape before this one, oldest first, each a type that keeps
///   the shape, is both `Serialize` and `Deserialize`, and has an [upcaster](macro@upcast): their snapshots are of use still.
///   Without it an older snapshot is passed over and the journal replayed.
/// - `#[model(groups(Accounts, tellers::Tellers))]`: the groups of commands, where there is more than one block.
/// - `#[model(events = BankChange)]`: the name of the enum of the model's events, instead of `BankEvent`.
/// - `#[model(crate = path)]`: where `memimage` is.
///
/// `BankEvent` is the enum of the model's events and as visible as the model. With one block of commands it is an alias of
/// `<Bank as Commands>::Event`, with one variant a command, so `BankEvent::Deposit(…)` makes and matches an event, and
/// `use BankEvent::*` does not compile. With groups it has one variant a group.
#[proc_macro_derive(Model, attributes(model))]
pub fn model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let cx = Ctxt::new();
    let args = attr::ModelArgs::parse(&cx, &input.attrs);
    check::model(&cx, &input, &args);
    match cx.check() {
        Ok(()) => expand::model(&input, &args).into(),
        Err(mut tokens) => {
            tokens.extend(fallback::model(&input, args));
            tokens.into()
        }
    }
}

/// Marks the impl block that holds a model's commands: the methods in it that are marked `#[command]`.
///
/// On the block, `#[memimage::commands(…)]` has these keys:
///
/// - `derive(Debug, Clone)`: goes to everything that carries arguments.
/// - `lock`: the shapes of the commands' arguments are held to a file beside `Cargo.toml`, `memimage.lock`, which is
///   committed; `lock = "path"` is another, from that directory. What changes an argument, or any type inside it, without a
///   new version, and what removes an event, is a compile error. `MEMIMAGE_BLESS=1 cargo test --lib` adds what is new:
///   `memimage::shape_lock` has the details. In a doctest it does nothing.
/// - `retired(name = "block", history(BlockV1, BlockV2))`: an event that no command has any more, by its name in the journal,
///   with all its versions, oldest first. Each is a type with an [upcaster](macro@upcast), as in the `history(…)` of a
///   command; the last one leads to another event, or to nothing, `()`. Arg for each event. `value = function` is a step to
///   the next version that is a type, and the last version is a type. `oldest = N` is the version of the first one, if no
///   journal holds those before it.
/// - `group = Name`: this is one of several blocks of the model, which lists them: `#[model(groups(Name, other::Name))]`.
///   `NameEvent` is the enum of its events, and `NameCommands` the trait of its commands.
/// - `trait = Name`: the name of the trait of the commands, instead of `BankCommands`.
/// - `events = Name`: the name of the enum of a group's events. (That of the model is named on the model.)
/// - `crate = path`: where `memimage` is.
///
/// A command takes `&mut self`, owned arguments by plain names, and, anywhere among them, `&Context`, under whatever name
/// the type is imported. What it returns decides what a caller sees:
///
/// - any type `T`, and no `check`: never refused, `Result<T, memimage::Error>`
/// - `T` and a `check` that refuses with `E`: `Result<T, CommandError<E>>`
/// - `Result<T, E>`, spelled `Result` (an alias with that name will do): `Result<T, CommandError<E>>`
///
/// On a method, `#[command(…)]` has these keys:
///
/// - `check = name`: a method of the same block that judges the command before it is recorded. It takes `&self`, any of
///   the command's arguments by their names (by `&`, or by value, which clones), and `&Context` if it wants; it returns
///   `Result<(), E>`. It does not run on replay.
/// - `name = "…"`: the event's name in the journal, instead of the method's.
/// - `version = N`: the payload's version, from 1, which is the default.
/// - `history(DepositV1, DepositV2)`: the past versions, oldest first, each a type that keeps the shape and has an
///   [upcaster](macro@upcast). `value = function` in place of a type is a step on values, for which no type is kept: a type
///   before it leads to the next version that is a type, or to the payload.
/// - `replay_only`: kept so that what is recorded can be replayed by the old logic. Nobody can run it. (An event that
///   becomes another one, or nothing, needs no method: see `retired(…)`.)
/// - `oldest = N`: no journal holds versions before this one any more, so they need not be in the history.
/// - `payload = Name`: the name of the struct of the arguments.
/// - `allow(nondeterminism)`: the body may ask for the time or for random values, which is refused otherwise, since they
///   would be others on replay. The context has both.
///
/// `#[cfg]` on a command goes for all that is made of it; a locked model has none. An argument may carry `#[shape(opaque =
/// "…")]` and serde's attributes, which go to its field in the payload.
///
/// Emitted after the block, for `impl Bank` with a command `deposit`:
///
/// - `struct BankDeposit { … }`, the payload, with the method's visibility and docs
/// - `enum { Deposit(BankDeposit), … }`, the model's events, and a `From` of each payload. The derive of the model names it
///   `BankEvent`. That of a group, `AccountsEvent`, is public if a command of the group is, else `pub(crate)`
/// - `trait BankCommands`, by which commands are methods of an image; it is as visible as the most visible command
/// - the dispatch table of replay
/// - with `lock`, assertions, and a test by which the lock is verified or blessed
#[proc_macro_attribute]
pub fn commands(args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    let args = attr::BlockArgs::parse(&cx, args.into());
    let mut block = cx.ok(ast::Block::parse(&cx, args, item.clone().into()));
    let (lock_cx, mut lock) = (Ctxt::new(), None);
    if let Some(block) = &mut block {
        check::module(&cx, block);
        check::block(&cx, block);
        if !cx.has_errors() {
            lock = check::lock(&lock_cx, block);
        }
    }
    let lock_errors = lock_cx.panics();
    match (cx.check(), block) {
        (Ok(()), Some(block)) => {
            let mut tokens = expand::block(&block, lock.as_ref());
            tokens.extend(lock_errors);
            tokens.into()
        }
        (Ok(()), None) => unreachable!("a block that cannot be read is an error"),
        (Err(mut tokens), Some(block)) => {
            tokens.extend(fallback::block(block));
            tokens.into()
        }
        (Err(mut tokens), None) => {
            tokens.extend(fallback::unread(item.into()));
            tokens.into()
        }
    }
}

/// Marks a function that takes a past version of a payload, or of a model, one step further.
///
/// It takes the past version by value, and `&Recorded` if it wants to know what else was recorded: never the model. It
/// returns what comes next: the next version in the command's `history(…)`, the current payload, any event of the model,
/// an `Option`, a `Vec` or a tuple of these, or nothing; or a `Result` of it with any error. It may stand in any module, and
/// in any crate, as long as the past type or what it leads to is of that crate. There is one step from each type.
///
/// `#[memimage::upcast(crate = path)]` says where `memimage` is.
#[proc_macro_attribute]
pub fn upcast(args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    let args = attr::UpcastArgs::parse(&cx, args.into());
    let upcaster = cx.ok(syn::parse::<ast::Upcaster>(item.clone()));
    if let Some(upcaster) = &upcaster {
        check::upcaster(&cx, upcaster);
    }
    let krate = attr::runtime(args.krate.get());
    match (cx.check(), upcaster) {
        (Ok(()), Some(upcaster)) => expand::upcaster(&krate, &upcaster).into(),
        (Ok(()), None) => unreachable!("a function that cannot be read is an error"),
        (Err(mut tokens), Some(upcaster)) => {
            tokens.extend(fallback::upcaster(&krate, &upcaster));
            tokens.into()
        }
        (Err(mut tokens), None) => {
            tokens.extend(proc_macro2::TokenStream::from(item));
            tokens.into()
        }
    }
}

/// Marks a command, inside an impl block marked `#[memimage::commands]`, which reads it: see there for its keys.
///
/// Inside the block it needs no import. Anywhere else it is an error that says so.
#[proc_macro_attribute]
pub fn command(_args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    cx.syn_error(syn::Error::new(
        proc_macro2::Span::call_site(),
        "`#[command]` outside of a block of commands; help: put `#[memimage::commands]` on the impl block of the method",
    ));
    match cx.check() {
        Ok(()) => item,
        Err(mut tokens) => {
            tokens.extend(proc_macro2::TokenStream::from(item));
            tokens.into()
        }
    }
}
