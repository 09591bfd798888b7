//! Generates `memimage/docs/ERRORS.md`, the catalogue of compile errors, from the cases in `ui/`.
//!
//! A case shows one mistake. Its entry has the expected messages, and a hint if they contain none, so the catalogue is complete
//! and correct. `UPDATE_EXPECT=1 cargo test -p memimage-tests --test catalogue` rewrites the file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

/// A section: its title, its introduction, and the prefixes of the names of its cases.
struct Topic {
    title: &'static str,
    about: &'static str,
    prefixes: &'static [&'static str],
}

const TOPICS: &[Topic] = &[
    Topic {
        title: "The model",
        about: "A model is one struct or enum with `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, and a block of \
                commands. If `Serialize` or `Deserialize` is missing, serde reports it.",
        prefixes: &["model"],
    },
    Topic {
        title: "The block of commands",
        about: "`#[memimage::commands]` goes on an inherent impl block of the model.",
        prefixes: &["block"],
    },
    Topic {
        title: "A command",
        about: "A command is a plain method that takes `&mut self`, runs under a lock, and runs again on each replay.",
        prefixes: &["command", "method", "context", "name", "payload", "variant", "error"],
    },
    Topic {
        title: "The arguments of a command",
        about: "Arguments are written to the journal and read back: they are owned and named, and have a shape and serde's \
                traits.",
        prefixes: &["argument"],
    },
    Topic {
        title: "The result of a command",
        about: "The return type determines the result of a call. An error in a `Result` is a refusal.",
        prefixes: &["result"],
    },
    Topic {
        title: "The check of a command",
        about: "A check refuses or allows a command before it is recorded: `fn can_add(&self, by: u64) -> Result<(), …>`.",
        prefixes: &["check"],
    },
    Topic {
        title: "Determinism",
        about: "Data from outside differs on replay. The context has a time and random values that are the same.",
        prefixes: &["determinism"],
    },
    Topic {
        title: "Versions and histories",
        about: "A changed payload has a new version. Each past version is in the `history(…)`, is kept by a `replay_only` \
                command, or is in no journal. An event without a command is `retired(…)` on the block.",
        prefixes: &["history", "oldest", "replay_only", "retired"],
    },
    Topic {
        title: "Upcasters",
        about: "An upcaster is a function that takes a past version by value, and optionally `&Recorded`. If its past type is \
                unknown because of an error, the history reports a missing upcaster too.",
        prefixes: &["upcaster"],
    },
    Topic {
        title: "Past states",
        about: "`#[model(version = N, history(…))]`: past versions of the state, for snapshots of older programs.",
        prefixes: &["state"],
    },
    Topic {
        title: "Derived fields",
        about: "Fields that the other fields determine, such as indexes, are not stored: `#[model(derived)]` and `#[serde(skip)]` \
                on the field, and `#[model(rebuild = method)]` on the model.",
        prefixes: &["derived"],
    },
    Topic {
        title: "Groups",
        about: "A large model has several blocks, `#[memimage::commands(group = Name)]`, and lists them: `#[model(groups(…))]`. \
                Each block is expanded by itself, so if one of several has no group, the compiler may report several errors: \
                follow the first.",
        prefixes: &["group"],
    },
    Topic {
        title: "Shapes",
        about: "The macro derives the shape from the declaration of the type. So a serde attribute that gives the serialized data another structure is an error.",
        prefixes: &["shape"],
    },
    Topic {
        title: "The shape lock",
        about: "`#[memimage::commands(lock)]` compares payloads with `memimage.lock`, beside `Cargo.toml`. Most errors depend \
                on that file; the test `lock` of `tests/compile` expects them.",
        prefixes: &["lock"],
    },
    Topic {
        title: "Projections",
        about: "`#[memimage::projection(of = Bank)]` goes on an inherent impl block of a plain type with `Default`, `Serialize`, \
                `Deserialize` and `Shape`. A handler is a method with `#[on]`: `fn add(&mut self, event: &BankAdd, info: &EventInfo)`.",
        prefixes: &["projection"],
    },
    Topic {
        title: "An image in use",
        about: "Commands are methods of an image through the generated trait `BankCommands`. A query only reads.",
        prefixes: &["image", "submit", "query", "trait"],
    },
];

/// A mistake gives one message. In these cases the mistake is in several places, or the compiler reports more, which the
/// expansion cannot prevent.
const SEVERAL: &[&str] = &[
    "command_without_a_block",
    "determinism_crates",
    "determinism_environment",
    "determinism_random",
    "determinism_time",
    "group_without_a_block",
    "group_of_another_model",
    "group_unknown",
    "image_without_model",
    "model_without_model_used",
    "projection_event_unknown",
    "projection_not_a_projection",
    "projection_of_no_model",
    "projection_without_shape",
    "shape_field_map_by_float",
    "shape_field_shared",
    "shape_serde_skip",
    "shape_serde_two_names",
    "submit_not_a_command",
    "upcaster_not_std_result",
];

/// The errors of a locked model, with the messages that `lock` of `tests/compile` expects.
const LOCK: &[(&str, &str)] = &[
    (
        "The lock does not exist",
        "no lock at `[shop]/memimage.lock`; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to create it, and commit it",
    ),
    (
        "A new command",
        "`memimage.lock` has no line for added v1; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it",
    ),
    (
        "A new model, or a renamed model",
        "`memimage.lock` has no lines of `shop::Bench`; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add them; if \
         the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead",
    ),
    (
        "The library was renamed",
        "`memimage.lock` has lines of `shop::Bank`, a model of another library (lines 5, 6, 7), but the library of \
         this package is `renamed`; help: if `shop::Bank` was renamed to `renamed::Bank`, write the new name in these \
         lines; if no journal contains these events, delete the lines",
    ),
    (
        "A type in a payload was changed",
        "deposit v1: payload._money[].cents: u32 in the lock, u64 in this program; help: undo the change, or raise \
         the version to 2 and add an upcaster; or, if no journal contains the event, remove line 5 of `memimage.lock` \
         and bless the lock",
    ),
    (
        "A past type was changed",
        "order v1: payload._limit: not in the lock, option<u32> in this program; help: undo the change of `OrderV1`, \
         because a past version must keep its shape",
    ),
    (
        "The payload of a `replay_only` command was changed",
        "to close v1: payload._account: u32 in the lock, u8 in this program; help: undo the change, because a \
         `replay_only` command must keep its shape",
    ),
    (
        "A command was removed",
        "to close v1 is in the lock, but this block cannot replay it; help: list its past types on the block with \
         `retired(name = \"to close\", history(…))`; or keep the command with `#[command(",
    ),
    (
        "A version is not in the history",
        "order v1 is in the lock, but `order` has version 2 and cannot replay it; help: keep the struct of its \
         arguments, write an upcaster for it, and list the struct in a `history(…)` of `order`; or, if no journal contains the event, remove \
         line 5 of `memimage.lock`",
    ),
    (
        "A version before a `replay_only` command is not in its history",
        "order v1 is in the lock, but this block cannot replay it; help: list its past type in the `history(…)` of \
         the later version; or keep the command with `#[command(",
    ),
    (
        "A command of a group was removed",
        "hire v1 is in the lock, but no group of commands can replay it; help: list its past types on a block with \
         `retired(name = \"hire\", history(…))`; or keep the command with `#[command(",
    ),
    (
        "The line of a step on values was removed",
        "`memimage.lock` has no line for order v1, and no type in this block has its shape; help: restore the \
         committed line",
    ),
    (
        "A merge conflict",
        "memimage.lock:8: a merge conflict; help: keep the lines of both sides, each once, and remove the conflict markers",
    ),
    (
        "Two lines for one version",
        "memimage.lock:8: a second line for deposit v1, after line 4; help: keep the line that was committed first",
    ),
    (
        "A damaged line",
        "deposit v1: the shape in the lock cannot be read from `>}`; help: restore the committed line at \
         memimage.lock:4",
    ),
];

#[test]
fn the_catalogue_has_all_compile_errors() {
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
# Compile errors

All errors of the macros, and the compiler's errors about their expansions, each with its message and code. Search for words of
the message. A line with `Help` follows if the message itself has none. `tests/compile/ui/` has the complete code of each case, under the
name given here, with all notes of the compiler.

The compiler reports errors that the macros find in constants as `E0080: evaluation panicked`.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").to_owned()
}

/// The cases by their names.
fn cases() -> BTreeMap<String, PathBuf> {
    let files = fs::read_dir(root().join("tests/compile/ui")).unwrap().map(|file| file.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    cases.map(|path| (path.file_stem().expect("a name").to_str().expect("a name").to_owned(), path)).collect()
}

fn is_of(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'))
}

fn entry(name: &str, path: &Path) -> String {
    let expected = fs::read_to_string(path.with_extension("stderr"))
        .unwrap_or_else(|error| panic!("{name}: no expected messages: {error}"));
    let messages = messages(&expected);
    let help = help(path);
    let is_one = messages.len() == 1;
    assert!(
        is_one != SEVERAL.contains(&name),
        "{name} gives {} messages; help: add it to `SEVERAL`, or remove it",
        messages.len()
    );
    let is_ours =
        |message: &str| message.starts_with("error:") || message.contains("panicked") || message.contains("; help: ");
    let ours = messages.iter().all(|(message, _)| is_ours(message));
    assert!(ours || help.is_some(), "{name}: the compiler's message has no help; help: add a last line `// Help: …`");
    let mut entry = format!("\n### `{name}`\n\n```text\n");
    for (message, code) in messages {
        entry += &format!("{message}\n{code}");
    }
    entry += "```\n";
    if let Some(help) = help {
        entry += &format!("\nHelp: {help}\n");
    }
    entry
}

/// The entries of `LOCK`. The test of the lock must expect each message.
fn locked() -> String {
    let files = fs::read_dir(root().join("tests/compile/tests/compile/lock")).unwrap();
    let expected: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let mut entries = String::new();
    for (wrong, message) in LOCK {
        assert!(expected.contains(message), "no test of the lock expects: {message}");
        let more = if message.ends_with('(') { "…" } else { "" };
        write!(entries, "\n### {wrong}\n\n```text\n{message}{more}\n```\n").unwrap();
    }
    entries
}

/// Each message with its code.
fn messages(expected: &str) -> Vec<(String, String)> {
    let mut messages = Vec::new();
    let mut lines = expected.lines().peekable();
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

/// Whether a line shows code, `14 | …`, or a marker below it.
fn is_code(line: &str) -> bool {
    let number = line.trim_start().trim_start_matches(|digit: char| digit.is_ascii_digit());
    number.trim_start().starts_with('|') || line == "..."
}

/// The hint in the last line of the case.
fn help(path: &Path) -> Option<String> {
    let case = fs::read_to_string(path).unwrap();
    Some(case.lines().next_back()?.strip_prefix("// Help: ")?.to_owned())
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
