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
                `replay_only` command, or is in no journal any more.",
        prefixes: &["history", "oldest", "replay_only"],
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
                `#[model(groups(…))]`. Each block is read for itself, so that two which claim to be the only one are seen by \
                the compiler alone, in several messages: the first is the one to read.",
        prefixes: &["group"],
    },
    Topic {
        title: "Shapes",
        about: "A shape is the structure of what serde writes, so what serde is told to write otherwise has none.",
        prefixes: &["shape"],
    },
    Topic {
        title: "The lock",
        about: "`#[memimage::commands(lock)]` holds payloads to `memimage.lock`.",
        prefixes: &["lock"],
    },
    Topic {
        title: "An image in use",
        about: "Commands are methods of an image by a trait that the block makes, `BankCommands`. A query reads.",
        prefixes: &["image", "submit", "query", "trait"],
    },
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
    assert!(!messages.is_empty(), "{name}: no message");
    let ours = messages.iter().all(|(message, _)| message.starts_with("error:") || message.contains("panicked"));
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
