//! `memimage/docs/ERRORS.md`: the catalogue of what the compiler says to a mistake, made of the cases in `ui/`.
//!
//! A case shows one mistake. Its expected messages, and the mend where they do not say it themselves, become one entry, so
//! that the catalogue is complete and true. `UPDATE_EXPECT=1 cargo test -p memimage-tests --test catalogue` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

/// A section: the title, what it is about, and how the names of its cases begin.
struct Topic {
    title: &'static str,
    about: &'static str,
    prefixes: &'static [&'static str],
}

const TOPICS: &[Topic] = &[
    Topic {
        title: "The model",
        about: "A model is one struct or enum with `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, and a block of \
                commands. serde's derive speaks for itself where `Serialize` or `Deserialize` is missing.",
        prefixes: &["model"],
    },
    Topic {
        title: "The block of commands",
        about: "`#[memimage::commands]` goes on an impl block of the model itself.",
        prefixes: &["block"],
    },
    Topic {
        title: "A command",
        about: "A command is a plain method that takes `&mut self`, runs under a lock, and runs again on each replay.",
        prefixes: &["command", "method", "context", "name", "payload", "variant", "error"],
    },
    Topic {
        title: "Its arguments",
        about: "They are written to the journal and come back from it: owned, named, with a shape, and of serde.",
        prefixes: &["argument"],
    },
    Topic {
        title: "Its answer",
        about: "What is returned decides what a caller sees; what is spelled `Result` is an answer or a refusal.",
        prefixes: &["answer"],
    },
    Topic {
        title: "Its check",
        about: "A check judges a command before it is recorded: `fn can_add(&self, by: u64) -> Result<(), …>`.",
        prefixes: &["check"],
    },
    Topic {
        title: "Determinism",
        about: "What is asked of the outside is another answer on replay. The context has time and random values that are \
                not.",
        prefixes: &["determinism"],
    },
    Topic {
        title: "Versions and histories",
        about: "A payload that changed has a new version, and each one before it is in the `history(…)`, is kept by a \
                `replay_only` command, or is in no journal any more. An event that no command has any more is `retired(…)` on \
                the block.",
        prefixes: &["history", "oldest", "replay_only", "retired"],
    },
    Topic {
        title: "Upcasters",
        about: "An upcaster is a function that takes a past version by value, and `&Recorded` if it wants. One that breaks \
                a rule so that its past type cannot be told makes no step: its history says so too.",
        prefixes: &["upcaster"],
    },
    Topic {
        title: "Past states",
        about: "`#[model(version = N, history(…))]`: the same for the state, whose snapshots an older program wrote.",
        prefixes: &["state"],
    },
    Topic {
        title: "Groups",
        about: "A large model has several blocks, `#[memimage::commands(group = Name)]`, and lists them: \
                `#[model(groups(…))]`. Each block is expanded by itself, so where one of several has no group, the compiler may \
                report it in several messages: the first is the one to read.",
        prefixes: &["group"],
    },
    Topic {
        title: "Shapes",
        about: "A shape is the structure of what serde writes, so what serde is told to write otherwise has none.",
        prefixes: &["shape"],
    },
    Topic {
        title: "The shape lock",
        about: "`#[memimage::commands(lock)]` holds payloads to `memimage.lock`, beside `Cargo.toml`. Most of its messages \
                depend on that file; after what is an error at once, these are what its test, `tests/tests/lock`, sees.",
        prefixes: &["lock"],
    },
    Topic {
        title: "An image in use",
        about: "Commands are methods of an image by a trait that the block makes, `BankCommands`. A query reads.",
        prefixes: &["image", "submit", "query", "trait"],
    },
];

/// One mistake gives one message. In these cases the mistake is made in several places, or the compiler says more, which
/// nothing in the expansion can prevent.
const SEVERAL: &[&str] = &[
    "command_without_a_block",
    "determinism_crates",
    "determinism_environment",
    "determinism_random",
    "determinism_time",
    "group_is_none",
    "group_of_another_model",
    "group_unknown",
    "image_of_no_model",
    "model_without_model_used",
    "shape_field_map_by_float",
    "shape_field_shared",
    "shape_serde_skip",
    "shape_serde_two_names",
    "submit_no_command",
    "upcaster_result_of_another_kind",
];

/// What is wrong with a lock, or with a program that is held to one, in the words that `tests/tests/lock` expects.
const LOCK: &[(&str, &str)] = &[
    (
        "The lock is not there",
        "there is no lock `[shop]/memimage.lock`: `MEMIMAGE_BLESS=1 cargo test --lib` makes it; commit it",
    ),
    (
        "A new command",
        "`memimage.lock` has no line for added v1 yet: `MEMIMAGE_BLESS=1 cargo test --lib` adds it; commit it",
    ),
    (
        "A new model, or a renamed one",
        "`memimage.lock` has no lines of `shop::Bench`: `MEMIMAGE_BLESS=1 cargo test --lib` adds them; if the model was \
         `shop::Bank` and has been renamed or moved, change the name in the file instead",
    ),
    (
        "The library was renamed",
        "lock lines of a library that is not in this package: `shop::Bank` in `memimage.lock`, lines 5, 6, 7; the library here \
         is `renamed`; help: if `shop::Bank` was renamed to `renamed::Bank`, write the new name in these lines, or delete the \
         lines if no journal holds these events",
    ),
    (
        "A type in a payload changed",
        "deposit v1: payload._money[].cents: u32 in the lock, u64 here; help: undo the change, or raise the version to 2 and add \
         an upcaster; if no journal holds the event yet, remove line 5 of `memimage.lock` and bless",
    ),
    (
        "A past type changed",
        "order v1: payload._limit: not in the lock, option<u32> here; help: restore `OrderV1` as it was, since a past version \
         keeps its shape",
    ),
    (
        "The payload of a retired command changed",
        "to close v1: payload._account: u32 in the lock, u8 here; help: undo the change, since what is kept for replay keeps its \
         shape",
    ),
    (
        "A command is gone",
        "to close v1 is in the lock, and nothing here can replay it; help: list its past types on the block, \
         `retired(name = \"to close\", history(…))`, keep it with `#[command(",
    ),
    (
        "A version is not in the history",
        "order v1 is in the lock, and `order`, at version 2, cannot replay it; help: keep its arguments as a type with an \
         upcaster, and list it in a `history(…)` of `order`, or remove line 5 of `memimage.lock` if no journal holds it any more",
    ),
    (
        "A command of a group is gone",
        "hire v1 is in the lock, and no group of commands can replay it; help: list its past types on a block, \
         `retired(name = \"hire\", history(…))`, keep it with `#[command(",
    ),
    (
        "The line of a step on values is gone",
        "`memimage.lock` has no line for order v1, and no type here tells its shape: restore the line as it was committed",
    ),
    (
        "A merge went wrong",
        "memimage.lock:8: a merge left a conflict: keep the lines of both sides, each once, and no marks",
    ),
    (
        "Two lines for one version",
        "memimage.lock:8: a second line for deposit v1, after line 4: keep the one that was committed first",
    ),
    (
        "A damaged line",
        "deposit v1: its shape in the lock cannot be read at `>}`; restore memimage.lock:4 as it was committed",
    ),
];

#[test]
fn the_catalogue_is_what_the_compiler_says() {
    let mut catalogue = String::from(INTRODUCTION);
    let mut cases = cases();
    for topic in TOPICS {
        let of_topic = |name: &str| topic.prefixes.iter().any(|prefix| is_of(name, prefix));
        let (these, others): (BTreeMap<_, _>, _) = cases.into_iter().partition(|(name, _)| of_topic(name));
        cases = others;
        if !these.is_empty() {
            write!(catalogue, "\n## {}\n\n{}\n", topic.title, wrapped(topic.about)).unwrap();
        }
        for (name, path) in these {
            catalogue += &entry(&name, &path);
        }
        if topic.prefixes == ["lock"] {
            catalogue += &locked();
        }
    }
    assert!(cases.is_empty(), "cases of no topic: {:?}", cases.into_keys().collect::<Vec<_>>());
    expect_file![root().join("memimage/docs/ERRORS.md")].assert_eq(&catalogue);
}

const INTRODUCTION: &str = "\
# What the compiler says

Each mistake that the macros see, and each message of the compiler's that they can lead to, once: the code at which it is
shown, the message, the mend. Search it for the words of the message. Where the message says the mend, nothing is added. The
whole of the wrong code is in `tests/ui/`, under the name given here, with all notes of the compiler's beside it.

`E0080: evaluation panicked` is how the compiler introduces what the macros found out while compiling.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").to_owned()
}

/// The cases by their names.
fn cases() -> BTreeMap<String, PathBuf> {
    let files = fs::read_dir(root().join("tests/ui")).unwrap().map(|file| file.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    cases.map(|path| (path.file_stem().expect("a name").to_str().expect("a name").to_owned(), path)).collect()
}

fn is_of(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'))
}

fn entry(name: &str, path: &Path) -> String {
    let said = fs::read_to_string(path.with_extension("stderr"))
        .unwrap_or_else(|error| panic!("{name}: what the compiler says is not written down: {error}"));
    let messages = messages(&said);
    let mend = mend(path);
    let is_one = messages.len() == 1;
    assert!(
        is_one != SEVERAL.contains(&name),
        "{name} is said to give one message, or several, and gives {}",
        messages.len()
    );
    let is_ours =
        |message: &str| message.starts_with("error:") || message.contains("panicked") || message.contains("; help: ");
    let ours = messages.iter().all(|(message, _)| is_ours(message));
    assert!(ours || mend.is_some(), "{name}: the compiler's own words need a last line `// Mend: …`");
    let mut entry = format!("\n### `{name}`\n\n```text\n");
    for (message, code) in messages {
        entry += &format!("{message}\n{code}");
    }
    entry += "```\n";
    if let Some(mend) = mend {
        entry += &format!("\nMend: {mend}\n");
    }
    entry
}

/// What is said of the lock, each of which its test must expect.
fn locked() -> String {
    let files = fs::read_dir(root().join("tests/tests/lock")).unwrap();
    let expected: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let mut entries = String::new();
    for (wrong, message) in LOCK {
        assert!(expected.contains(message), "the lock does not say any more: {message}");
        let more = if message.ends_with('(') { "…" } else { "" };
        write!(entries, "\n### {wrong}\n\n```text\n{message}{more}\n```\n").unwrap();
    }
    entries
}

/// Each message, and the code at which it is shown.
fn messages(said: &str) -> Vec<(String, String)> {
    let mut messages = Vec::new();
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with("error") {
            continue;
        }
        let mut message = line.to_owned();
        while let Some(more) = lines.next_if(|line| !line.trim_start().starts_with("-->")) {
            write!(message, "\n{more}").unwrap();
        }
        lines.next();
        let mut code = String::new();
        while let Some(line) = lines.next_if(|line| is_code(line)) {
            let shown = line.split_once('|').map_or(line, |(_, shown)| shown).trim_end();
            if !shown.is_empty() {
                writeln!(code, "   {shown}").unwrap();
            }
        }
        messages.push((message, code));
    }
    messages
}

/// Whether a line of a message shows code: `14 | …`, or what is under it.
fn is_code(line: &str) -> bool {
    let number = line.trim_start().trim_start_matches(|digit: char| digit.is_ascii_digit());
    number.trim_start().starts_with('|') || line == "..."
}

/// What the case's last line says of the mend.
fn mend(path: &Path) -> Option<String> {
    let case = fs::read_to_string(path).unwrap();
    Some(case.lines().next_back()?.strip_prefix("// Mend: ")?.to_owned())
}

/// The text in lines of at most 120 characters.
fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 120 {
            wrapped.push('\n');
            width = 0;
        } else if width > 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped += word;
        width += length;
    }
    wrapped
}
