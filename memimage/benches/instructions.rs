//! Counts the instructions of the hot paths, and compares them with the recorded counts in `instructions.txt`. Unlike a time, a
//! count does not depend on what else the machine does.
//!
//! Run it with `cargo bench -p memimage --bench instructions`. It needs valgrind: each path runs in a process of its own, where
//! callgrind counts the instructions of one function. A path that takes over [`TOLERANCE`] percent more or fewer instructions
//! than recorded is a failure. If the change is intended, write the new counts with `-- --bless`, and commit them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use memimage::{Durability, Image, Metadata, Model, Options, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// In percent. The rest depends on when the syncer takes a batch.
const TOLERANCE: u64 = 5;

const EVENTS: u64 = 5_000;
const LONG: u64 = 1_000;
/// So many that the opening itself hardly counts.
const REPLAYED: u64 = 100_000;

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Sums {
    small: u64,
    long: u64,
}

#[memimage::commands]
impl Sums {
    #[command(check = is_positive)]
    fn add(&mut self, first: u32, second: u32, number: u64) -> u64 {
        self.small += u64::from(first ^ second) + number;
        self.small
    }

    fn is_positive(&self, number: u64) -> Result<(), u64> {
        if number == 0 { Err(self.small) } else { Ok(()) }
    }

    /// Has a payload of a thousand numbers, so that encoding and decoding outweigh all else.
    #[command]
    fn add_all(&mut self, numbers: Vec<u32>) {
        self.long += numbers.iter().map(|number| u64::from(*number)).sum::<u64>();
    }
}

fn add(n: u64) -> SumsAdd {
    SumsAdd { first: n as u32, second: n as u32 / 7, number: n + 1 }
}

fn add_all(n: u64) -> SumsAddAll {
    SumsAddAll { numbers: (0..1_000).map(|number| number * 1_000 + n as u32).collect() }
}

fn options() -> Options<Sums> {
    Image::options().durability(Durability::Buffered).snapshots(SnapshotPolicy::Manual)
}

/// An image without files, which has recorded both events once.
fn image() -> Image<Sums> {
    let image = options().in_memory().unwrap();
    image.add(1, 2, 3).unwrap();
    image.add_all(vec![1]).unwrap();
    image
}

/// Request keys of the length of a UUID.
fn keys() -> Vec<String> {
    (0..EVENTS).map(|n| format!("{n:036}")).collect()
}

/// A closed image in `directory`.
fn closed<C: memimage::Command<Sums>>(directory: &Path, events: u64, command: fn(u64) -> C) -> PathBuf {
    let path = directory.join("image");
    let image = options().open(&path).unwrap();
    for answer in image.submit_all((0..events).map(command)).wait() {
        assert!(answer.is_ok());
    }
    Image::close(image).unwrap();
    path
}

/// Callgrind counts the instructions of this function, and of all that it calls on its thread.
#[inline(never)]
fn measured<T>(path: impl FnOnce() -> T) -> T {
    black_box(path())
}

/// A hot path, and how often it runs.
struct HotPath {
    name: &'static str,
    runs: u64,
    run: fn(&Path),
}

const PATHS: &[HotPath] = &[
    HotPath {
        name: "command",
        runs: EVENTS,
        run: |_| {
            let image = image();
            measured(|| (0..EVENTS).for_each(|n| drop(image.submit(add(n)).unwrap())));
        },
    },
    HotPath {
        name: "command, submitted with others",
        runs: EVENTS,
        run: |_| {
            let image = image();
            let pending = measured(|| image.submit_all((0..EVENTS).map(add)));
            assert!(pending.wait().iter().all(Result::is_ok));
        },
    },
    HotPath {
        name: "command, with metadata",
        runs: EVENTS,
        run: |_| {
            let (image, keys) = (image(), keys());
            let with = |key: String| image.with(Metadata::new().entry("key", key));
            measured(|| keys.into_iter().zip(0..).for_each(|(key, n)| drop(with(key).submit(add(n)).unwrap())));
        },
    },
    HotPath {
        name: "command, with a request key",
        runs: EVENTS,
        run: |_| {
            let (image, keys) = (image(), keys());
            measured(|| keys.into_iter().zip(0..).for_each(|(key, n)| drop(image.once(key).submit(add(n)).unwrap())));
        },
    },
    HotPath {
        name: "command, repeated with its request key",
        runs: EVENTS,
        run: |_| {
            let (image, keys) = (image(), keys());
            let submit = |keys: Vec<String>| {
                keys.into_iter().zip(0..).for_each(|(key, n)| drop(image.once(key).submit(add(n)).unwrap()));
            };
            submit(keys.clone());
            measured(|| submit(keys));
        },
    },
    HotPath {
        name: "command, refused by its check",
        runs: EVENTS,
        run: |_| {
            let image = image();
            let refused = || SumsAdd { number: 0, ..add(1) };
            measured(|| (0..EVENTS).for_each(|_| drop(image.submit(refused()).unwrap())));
        },
    },
    HotPath {
        name: "encode a thousand numbers",
        runs: LONG,
        run: |_| {
            let image = image();
            for n in 0..LONG {
                let command = add_all(n);
                drop(measured(|| image.submit(command).unwrap()));
            }
        },
    },
    HotPath {
        name: "query",
        runs: EVENTS,
        run: |_| {
            let image = image();
            measured(|| {
                for _ in 0..EVENTS {
                    black_box(image.query(|sums| sums.small).unwrap());
                }
            });
        },
    },
    HotPath {
        name: "replay",
        runs: REPLAYED,
        run: |directory| {
            let path = closed(directory, REPLAYED, add);
            drop(measured(|| options().open(&path).unwrap()));
        },
    },
    HotPath {
        name: "replay of a thousand numbers",
        runs: LONG,
        run: |directory| {
            let path = closed(directory, LONG, add_all);
            drop(measured(|| options().open(&path).unwrap()));
        },
    },
];

/// The instructions of each path, for each time that it runs.
type Counts = BTreeMap<String, u64>;

/// Runs a path under callgrind, and returns the instructions of one run.
fn count(path: &HotPath) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--toggle-collect=*instructions::measured*"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(std::env::current_exe().unwrap()).arg("--path").arg(path.name);
    let ran =
        valgrind.output().unwrap_or_else(|error| panic!("valgrind does not run: {error}; help: install valgrind"));
    assert!(ran.status.success(), "{}: {}", path.name, String::from_utf8_lossy(&ran.stderr));
    let written = std::fs::read_to_string(&out).unwrap();
    let total = written.lines().find_map(|line| line.strip_prefix("summary: ")).expect("callgrind wrote a summary");
    let total: u64 = total.trim().parse().unwrap();
    assert!(total > 0, "{}: callgrind did not see `measured`", path.name);
    total / path.runs
}

fn recorded(file: &Path) -> Counts {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let (count, name) = line.trim().split_once(' ').unwrap();
        (name.trim().to_owned(), count.parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

fn write(file: &Path, counts: &Counts) {
    let mut text =
        "# Instructions for each command, event or query: written by `--bless`, see `instructions.rs`.\n".to_owned();
    for (name, count) in counts {
        writeln!(text, "{count:>8} {name}").unwrap();
    }
    std::fs::write(file, text).unwrap();
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--path") {
        let path = PATHS.iter().find(|path| path.name == arguments[at + 1]).expect("a path of this name");
        let directory = tempfile::tempdir().unwrap();
        (path.run)(directory.path());
        return ExitCode::SUCCESS;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    let (recorded, mut counts, mut failed) = (recorded(&file), Counts::new(), false);
    println!("{:<48} {:>10} {:>10}", "instructions each", "recorded", "now");
    for path in PATHS {
        let count = count(path);
        let before = recorded.get(path.name).copied().unwrap_or(0);
        let is_equal = count.abs_diff(before) * 100 <= before * TOLERANCE;
        println!("{:<48} {before:>10} {count:>10}{}", path.name, if is_equal { "" } else { "  differs" });
        failed |= !is_equal;
        counts.insert(path.name.to_owned(), count);
    }
    if arguments.iter().any(|argument| argument == "--bless") {
        write(&file, &counts);
        return ExitCode::SUCCESS;
    }
    if failed {
        println!(
            "some counts differ by more than {TOLERANCE} %; help: if that is intended, run this with `-- --bless`"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
