//! What the macros cost in compile time: a model of 100 commands beside its 100 structs with serde's derives alone.
//!
//! `cargo test -p memimage-tests --test compile_cost -- --ignored --nocapture` prints it; `ROUNDS` sets how many rounds
//! (5). All crates are checked in turn, round by round, because a machine's speed drifts; of each the shortest time counts.
//! It is the processor's time where the system tells it (Linux), since a check runs on one core and others may be busy.
//! Nothing is asserted about time. ARCHITECTURE.md has the figures.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const COMMANDS: usize = 100;

/// A crate to check, and what was measured of it.
struct Crate {
    name: &'static str,
    source: String,
    cold: Vec<Duration>,
    edited: Vec<Duration>,
}

#[test]
#[ignore = "it measures, and takes minutes"]
fn a_model_of_100_commands_beside_serde_alone() {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_cost");
    let mut crates =
        [Crate::new("serde_alone", &structs()), Crate::new("shapes", &shapes()), Crate::new("model", &model())];
    make(&workspace, &crates);
    for one in &crates {
        check(&workspace, one);
    }
    let rounds = env::var("ROUNDS").map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    for round in 0..rounds {
        for one in &mut crates {
            cargo(&workspace, &["clean", "-p", one.name]);
            one.cold.push(check(&workspace, one));
            one.edit(&workspace, round);
            one.edited.push(check(&workspace, one));
        }
    }
    let [alone, ..] = &crates;
    for one in &crates {
        let ratio =
            |times: fn(&Crate) -> &[Duration]| least(times(one)).as_secs_f64() / least(times(alone)).as_secs_f64();
        println!(
            "{:12} cold {:5} ms ({:.2}), after an edit {:5} ms ({:.2})",
            one.name,
            least(&one.cold).as_millis(),
            ratio(|one| &one.cold),
            least(&one.edited).as_millis(),
            ratio(|one| &one.edited),
        );
    }
}

impl Crate {
    fn new(name: &'static str, source: &str) -> Crate {
        Crate { name, source: source.to_owned(), cold: Vec::new(), edited: Vec::new() }
    }

    fn file(&self, workspace: &Path) -> PathBuf {
        workspace.join(self.name).join("src/lib.rs")
    }

    /// Another body, of the same signature.
    fn edit(&self, workspace: &Path, round: usize) {
        let edited = self.source.replace("/* edited */ 1", &format!("/* edited */ {}", round + 2));
        assert_ne!(edited, self.source);
        fs::write(self.file(workspace), edited).unwrap();
    }
}

fn least(times: &[Duration]) -> Duration {
    *times.iter().min().expect("a round")
}

/// Writes the crates, as they are before any edit, into a workspace with the lock file of this one.
fn make(workspace: &Path, crates: &[Crate]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace");
    let names: Vec<_> = crates.iter().map(|one| format!("{:?}", one.name)).collect();
    for one in crates {
        fs::create_dir_all(workspace.join(one.name).join("src")).unwrap();
        fs::write(one.file(workspace), &one.source).unwrap();
        let memimage = match one.name {
            "serde_alone" => String::new(),
            _ => format!("memimage = {{ path = {:?} }}\n", root.join("memimage")),
        };
        let name = one.name;
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{memimage}serde = {{ version = \"1\", features = [\"derive\"] }}\n"
        );
        fs::write(workspace.join(name).join("Cargo.toml"), manifest).unwrap();
    }
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", names.join(", "));
    fs::write(workspace.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), workspace.join("Cargo.lock")).unwrap();
}

fn check(workspace: &Path, one: &Crate) -> Duration {
    let (start, used) = (Instant::now(), used());
    cargo(workspace, &["check", "-p", one.name]);
    match (used, self::used()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed(),
    }
}

/// How long processors have worked for the ended processes that this one started: the fields `cutime` and `cstime`, in
/// ticks of 10 ms, after the name in parentheses.
fn used() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

fn cargo(workspace: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--quiet"])
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", workspace.join("target"))
        .env("CARGO_INCREMENTAL", "1")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Three types for each command.
fn nested(derives: &str) -> String {
    let mut source = String::new();
    for n in 0..COMMANDS {
        writeln!(
            source,
            "#[derive({derives})] pub struct Place{n} {{ pub account: u64, pub name: String, pub tags: Vec<String> }}\n\
             #[derive({derives})] pub enum Kind{n} {{ Plain, Counted(u32), Named {{ name: String, from: Place{n} }} }}\n\
             #[derive({derives})] pub struct Memo{n} {{ pub text: Option<String>, pub kinds: Vec<Kind{n}> }}"
        )
        .unwrap();
    }
    source
}

/// What serde's derives alone need to write the arguments of the commands.
fn structs() -> String {
    payloads("Serialize, Deserialize", "use serde::{Deserialize, Serialize};")
}

/// The same with shapes.
fn shapes() -> String {
    payloads("Serialize, Deserialize, Shape", "use memimage::Shape;\nuse serde::{Deserialize, Serialize};")
}

fn payloads(derives: &str, imports: &str) -> String {
    let mut source = format!("{imports}\n#[derive(Default, {derives})] pub struct Bank {{ pub total: u64 }}\n");
    source += &nested(derives);
    source += "impl Bank {\n";
    for n in 0..COMMANDS {
        writeln!(
            source,
            "pub fn command_{n}(&mut self, place: Place{n}, kind: Kind{n}, memo: Memo{n}, amount: u64) -> u64 \
             {{ {}; self.total }}",
            body(n)
        )
        .unwrap();
    }
    source += "}\n";
    for n in 0..COMMANDS {
        writeln!(
            source,
            "#[derive({derives})] pub struct BankCommand{n} \
             {{ pub place: Place{n}, pub kind: Kind{n}, pub memo: Memo{n}, pub amount: u64 }}"
        )
        .unwrap();
    }
    source
}

fn model() -> String {
    let mut source = String::from(
        "use memimage::{Model, Shape};\nuse serde::{Deserialize, Serialize};\n\
         #[derive(Default, Serialize, Deserialize, Shape, Model)] pub struct Bank { pub total: u64 }\n",
    );
    source += &nested("Serialize, Deserialize, Shape");
    source += "#[memimage::commands]\nimpl Bank {\n";
    for n in 0..COMMANDS {
        writeln!(
            source,
            "#[command] pub fn command_{n}(&mut self, place: Place{n}, kind: Kind{n}, memo: Memo{n}, amount: u64) -> u64 \
             {{ {}; self.total }}",
            body(n)
        )
        .unwrap();
    }
    source + "}\n"
}

fn body(n: usize) -> String {
    let number = if n == COMMANDS / 2 { "/* edited */ 1" } else { "1" };
    format!("drop((kind, memo)); self.total = self.total.wrapping_add(amount * {number}).wrapping_add(place.account)")
}
