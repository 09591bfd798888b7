//! Interprets the input as operations on an image: commands, snapshots, kills, power cuts, disk faults and reopens. A model
//! keeps the expected state after each event.

use std::time::Duration;

use memimage::disk::{Effect, Fault, Method, SimDisk};
use memimage::{Durability, Image, Options, Retention, Seq};

use super::fixed_image::{open, options};
use crate::{Book, BookCommands, BookWrite, NoPage, SplitMix64};

/// The maximum number of steps of one input, which bounds its run time.
const MAX_STEPS: usize = 120;

/// Executes the steps that the input encodes.
///
/// # Panics
///
/// If an acknowledged event is lost, a recovered state never existed, or an operation fails without a disk fault.
pub fn operations(input: &[u8]) {
    let Some((settings, steps)) = input.split_first() else { return };
    let mut image_under_test = ImageUnderTest::new(*settings);
    let mut bytes = steps.iter().copied();
    for _ in 0..MAX_STEPS {
        let Some(step) = bytes.next() else { break };
        image_under_test.step(step, &mut || bytes.next().unwrap_or(0));
    }
    image_under_test.end();
}

struct ImageUnderTest {
    settings: u8,
    disk: SimDisk,
    image: Image<Book>,
    /// The state after each event, beginning with the initial state. `None` if the test cannot compute the state.
    states: Vec<Option<Book>>,
    /// The last acknowledged event.
    acknowledged: Seq,
    /// The last event that was reported as durable.
    durable: Seq,
    /// The disk has faults, so that a failing operation is no bug.
    failing: bool,
}

impl ImageUnderTest {
    fn new(settings: u8) -> ImageUnderTest {
        let disk = SimDisk::new();
        let image = open(&disk, Self::options(settings)).expect("a new image");
        ImageUnderTest {
            settings,
            disk,
            image,
            states: vec![Some(Book::default())],
            acknowledged: Seq::ZERO,
            durable: Seq::ZERO,
            failing: false,
        }
    }

    fn options(settings: u8) -> Options<Book> {
        let durability = match settings % 3 {
            0 => Durability::Synced,
            1 => Durability::Buffered,
            _ => Durability::Interval(Duration::from_secs(3_600)),
        };
        let retention = if settings & 16 != 0 { Retention::Events(0) } else { Retention::Everything };
        let align = if settings & 32 != 0 { 512 } else { 8 };
        options().durability(durability).retention(retention).align_bytes(align)
    }

    fn step(&mut self, step: u8, input: &mut dyn FnMut() -> u8) {
        match step % 17 {
            0..=4 => self.write(u32::from(input() % 8), usize::from(input()) * 12),
            5 => self.tear(u32::from(input() % 8)),
            6 => self.draw(),
            7 | 8 => self.submit(u32::from(input() % 8), usize::from(input())),
            9 => self.sync(),
            10 => self.snapshot(),
            11 => self.close(),
            12 => self.kill(),
            13 => self.power_cut(u64::from(input())),
            14 => self.fail_after(u64::from(input())),
            15 => self.inject([input(), input(), input()]),
            _ => self.query(),
        }
        self.check_durable_seq();
    }

    fn newest(&self) -> Option<Book> {
        self.states.last().expect("the initial state is always there").clone()
    }

    fn write(&mut self, page: u32, len: usize) {
        let text = "w".repeat(len);
        let mut next = self.newest();
        if let Some(state) = &mut next {
            state.write(page, text.clone());
        }
        let answer = self.image.write(page, text);
        self.executed(next, answer.map_err(|error| error.to_string()));
    }

    fn tear(&mut self, page: u32) {
        let mut next = self.newest();
        let expected = next.as_mut().map(|state| state.tear(page));
        match self.image.tear(page) {
            Err(error) if error.refusal() == Some(&NoPage(page)) => {
                assert_ne!(expected, Some(Ok(())));
                self.executed(next, Ok(()));
            }
            answer => self.executed(next, answer.map_err(|error| error.to_string())),
        }
    }

    fn draw(&mut self) {
        let answer = self.image.draw();
        let next = match &answer {
            Ok(drawn) => self.newest().map(|state| Book { drawn: *drawn, ..state }),
            Err(_) => None,
        };
        self.executed(next, answer.map_err(|error| error.to_string()));
    }

    fn submit(&mut self, page: u32, len: usize) {
        let text = "s".repeat(len);
        let mut next = self.newest();
        if let Some(state) = &mut next {
            state.write(page, text.clone());
        }
        match self.image.submit(BookWrite { page, text }) {
            // the caller does not wait for the answer
            Ok(pending) => {
                drop(pending);
                self.states.push(next);
            }
            Err(error) => self.executed::<()>(next, Err(error.to_string())),
        }
    }

    /// Records the answer to a command. A command that failed may have been recorded nevertheless.
    fn executed<T>(&mut self, next: Option<Book>, answer: Result<T, String>) {
        match answer {
            Ok(_) => {
                self.states.push(next);
                assert_eq!(self.image.journal().seq().get() as usize, self.states.len() - 1);
                self.acknowledged = self.image.journal().seq();
            }
            Err(error) => {
                assert!(self.failing, "failed on a disk without faults: {error}");
                if self.image.journal().seq().get() as usize == self.states.len() {
                    self.states.push(next);
                }
            }
        }
    }

    fn sync(&mut self) {
        match self.image.journal().sync() {
            Ok(()) => assert_eq!(self.image.journal().durable_seq(), self.image.journal().seq()),
            Err(error) => assert!(self.failing, "failed on a disk without faults: {error}"),
        }
    }

    fn snapshot(&mut self) {
        if let Err(error) = self.image.admin().snapshot() {
            assert!(self.failing, "failed on a disk without faults: {error}");
        }
    }

    fn query(&mut self) {
        match (self.image.query(Book::clone), self.newest()) {
            (Ok(found), Some(state)) => assert_eq!(found, state),
            (Ok(_), None) => {}
            (Err(error), _) => assert!(self.failing, "failed on a disk without faults: {error}"),
        }
    }

    fn fail_after(&mut self, operations: u64) {
        self.disk.stop_after(self.disk.operations() + operations);
        self.failing = true;
    }

    /// Injects a disk fault.
    fn inject(&mut self, [kind, nth, seed]: [u8; 3]) {
        let nth = 1 + u64::from(nth % 40);
        let effect = [Effect::Everything, Effect::Part, Effect::Dropped, Effect::Nothing][usize::from(kind >> 6)];
        let fault = match kind % 9 {
            // the library trusts a directory sync that reported success wrongly: FORMAT.md, assumption 4
            0 => Fault::io().on(&all_but_sync_dir()).nth(nth).effect(effect),
            1 => Fault::io().from(nth),
            2 => Fault::full().from(nth),
            3 => Fault::full().nth(nth),
            4 => Fault::io().on(&[Method::WriteAt]).nth(nth).effect(effect),
            5 => Fault::io().on(&[Method::SyncData, Method::SyncAll]).nth(nth).effect(effect),
            6 => Fault::io()
                .on(&[Method::SyncDir])
                .nth(nth)
                .effect([Effect::Nothing, Effect::Everything][usize::from(seed % 2)]),
            7 => Fault::short().every(nth),
            _ => Fault::interrupted().every(1 + nth),
        };
        // one fault at a time: two faults that interrupt every second call could interrupt every retry
        self.disk.heal();
        self.disk.inject(fault.seed(u64::from(seed)));
        // short transfers and interruptions are not failures
        self.failing |= kind % 9 < 7;
    }

    /// Updates the durable seq, which never exceeds the seq.
    fn check_durable_seq(&mut self) {
        self.durable = self.durable.max(self.image.journal().durable_seq());
        assert!(self.durable <= self.image.journal().seq());
    }

    fn close(&mut self) {
        let disk = self.disk.clone();
        let placeholder = open(&SimDisk::new(), options()).expect("a new image");
        let seq = self.image.journal().seq();
        match Image::close(std::mem::replace(&mut self.image, placeholder)) {
            Ok(()) => {
                self.acknowledged = self.acknowledged.max(seq);
                self.durable = self.durable.max(seq);
            }
            Err(error) => assert!(self.failing, "failed on a disk without faults: {error}"),
        }
        let acknowledged = self.acknowledged;
        self.reopen(disk.fork(), acknowledged);
    }

    /// Written data survives a kill, and acknowledged events are written in every durability mode.
    fn kill(&mut self) {
        let (disk, acknowledged) = (self.disk.fork(), self.acknowledged);
        self.reopen(disk, acknowledged);
    }

    /// Synced data survives a power cut. In `Synced` mode that includes all acknowledged events.
    fn power_cut(&mut self, seed: u64) {
        let mut rng = SplitMix64::new(seed);
        let disk = match seed {
            0 => self.disk.crash(|_| false),
            1 => self.disk.crash(|_| true),
            _ => self.disk.crash(|_| rng.once_in(2)),
        };
        let promised = if self.settings.is_multiple_of(3) { self.durable.max(self.acknowledged) } else { self.durable };
        self.reopen(disk, promised);
    }

    fn reopen(&mut self, disk: SimDisk, promised: Seq) {
        let image = open(&disk, Self::options(self.settings).create(promised == Seq::ZERO))
            .expect("an image opens after a crash");
        let seq = image.journal().seq();
        assert!(seq >= promised, "events up to {promised} must survive, but only {seq} were recovered");
        let expected = self.states.get(seq.get() as usize).expect("no more events than were executed");
        let found = image.read_uncommitted().expect("the image is open").clone();
        if let Some(expected) = expected {
            assert_eq!(found, *expected, "after event {seq}");
        }
        self.states.truncate(seq.get() as usize + 1);
        self.states[seq.get() as usize] = Some(found);
        (self.disk, self.image, self.acknowledged, self.failing) = (disk, image, seq, false);
        self.durable = self.image.journal().durable_seq();
    }

    fn end(mut self) {
        self.close();
        self.kill();
    }
}

fn all_but_sync_dir() -> Vec<Method> {
    Method::ALL.into_iter().filter(|method| *method != Method::SyncDir).collect()
}

/// Sessions in each durability mode, with each kind of step.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let sessions: [&[u8]; 10] = [
        &[0, 1, 200, 5, 1, 6, 9, 0, 2, 100, 11, 0, 3, 90, 13, 2, 0, 1, 10, 12],
        &[0, 1, 255, 1, 2, 255, 2, 3, 255, 10, 3, 4, 255, 0, 1, 255, 10, 11, 0, 5, 255, 14, 3, 0, 1, 99, 12, 6],
        &[7, 1, 20, 7, 2, 30, 8, 1, 2, 13, 5, 15, 7, 3, 255, 9, 13, 0, 15],
        &[14, 9, 0, 1, 255, 7, 1, 1, 10, 0, 1, 1, 13, 77, 0, 1, 200, 14, 0, 5, 1, 11, 6, 15],
        &[0, 1, 255, 0, 2, 255, 0, 3, 255, 0, 4, 255, 0, 5, 255, 10, 0, 6, 255, 0, 7, 255, 10, 13, 9, 10, 12],
        // syncs and writes that fail, partly or with dropped data; power cuts after them and after a reopen
        &[0, 1, 90, 15, 5 | 128, 1, 3, 0, 2, 80, 0, 3, 70, 12, 0, 1, 9, 13, 0, 16],
        &[0, 1, 90, 15, 4 | 64, 0, 7, 0, 2, 200, 7, 3, 70, 13, 5, 0, 1, 9, 15, 5, 2, 9, 7, 1, 1, 9, 13, 1],
        &[0, 1, 255, 15, 7, 0, 1, 0, 2, 255, 10, 0, 3, 255, 15, 8, 1, 1, 0, 4, 255, 10, 11, 15, 6, 0, 1, 10, 13, 0],
        &[
            7, 1, 20, 15, 0, 4, 2, 7, 2, 30, 0, 1, 2, 10, 13, 9, 15, 3, 2, 0, 0, 1, 255, 0, 2, 255, 9, 12, 15, 1, 1, 1,
            9, 13, 0,
        ],
        // two interrupting faults, one after the other
        &[
            0, 1, 255, 15, 7, 0, 1, 0, 2, 255, 10, 0, 3, 255, 15, 8, 0, 0, 0, 0, 0, 15, 44, 0, 0, 0, 0, 0, 0, 0, 0, 13,
            0,
        ],
    ];
    sessions.iter().flat_map(|steps| [0, 1, 2, 16, 17, 48].map(|settings| [&[settings], *steps].concat())).collect()
}
