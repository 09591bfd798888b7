//! Upcasts of one event to several, to another or to no event; rejected events; and the random values of each part.

use memimage::{CommandError, Image};
use tempfile::tempdir;

use super::{open, options};

/// The first program.
mod first {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub drawn: Vec<u64>,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn transfer(&mut self, ctx: &Context, from: u32, to: u32) {
            self.drawn.extend([u64::from(from), u64::from(to), ctx.random().u64()]);
        }

        #[command]
        pub fn ping(&mut self) {}

        #[command]
        pub fn attempt(&mut self, succeeds: bool) -> Result<(), String> {
            self.drawn.push(1);
            if succeeds { Ok(()) } else { Err("failed".to_owned()) }
        }
    }
}

/// A later program. It upcasts a transfer to two entries and a tick, drops pings, and drops event 5.
mod later {
    use memimage::{Context, Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub entries: Vec<(i64, u64, u64)>,
        pub attempts: Vec<bool>,
    }

    #[derive(Deserialize, Shape)]
    struct TransferV1 {
        from: u32,
        to: u32,
    }

    #[memimage::upcast]
    fn transfer(old: TransferV1) -> Vec<DeskEvent> {
        let [out, into] = [-i64::from(old.from), i64::from(old.to)].map(|account| DeskEnter { account });
        vec![out.into(), DeskTick {}.into(), into.into()]
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[derive(Deserialize, Shape)]
    struct AttemptV1 {
        succeeds: bool,
    }

    #[memimage::upcast]
    fn attempt(old: AttemptV1, recorded: &Recorded<'_>) -> Option<DeskAttempt> {
        assert_eq!(old.succeeds, !recorded.is_rejected());
        (recorded.seq().get() != 5).then_some(DeskAttempt { succeeds: old.succeeds, strict: true })
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn enter(&mut self, ctx: &Context, account: i64) {
            self.entries.push((account, ctx.seq().get(), ctx.random().u64()));
        }

        #[command(replay_only)]
        pub fn tick(&mut self) {}

        #[command(name = "transfer", version = 2, history(TransferV1), replay_only)]
        pub fn transfer_never_recorded(&mut self) {}

        #[command(version = 2, history(PingV1))]
        pub fn ping(&mut self, host: String) {
            _ = host;
        }

        #[command(version = 2, history(AttemptV1))]
        pub fn attempt(&mut self, succeeds: bool, strict: bool) -> Result<(), String> {
            self.attempts.push(strict);
            if succeeds { Ok(()) } else { Err("failed".to_owned()) }
        }
    }
}

/// A program with a bug: it applies a recorded event that was rejected.
mod accepts_rejected {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        attempts: u32,
    }

    #[derive(Deserialize, Shape)]
    struct AttemptV1 {
        succeeds: bool,
    }

    #[memimage::upcast]
    fn attempt(old: AttemptV1) -> DeskAttempt {
        DeskAttempt { succeeds: u8::from(old.succeeds) }
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(AttemptV1))]
        pub fn attempt(&mut self, succeeds: u8) {
            self.attempts += u32::from(succeeds);
        }
    }
}

/// A program with a bug: its upcasters form a cycle.
mod cyclic {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk;

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[derive(Deserialize, Shape)]
    struct PongV1;

    #[memimage::upcast]
    fn ping(_: PingV1) -> PongV1 {
        PongV1
    }

    #[memimage::upcast]
    fn pong(_: PongV1) -> PingV1 {
        PingV1
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(PingV1))]
        pub fn ping(&mut self, host: String) {
            _ = host;
        }

        #[command(version = 2, history(PongV1))]
        pub fn pong(&mut self, host: String) {
            _ = host;
        }
    }
}

use first::DeskCommands as _;
use later::DeskCommands as _;

#[test]
fn parts_share_the_seq_and_draw_different_values() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.transfer(1, 2).unwrap();
    desk.ping().unwrap();
    desk.attempt(true).unwrap();
    assert!(matches!(desk.attempt(false), Err(CommandError::Refused(_))));
    desk.attempt(true).unwrap();
    desk.transfer(3, 4).unwrap();
    let undivided = desk.read_uncommitted().unwrap().drawn.clone();
    Image::close(desk).unwrap();

    let desk = open::<later::Desk>(&path);
    desk.enter(5).unwrap();
    let entries = desk.read_uncommitted().unwrap().entries.clone();
    let seqs: Vec<(i64, u64)> = entries.iter().map(|&(account, seq, _)| (account, seq)).collect();
    assert_eq!(seqs, [(-1, 1), (2, 1), (-3, 6), (4, 6), (5, 7)]);
    let mut draws: Vec<u64> = entries.iter().map(|entry| entry.2).chain([undivided[2]]).collect();
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 6, "all random values differ");
    // events 3 and 4 are replayed, event 5 was dropped
    assert_eq!(desk.read_uncommitted().unwrap().attempts, [true, true]);
    Image::close(desk).unwrap();
    let desk = open::<later::Desk>(&path);
    assert_eq!(desk.read_uncommitted().unwrap().entries, entries);
}

#[test]
fn a_rejected_event_must_stay_rejected() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.attempt(true).unwrap();
    assert!(desk.attempt(false).is_err());
    Image::close(desk).unwrap();
    let error = options::<accepts_rejected::Desk>().open(&path).unwrap_err().to_string();
    assert!(error.contains("recorded outcome is `rejected`, but on replay it was applied"), "{error}");
}

#[test]
fn a_cycle_of_upcasters_is_an_error() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("desk");
    let desk = open::<first::Desk>(&path);
    desk.ping().unwrap();
    Image::close(desk).unwrap();
    let error = options::<cyclic::Desk>().open(&path).unwrap_err().to_string();
    assert!(error.contains("the upcasters of `ping` version 1 form a cycle"), "{error}");
}
