//! A simulation of owners and standbys over a faulty log, step by step and without threads: 10,000 seeds a run.
//!
//! Three members append numbered entries, take over from each other, and read, while requests are lost, delayed and repeated, answers are
//! stale, and members are cut off. At the end, the log must have each entry that was acknowledged, once and in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::replication::{JournalPoint, Piece, PieceHead};
use memimage::{Seq, Timestamp};

use crate::appender::{Appender, Attempt};
use crate::entry::{Content, Entry};
use crate::log_reader::{LogReader, LogTail};
use crate::remote_log::{Engine, RemoteLog};
use crate::testing::random::SplitMix64;
use crate::testing::{Connection, Faults, MemoryLog};

const MEMBERS: usize = 3;
const STEPS: usize = 120;

struct Member {
    log: MemoryLog,
    engine: Engine,
    role: Role,
}

enum Role {
    /// Reads the log. `tail` is the last entry that it has read.
    Standby { reader: LogReader, tail: Option<LogTail> },
    /// Claims the log.
    Candidate { appender: Appender },
    Owner { appender: Appender },
}

/// What the members were told.
#[derive(Default)]
struct Promises {
    /// For each position: the number and the term of the entry that its owner takes for appended.
    acknowledged: BTreeMap<u64, (u64, u64)>,
    takeovers: u64,
}

fn numbered(point: JournalPoint, id: u64) -> Content {
    let start = JournalPoint { segment: 1, offset: 4096 + point.seq.get(), ..point };
    let seq = point.seq.next();
    let end = JournalPoint { segment: 1, offset: 4096 + seq.get(), seq, hash: id };
    Content::Piece(Piece { head: PieceHead { start, end, time: Timestamp::default() }, bytes: id.to_le_bytes().to_vec() })
}

impl Member {
    fn new(log: MemoryLog) -> Member {
        let engine: Engine = Arc::new(log.clone());
        let reader = LogReader::after(&engine, None);
        Member { log, engine, role: Role::Standby { reader, tail: None } }
    }

    fn become_standby(&mut self) {
        self.role = Role::Standby { reader: LogReader::after(&self.engine, None), tail: None };
    }

    /// One step, with a number that no other entry has.
    fn step(&mut self, id: u64, takes_over: bool, promises: &mut Promises) {
        match &mut self.role {
            Role::Standby { reader, tail } => {
                match reader.next() {
                    Ok(Some((entry, hash))) => *tail = Some(LogTail::after(&entry, hash)),
                    Ok(None) if takes_over => {
                        let appender = Appender::new(&self.engine, tail.as_ref(), [id as u8; 16], [7; 16], 0).unwrap();
                        self.role = Role::Candidate { appender };
                    }
                    Ok(None) => {}
                    Err(error) => assert!(error.is_unavailable(), "{error}"),
                }
            }
            Role::Candidate { appender } => {
                let attempt = match appender.is_open() {
                    true => appender.retry(),
                    false => appender.append(appender.claim("a member")),
                };
                match attempt {
                    Ok(Attempt::Done) => {
                        promises.takeovers += 1;
                        let Role::Candidate { appender } = std::mem::replace(&mut self.role, standby(&self.engine)) else {
                            unreachable!("the role of a candidate")
                        };
                        self.role = Role::Owner { appender };
                    }
                    Ok(Attempt::Fenced(_)) => self.become_standby(),
                    Err(error) => assert!(error.is_unavailable(), "{error}"),
                }
            }
            Role::Owner { appender } => {
                let before = (appender.header().position, appender.header().term);
                let attempt = match appender.is_open() {
                    true => appender.retry(),
                    false => appender.append(numbered(appender.point(), id)),
                };
                match attempt {
                    Ok(Attempt::Done) => {
                        let number = appender.point().hash;
                        let earlier = promises.acknowledged.insert(before.0, (number, before.1));
                        assert_eq!(earlier, None, "two owners acknowledged position {}", before.0);
                    }
                    Ok(Attempt::Fenced(_)) => self.become_standby(),
                    Err(error) => assert!(error.is_unavailable(), "{error}"),
                }
            }
        }
    }
}

fn standby(engine: &Engine) -> Role {
    Role::Standby { reader: LogReader::after(engine, None), tail: None }
}

/// Runs one seed. Returns the number of acknowledged entries, and of takeovers.
fn simulate(seed: u64) -> (u64, u64) {
    let mut random = SplitMix64::new(seed);
    let log = MemoryLog::new("simulation");
    let mut members: Vec<Member> = (0..MEMBERS).map(|_| Member::new(log.another_handle())).collect();
    let chance = [0, 20, 60, 120][random.below(4) as usize];
    log.set_faults(seed, Faults { delay_steps_max: 40, ..Faults::all(chance) });
    let mut promises = Promises::default();
    for step in 0..STEPS {
        let member = random.below(MEMBERS as u64) as usize;
        if random.below(20) == 0 {
            let connection = [Connection::Up, Connection::RequestsOnly, Connection::Down][random.below(3) as usize];
            members[member].log.set_connection(connection);
        }
        let takes_over = random.below(8) == 0;
        members[member].step(step as u64 + 1, takes_over, &mut promises);
    }
    log.set_faults(seed, Faults::default());
    log.advance(100);
    verify(&log.another_handle(), &promises);
    (promises.acknowledged.len() as u64, promises.takeovers)
}

/// Reads the whole log, and verifies that it has what was acknowledged.
fn verify(log: &MemoryLog, promises: &Promises) {
    let engine: Engine = Arc::new(log.clone());
    let mut reader = LogReader::after(&engine, None);
    let mut acknowledged = promises.acknowledged.clone();
    let (mut last, mut numbers) = (JournalPoint::START, std::collections::BTreeSet::new());
    while let Some((entry, _)) = reader.next().expect("the log is sound") {
        let Entry { header, content } = entry;
        let promised = acknowledged.remove(&header.position);
        match content {
            Content::Piece(piece) => {
                assert_eq!((piece.head.start.seq, piece.head.start.hash), (last.seq, last.hash), "the pieces are continuous");
                assert!(numbers.insert(piece.head.end.hash), "an entry is there twice");
                last = piece.head.end;
                if let Some(promised) = promised {
                    assert_eq!((last.hash, header.term), promised, "another entry is at position {}", header.position);
                }
            }
            Content::Claim(claim) => {
                assert_eq!(promised, None, "a claim is in the place of an acknowledged entry");
                assert_eq!((claim.point.seq, claim.point.hash), (last.seq, last.hash), "a claim continues the journal");
            }
            Content::Heartbeat(_) => {}
        }
    }
    assert!(acknowledged.is_empty(), "acknowledged entries are missing: {acknowledged:?}");
    assert!(log.bounds().unwrap().end > promises.acknowledged.keys().last().copied().unwrap_or(0));
    assert_eq!(last.seq, Seq::new(numbers.len() as u64));
}

#[test]
fn what_an_owner_acknowledged_is_in_the_log_and_no_two_owners_acknowledge_one_position() {
    let cases: u64 = std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000);
    let first: u64 = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut entries, mut takeovers) = (0, 0);
    for seed in first..first + cases {
        let run = std::panic::catch_unwind(|| simulate(seed));
        let Ok((acknowledged, claims)) = run else { panic!("seed {seed} fails: MEMIMAGE_SEED={seed} MEMIMAGE_CASES=1") };
        entries += acknowledged;
        takeovers += claims;
    }
    println!("{cases} seeds: {entries} acknowledged entries, {takeovers} takeovers");
    assert!(entries > cases * 5 && takeovers > cases, "{entries} entries, {takeovers} takeovers");
}
