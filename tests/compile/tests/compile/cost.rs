//! Measures the compile time of the macros: a model with 100 commands, compared with 100 structs that only derive serde's traits.
//!
//! `cargo test -p memimage-compile-tests cost -- --ignored --nocapture` prints the times. `ROUNDS` sets the number of
//! rounds (5 by default). Each round checks all crates, because the speed of a machine varies over time; the shortest time of
//! each crate counts. On Linux it is the processor time, because other cores may be busy. The test does not assert any times;
//! ARCHITECTURE.md lists them.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const COMMANDS: usize = 100;

/// A crate to check, and its measured times.
struct Crate {
    name: &'static str,
    source: String,
    cold: Vec<Duration>,
    edited: Vec<Duration>,
}

#[test]
#[ignore = "a measurement that takes minutes"]
fn compile_time_of_a_model_with_100_commands() {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_cost");
    let mut crates =
        [Crate::new("serde_alone", &structs()), Crate::new("shapes", &shapes()), Crate::new("model", &model())];
    make(&workspace, &crates);
    for krate in &crates {
        check(&workspace, krate);
    }
    let rounds = env::var("ROUNDS").map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    for round in 0..rounds {
        for krate in &mut crates {
            cargo(&workspace, &["clean", "-p", krate.name]);
            krate.cold.push(check(&workspace, krate));
            krate.edit(&workspace, round);
            krate.edited.push(check(&workspace, krate));
        }
    }
    let [baseline, ..] = &crates;
    for krate in &crates {
        let ratio = |times: fn(&Crate) -> &[Duration]| {
            shortest(times(krate)).as_secs_f64() / shortest(times(baseline)).as_secs_f64()
        };
        println!(
            "{:12} cold {:5} ms ({:.2}), after an edit {:5} ms ({:.2})",
            krate.name,
            shortest(&krate.cold).as_millis(),
            ratio(|krate| &krate.cold),
            shortest(&krate.edited).as_millis(),
            ratio(|krate| &krate.edited),
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

    /// Changes the body of one command, but not its signature.
    fn edit(&self, workspace: &Path, round: usize) {
        let edited = self.source.replace("/* edited */ 1", &format!("/* edited */ {}", round + 2));
        assert_ne!(edited, self.source);
        fs::write(self.file(workspace), edited).unwrap();
    }
}

fn shortest(times: &[Duration]) -> Duration {
    *times.iter().min().expect("a round")
}

/// Writes the unedited crates into a workspace with a copy of this workspace's lock file.
fn make(workspace: &Path, crates: &[Crate]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("in the workspace");
    let names: Vec<_> = crates.iter().map(|krate| format!("{:?}", krate.name)).collect();
    for krate in crates {
        fs::create_dir_all(workspace.join(krate.name).join("src")).unwrap();
        fs::write(krate.file(workspace), &krate.source).unwrap();
        let memimage = match krate.name {
            "serde_alone" => String::new(),
            _ => format!("memimage = {{ path = {:?} }}\n", root.join("memimage")),
        };
        let name = krate.name;
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

fn check(workspace: &Path, krate: &Crate) -> Duration {
    let (start, before) = (Instant::now(), processor_time());
    cargo(workspace, &["check", "-p", krate.name]);
    match (before, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed(),
    }
}

/// The processor time of all finished child processes: the fields `cutime` and `cstime`, in ticks of 10 ms, after the process
/// name in parentheses.
fn processor_time() -> Option<Duration> {
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

/// Three nested types for each command.
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

/// Structs for the arguments of the commands, with serde's derives only.
fn structs() -> String {
    payloads("Serialize, Deserialize", "use serde::{Deserialize, Serialize};")
}

/// The same structs with shapes.
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
