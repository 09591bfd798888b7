//! The macros of memimage: `#[derive(Shape)]`, `#[derive(Model)]`, `#[memimage::commands]` and `#[memimage::projection]`.
//!
//! Use the macros through the `memimage` crate, which re-exports them. The expansions refer to `memimage`, and this crate
//! cannot depend on `memimage`, so the examples are in `memimage`'s documentation. This crate documents the attributes.
//!
//! The pipeline: `attr` parses attributes, `ast` parses items, `check` checks the rules, and `expand` generates code. After an
//! error, `fallback` generates stubs instead of this code, so that one mistake gives one error.

// Here and in each folder, a module uses only the modules that are listed above it. `tests/tests/architecture.rs` checks this.
mod ctxt;
mod case;
mod hygiene;
mod reserved;
mod attr;
mod ast;
mod shape_lock;
mod check;
mod expand;
mod fallback;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Derives `Shape`, the structure of a struct or an enum in the journal.
///
/// Each field's type must have a shape. The derive applies serde's `rename`, `rename_all` and `rename_all_fields` to the names
/// of fields and variants. A `transparent` struct has the shape of its field. Attributes of serde that change the encoding
/// (`with`, `flatten`, `untagged`, `tag`, `from` …) are errors, and so is `skip`, except on a derived field. A generic type
/// that contains itself needs `#[shape(recursive)]`; generic types that contain each other have no shape.
///
/// On a type:
///
/// - `#[shape(opaque = "name")]`: the shape is this name only. Change the name whenever the serialization of the type changes.
/// - `#[shape(opaque = "name", unordered)]`: as `#[shape(opaque = "name")]`, for a map or a set whose order is not part of its
///   value, such as the hash map of another crate. With `unordered`, the digest of a state ignores the order of the entries of
///   each map in the value, and the order of the items of each sequence that is not inside another sequence or map.
/// - `#[shape(recursive)]`: required on a generic type that contains itself with its own parameters in the same order.
/// - `#[shape(crate = path)]`: the path of `memimage`.
///
/// On a field:
///
/// - `#[shape(opaque = "name")]`, `#[shape(opaque = "name", unordered)]`: the field has this name as its shape, for example
///   because its type is of another crate, or because serde serializes the field `with` a function.
/// - `#[model(derived)]`, with `#[serde(skip)]`: the field is not part of the shape. The model that contains the type rebuilds
///   the field: see [`Model`](macro@Model).
// This derive lists the attribute `serde` too, because a payload with checked arguments derives only `Shape`, and its fields
// may have serde attributes.
#[proc_macro_derive(Shape, attributes(shape, serde, model))]
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

/// Derives `Model` for a struct or an enum that is the state of a program.
///
/// The type also needs `Default`, `Serialize`, `Deserialize` and `Shape`, which can be derived, and an impl block with
/// `#[memimage::commands]`. A model cannot be generic.
///
/// - `#[model(name = "…")]`: the model's name in the journal, instead of the type's name. Do not change the name while a
///   journal exists.
/// - `#[model(version = N)]`: the version of the model's shape in snapshots; the first version, 1, is the default.
/// - `#[model(history(BankV1, BankV2))]`: the past versions of the shape, oldest first. Each past version is a type that keeps
///   its shape, implements `Serialize` and `Deserialize`, and has an [upcaster](macro@upcast), so that snapshots of that
///   version remain usable. Without the key `history`, recovery skips the snapshots of past versions and replays the journal.
/// - `#[model(groups(Accounts, tellers::Tellers))]`: the groups of commands, if there is more than one block.
/// - `#[model(rebuild = method)]`: the method that fills the derived fields, `fn method(&mut self)`. The library calls this
///   method on each state that it loads or creates, before it applies any event to the state. The method must change no other
///   fields, and must not panic.
/// - `#[model(events = BankChange)]`: the name of the event enum, instead of `BankEvent`.
/// - `#[model(crate = path)]`: the path of `memimage`.
///
/// On a named field of the model, or of a type inside it:
///
/// - `#[model(derived)]`, with `#[serde(skip)]`: a field that the other fields determine, such as an index. A derived field is
///   not stored: it is not part of the shape, the digest or the snapshots, so you can add and remove it at any time without an
///   upcaster. The field's type needs only `Default`. If the type derives `Shape` and `Serialize`, `memimage::testing` and the
///   verification of snapshots compare the field with a rebuilt one; if the type is only `PartialEq`, only `memimage::testing`
///   does.
///
/// `BankEvent` is the event enum, with the visibility of the model. If the model has one block of commands, `BankEvent` has one
/// variant for each command and is an alias of `<Bank as Commands>::Event`: `BankEvent::Deposit(…)` constructs and matches an
/// event, but `use BankEvent::*` does not compile. If the model has groups, `BankEvent` has one variant for each group.
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

/// Marks an impl block with commands of a model. The commands are the methods with `#[command]`.
///
/// On the block, `#[memimage::commands(…)]` has these keys:
///
/// - `derive(Debug, Clone)`: derives for the payloads and the event enum.
/// - `lock`: compares the shapes of the payloads with `memimage.lock`, a file beside `Cargo.toml` that you commit;
///   `lock = "path"` selects another file, relative to the directory of `Cargo.toml`. A change of an argument, or of a type
///   inside it, is a compile error unless the command gets a new version. Removing an event is also a compile error.
///   `MEMIMAGE_BLESS=1 cargo test --lib` adds new shapes to the file. See `memimage::shape_lock`. `lock` has no effect in a
///   doctest.
/// - `retired(name = "block", history(BlockV1, BlockV2))`: an event that no command records any more. `name` is the event's
///   name in the journal, and `history` lists all versions of the event, oldest first. Each version is a type with an
///   [upcaster](macro@upcast), or a step on values, `value = function`, as in the `history(…)` of a command. The last version
///   must be a type, and the upcaster of this type returns another event, or `()` to drop the event. If no journal contains the
///   first versions, omit them and give the number of the first version in the history: `oldest = N`. The key `retired` may
///   occur several times.
/// - `group = Name`: this block is one of several blocks of commands. The model lists the groups of all its blocks:
///   `#[model(groups(Name, other::Name))]`. The event enum of the group is `NameEvent`, and its commands trait `NameCommands`.
/// - `trait = Name`: the name of the commands trait, instead of `BankCommands`.
/// - `events = Name`: the name of a group's event enum. (`#[model(events = …)]` sets the name of the model's event enum.)
/// - `crate = path`: the path of `memimage`.
///
/// A command takes `&mut self`, owned arguments with plain names, and, in any position, an optional `&Context`, which may be
/// imported under another name. Its return type determines the result of a call:
///
/// - `T` without a `check` (never refused): `Result<T, memimage::Error>`
/// - `T` with a `check` that refuses with `E`: `Result<T, CommandError<E>>`
/// - `Result<T, E>`, or an alias of it with the name `Result`: `Result<T, CommandError<E>>`
///
/// On a method, `#[command(…)]` has these keys:
///
/// - `check = name`: a method of the same block that checks the command before it is recorded. The check takes `&self`, any of
///   the command's arguments under their names (by reference, or by value: then the check gets a clone), and an optional
///   `&Context`. The check returns `Result<(), E>`. A check does not run on replay.
/// - `name = "…"`: the event's name in the journal, instead of the method's name.
/// - `version = N`: the payload's version; the first version, 1, is the default.
/// - `history(DepositV1, DepositV2)`: the past versions, oldest first. Each past version is a type that keeps its shape and has
///   an [upcaster](macro@upcast), or a *step on values*, `value = function`: the function takes and returns a
///   `memimage::Value`, so the version needs no type. If a step on values follows a type, the type's upcaster skips that step
///   and returns the next version that is a type, or else the payload.
/// - `replay_only`: the method only replays recorded events, with the old logic. A program cannot call such a command. (If an
///   upcaster converts or drops the event, no method is needed: see `retired(…)`.)
/// - `oldest = N`: no journal contains earlier versions, so the history can omit them.
/// - `payload = Name`: the name of the payload, the struct of the arguments.
/// - `allow(nondeterminism)`: allows calls that return a different value on replay, such as calls for the time or for random
///   values. Normally, take the time and random values from the context.
///
/// `#[cfg]` on a command applies to all its generated items; the commands of a locked model cannot have a `#[cfg]`. An argument
/// may have `#[shape(opaque = "…")]` and serde attributes, which the macro moves to the argument's field in the payload.
///
/// For `impl Bank` with a command `deposit`, the macro generates:
///
/// - `struct BankDeposit { … }`, the payload, with the method's visibility and docs
/// - `enum { Deposit(BankDeposit), … }`, the event enum, with a `From` impl for each payload. `#[derive(Model)]` names this
///   enum `BankEvent`. The event enum of a group, `AccountsEvent`, is public if the group has a public command, else
///   `pub(crate)`
/// - `trait BankCommands`, the commands as methods of an image, with the visibility of the most visible command
/// - the dispatch table for replay
/// - with `lock`, assertions, and a test that verifies the lock or adds lines to it
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
        (Ok(()), None) => unreachable!("a block that cannot be parsed is an error"),
        (Err(mut tokens), Some(block)) => {
            tokens.extend(fallback::block(block));
            tokens.into()
        }
        (Err(mut tokens), None) => {
            tokens.extend(fallback::unparsed(item.into()));
            tokens.into()
        }
    }
}

/// Marks an upcaster: a function that converts a past version of a payload, or of a model, to the next version.
///
/// An upcaster takes the past version by value, and optionally `&Recorded`: what the journal records for the event besides the
/// payload. An upcaster never takes the model. The upcaster of a payload returns the next version in the command's
/// `history(…)`, the current payload, any event of the model, or nothing; or an `Option`, a `Vec` or a tuple of these; or a
/// `Result` of any of these with any error. An upcaster can be in any module of a crate that defines the past type or the
/// returned type. Each past type has exactly one upcaster. `#[memimage::upcast(crate = path)]` gives the path of `memimage`.
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
        (Ok(()), None) => unreachable!("a function that cannot be parsed is an error"),
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

/// Marks an impl block with the handlers of a projection: another model, kept up to date from the events of an image.
///
/// The block is an inherent impl of a plain struct or enum with `Default`, `Serialize`, `Deserialize` and `Shape`. A handler is a
/// method with `#[on]`. It takes `&mut self`, the payload of one event by reference, and optionally `&EventInfo`: the key, time and
/// metadata of the event. It returns nothing. The payload is at its newest version, after upcasting. Events without a handler are
/// skipped, and so are void events.
///
/// - `#[on]` handles the events whose command returned no error.
/// - `#[on(rejected)]` handles the events whose command returned an error. An event can have a handler of each kind.
///
/// On the block, `#[memimage::projection(…)]` has these keys:
///
/// - `of = Bank`: the model whose events the projection handles.
/// - `version = N`: the version of the projection; 1 is the default. Raise it after each change of the fields or of the handlers:
///   the projection is then built anew from the first event.
/// - `name = "…"`: the name of the projection in its directory, instead of the type's name.
/// - `crate = path`: the path of `memimage`.
#[proc_macro_attribute]
pub fn projection(args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    let args = attr::ProjectionArgs::parse(&cx, args.into());
    let projection = cx.ok(ast::Projection::parse(&cx, args, item.clone().into()));
    if let Some(projection) = &projection {
        check::projection(&cx, projection);
    }
    match (cx.check(), projection) {
        (Ok(()), Some(projection)) => expand::projection(&projection).into(),
        (Ok(()), None) => unreachable!("a block that cannot be parsed is an error"),
        (Err(mut tokens), Some(projection)) => {
            tokens.extend(fallback::projection(&projection));
            tokens.into()
        }
        (Err(mut tokens), None) => {
            tokens.extend(fallback::unparsed(item.into()));
            tokens.into()
        }
    }
}

/// Marks a command in an impl block with [`#[memimage::commands]`](macro@commands), which documents the keys. In the impl
/// block, `#[command]` needs no import. Anywhere else, `#[command]` is an error.
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
