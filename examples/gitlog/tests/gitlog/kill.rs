//! An import that is killed at any moment and run again ends with the same image.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::Instant;

use crate::program::{Program, errors};
use crate::source::Change::Put;
use crate::source::{Source, Stream};
use crate::tree::noise;

const KILLS: u32 = 6;
const COMMITS: u32 = 400;

/// A repository with two branches, which merge now and then.
fn source(program: &Program) -> Source {
    let source = Source::new(program.path("source.git"), "sha1");
    let mut stream = Stream::default();
    let mut tips = [0, 0];
    for number in 1..=COMMITS {
        let line = number as usize % 2;
        let parents = match number {
            1 | 2 => vec![],
            _ if number % 10 == 0 => vec![tips[line], tips[1 - line]],
            _ => vec![tips[line]],
        };
        let (name, content) = (format!("dir{}/file{}", number % 3, number % 50), noise(number.into(), 2000));
        let branch = ["refs/heads/main", "refs/heads/side"][line];
        tips[line] = stream.commit(branch, &parents, &[Put("100644", name.as_bytes(), &content)]);
    }
    stream.feed(&source);
    source
}

#[test]
fn kills_lose_nothing_and_double_nothing() {
    let undisturbed = Program::new();
    let source = source(&undisturbed);
    #[expect(clippy::disallowed_methods, reason = "a test uses the clock for random moments")]
    let start = Instant::now();
    let counts = undisturbed.import(&source.path);
    let whole_run = start.elapsed();
    assert_eq!(counts.commits, u64::from(COMMITS));

    let program = Program::new();
    let mut moments = Vec::new();
    for _ in 0..KILLS {
        let mut child = program.command("import").arg(&source.path).spawn().unwrap();
        let moment = whole_run.mul_f64(random() * 0.5);
        moments.push(moment);
        thread::sleep(moment);
        child.kill().unwrap(); // SIGKILL
        let output = child.wait_with_output().unwrap();
        let errors = errors(&output);
        assert!(output.status.success() || output.status.code().is_none(), "killed after {moments:?}: {errors}");
    }
    let resumed = program.import(&source.path);
    println!("{} of {} commits were left after kills at {moments:?}", resumed.imported, resumed.commits);
    assert_eq!((resumed.commits, resumed.seq), (counts.commits, counts.seq), "killed after {moments:?}");
    assert_eq!(program.run("log", &[]), undisturbed.run("log", &[]), "killed after {moments:?}");
    for commit in source.commits().iter().step_by(17) {
        let files = source.git(&["ls-tree", "-r", "-z", &commit[0]]);
        assert_eq!(program.run("tree", &[b"-z", commit[0].as_bytes()]), files, "killed after {moments:?}");
    }
}

/// A random number from 0 to 1.
#[expect(clippy::disallowed_methods, reason = "the test kills at random moments")]
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    bits as f64 / u64::MAX as f64
}
