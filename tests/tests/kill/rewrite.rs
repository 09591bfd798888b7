//! A killed rewrite leaves the source unmodified, and a complete image or none at the target.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use memimage::admin::{Rewrite, rewrite};
use memimage::{Durability, Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, SplitMix64, cases, seed, tree};

use super::{DIR, start};

/// The process that is killed.
#[test]
#[ignore = "run by the other test of this file"]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let dir = Path::new(&dir);
    let print = |line: &str| std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    Rewrite::<Ledger>::new()
        .segment_bytes(64 << 10)
        .progress(|progress| print(&format!("\nstep {:?}\n", progress.step)))
        .run(dir.join("source"), dir.join("target"))
        .unwrap();
    print("\nstep done\n");
}

/// Creates an image with some events, and returns its state.
fn source(path: &Path) -> Ledger {
    let options = Image::options().segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual);
    let image: Image<Ledger> = options.durability(Durability::Buffered).open(path).unwrap();
    for event in 0..2_000 {
        drop(image.submit(LedgerDeposit { account: event % 7, amount: event }).unwrap());
        if event % 100 == 0 {
            image.draw().unwrap();
        }
    }
    let state = image.query(Clone::clone).unwrap();
    Image::close(image).unwrap();
    state
}

#[test]
fn a_killed_rewrite_leaves_a_complete_image_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let [from, to, staging] = ["source", "target", ".target.rewriting"].map(|name| dir.path().join(name));
    let state = source(&from);
    let before = tree(&from);
    let same = |path: &Path| Image::<Ledger>::open(path).unwrap().query(|ledger| *ledger == state).unwrap();

    // counts the steps of a rewrite that is not killed
    let output = start("rewrite::child", dir.path(), "").wait_with_output().unwrap();
    let steps = String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("step ")).count() as u64;
    assert!(steps > 6 && same(&to), "{steps} steps");
    std::fs::remove_dir_all(&to).unwrap();

    let mut rng = SplitMix64::new(seed(7));
    let (mut interrupted, mut complete) = (0, 0);
    for round in 0..cases(60) {
        let mut child = start("rewrite::child", dir.path(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let after = rng.below(steps + 1) as usize;
        lines.by_ref().filter(|line| line.starts_with("step ")).take(after).for_each(drop);
        std::thread::sleep(Duration::from_micros(rng.below(3_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let what = format!("seed {}, round {round}, killed after step {after} of {steps}", seed(7));
        assert!(tree(&from) == before, "{what}: the source was changed");
        if to.exists() {
            assert!(same(&to) && !staging.exists(), "{what}");
            std::fs::remove_dir_all(&to).unwrap();
            complete += 1;
        } else {
            interrupted += usize::from(staging.exists());
        }
        // a leftover staging directory does not block the next rewrite
        if rng.once_in(4) {
            rewrite::<Ledger>(&from, &to).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(same(&to) && !staging.exists(), "{what}");
            std::fs::remove_dir_all(&to).unwrap();
        }
    }
    println!("{interrupted} rewrites were interrupted, {complete} were complete");
    assert!(cases(60) < 60 || interrupted > 0, "no rewrite was interrupted");
    assert!(same(&from));
}
