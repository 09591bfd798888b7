//! What is in an image, who changed it, and how do people see it?
//!
//! The journal holds the shapes of its events. So the command `memimage` reads any image without its program, beside its owner or
//! without one:
//!
//! ```sh
//! cargo install --path memimage-cli
//! memimage doctor bank.image
//! ```
//!
//! It shows and counts events, exports and imports them, checks and repairs, and makes backups. Its
//! [README](https://github.com/OWNER/memimage/blob/main/memimage-cli/README.md) lists the verbs, and
//! [CLI.md](https://docs.rs/crate/memimage/latest/source/docs/CLI.md) defines what they print with `--json`. A state needs the
//! model, so your own program carries the same verbs, and those that show states.
//!
//! # The verbs in your program
//!
//! ```no_run
//! # use std::collections::BTreeMap;
//! use std::process::ExitCode;
//!
//! # #[cfg(feature = "admin")]
//! use memimage::admin::Tool;
//! # use memimage::{Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! #
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { accounts: BTreeMap<u32, u64> }
//! # #[memimage::commands]
//! # impl Bank {
//! #     /// Pays in.
//! #     #[command]
//! #     fn deposit(&mut self, account: u32, amount: u64) { *self.accounts.entry(account).or_default() += amount; }
//! # }
//! #
//! # #[cfg(feature = "admin")]
//! fn main() -> ExitCode {
//!     let mut arguments = std::env::args_os().skip(1).peekable();
//!     if arguments.next_if(|verb| verb == "admin").is_some() {
//!         let arguments = std::iter::once("bank admin".into()).chain(arguments);
//!         return Tool::for_model::<Bank>().image("bank.image").run(arguments);
//!     }
//!     // … what the program does otherwise
//!     ExitCode::SUCCESS
//! }
//! # #[cfg(not(feature = "admin"))]
//! # fn main() {}
//! ```
//!
//! It needs the feature `admin`. [`admin::run`](crate::admin::run) is the short form for a program that has no image of its own to
//! name. The examples `bank`, `orderbook`, `exchange` and `gitlog` carry the verbs.
//!
//! # A session
//!
//! `cargo run -p bank`, twice, leaves six events. What is in the image?
//!
//! ```console
//! $ bank admin log
//!        1  2026-11-30T09:18:35.991968Z  deposit {account: 7, amount: 100}
//!        2  2026-11-30T09:18:36.007734Z  deposit {account: 8, amount: 20}
//!        3  2026-11-30T09:18:36.009308Z  withdraw {account: 7, amount: 30}
//!        4  2026-11-30T09:18:36.100143Z  deposit {account: 7, amount: 100}
//!        5  2026-11-30T09:18:36.107726Z  deposit {account: 8, amount: 20}
//!        6  2026-11-30T09:18:36.108237Z  withdraw {account: 7, amount: 30}
//! $ bank admin log --where 'name == "withdraw" && payload.amount >= 30' --reverse --limit 1
//!        6  2026-11-30T09:18:36.108237Z  withdraw {account: 7, amount: 30}
//! ```
//!
//! How did account 7 come to its balance?
//!
//! ```console
//! $ bank admin changes accounts.7
//!        1  2026-11-30T09:18:35.991968Z  deposit {account: 7, amount: 100}
//!           accounts.7: absent → 100
//!        3  2026-11-30T09:18:36.009308Z  withdraw {account: 7, amount: 30}
//!           accounts.7: 100 → 70
//!        4  2026-11-30T09:18:36.100143Z  deposit {account: 7, amount: 100}
//!           accounts.7: 70 → 170
//!        6  2026-11-30T09:18:36.108237Z  withdraw {account: 7, amount: 30}
//!           accounts.7: 170 → 140
//! ```
//!
//! What was the state earlier, and what has changed since? A moment is a seq, a time, or a time ago such as `"1h ago"`.
//!
//! ```console
//! $ bank admin state accounts --at 3
//! after event 3, 2026-11-30T09:18:36.009308Z
//! 2 entries
//!   7: 70
//!   8: 20
//! $ bank admin diff 3 6
//! from event 3 to event 6
//! accounts.7: 70 → 140
//! accounts.8: 20 → 40
//! ```
//!
//! # Before a deployment
//!
//! `replay --dry-run` replays the whole journal with the new build, beside the running old one. It writes nothing. Where an outcome or a
//! recorded digest differs, it names the first event with the expected and the found outcome, and the exit code is 1.
//!
//! ```console
//! $ bank admin replay --dry-run
//! this program replays the journal: 6 events in 0.0 s
//! digest       2a68712314eabe04
//! ```
//!
//! # If something is wrong
//!
//! `doctor` says on one page what a directory is, whether its owner lives, what is wrong, and what to do. [`damage`](super::damage)
//! explains the repairs.
//!
//! ```console
//! $ bank admin doctor
//! What it is
//!   `bank.image` is an image of `Bank`.
//!   It holds the events 1 to 6. Those up to 6 are known to be on disk.
//!   It has no usable snapshot: opening replays all events.
//!   No process has it open.
//!
//! What is wrong
//!   Nothing was found. All checksums are right.
//!
//! What to do
//!   Nothing: open it with its program.
//! ```
//!
//! # Out and in again
//!
//! `export` writes an image as lines of JSON, without loss, and `import` makes an image of them, with the same seqs, times and
//! outcomes. Both verify what they read. So events can be looked through, compared and corrected with the tools for text.
//!
//! ```console
//! $ bank admin export --output bank.jsonl
//! exported 6 events, up to event 6
//! $ bank admin import bank.jsonl copy.image
//! imported 6 events, up to event 6
//! $ bank admin digest --image copy.image
//! 2a68712314eabe04 after event 6
//! ```
//!
//! # The page
//!
//! The crate [`memimage-web`](https://github.com/OWNER/memimage/blob/main/memimage-web/README.md) shows an image in a browser: the change log with
//! search and live tail, what each event changed, the state at any point with a slider over the history, the history of a value, and
//! the health of the image. `memimage browse DIR` serves it without states, and `memimage_web::router` nests it in an axum program. With
//! `memimage_web::tool::<Bank>()` instead of `Tool::for_model::<Bank>()`, a program has the verb `browse`, which serves it with states. It is
//! read-only, and listens on this machine only unless told otherwise.
//!
//! ![The state at an earlier event](https://github.com/OWNER/memimage/raw/main/memimage-web/screenshots/state.png)
//!
//! ![What an event changed](https://github.com/OWNER/memimage/raw/main/memimage-web/screenshots/event.png)
//!
//! # In your own code
//!
//! [`inspect`](crate::inspect) reads the part of a state at a path without serializing the rest, and compares two states.
//! [`past_states`](super::past_states) has the methods of [`Journal`](crate::Journal) that return events and past states with your
//! own types.
