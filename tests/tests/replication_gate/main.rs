//! The gate between an image and the log on other machines: which answers wait for the log, and which commands wait or fail while the log
//! is behind. The log is scripted, so the tests decide when it has an event.

mod ending;
mod lag;
mod opening;
mod remote;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::replication::{Acknowledge, Claimed, LockedDirectory, MaxLag, OwnerJournal, Replicate, Shipping, error};
use memimage::{Durability, Error, ErrorKind, Image, Model, Options, Seq, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

/// How long a call must not return.
const SILENCE: Duration = Duration::from_millis(60);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Tally {
    count: u64,
}

#[memimage::commands]
impl Tally {
    #[command]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[command(check = may_take)]
    fn take(&mut self, amount: u64) -> u64 {
        self.count -= amount;
        self.count
    }

    fn may_take(&self, amount: u64) -> Result<(), u64> {
        if amount > self.count { Err(self.count) } else { Ok(()) }
    }
}

/// A log whose owner is a test.
#[derive(Clone, Default)]
struct ScriptedLog {
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    owner: Mutex<Option<OwnerJournal>>,
    claims: AtomicUsize,
    starts: AtomicUsize,
    stops: AtomicUsize,
    /// Whether the claim fails.
    refuses: AtomicBool,
    /// Whether the log gets nothing, not even the recovered events when it starts.
    is_down: AtomicBool,
}

impl ScriptedLog {
    fn down() -> ScriptedLog {
        let log = ScriptedLog::default();
        log.script.is_down.store(true, Ordering::SeqCst);
        log
    }

    fn owner(&self) -> OwnerJournal {
        self.script.owner.lock().unwrap().clone().expect("the image has started the log")
    }

    fn ship(&self) {
        let owner = self.owner();
        owner.shipped(owner.shippable());
    }

    fn counts(&self) -> [usize; 3] {
        let Script { claims, starts, stops, .. } = &*self.script;
        [claims, starts, stops].map(|count| count.load(Ordering::SeqCst))
    }
}

impl Replicate for ScriptedLog {
    fn claim(self: Box<Self>, _: &LockedDirectory, _: Acknowledge) -> Result<Box<dyn Claimed>, Error> {
        self.script.claims.fetch_add(1, Ordering::SeqCst);
        match self.script.refuses.load(Ordering::SeqCst) {
            true => Err(error(ErrorKind::OtherOwner, "the log has another owner; help: none")),
            false => Ok(self),
        }
    }
}

impl Claimed for ScriptedLog {
    fn start(self: Box<Self>, owner: OwnerJournal) -> Result<Box<dyn Shipping>, Error> {
        self.script.starts.fetch_add(1, Ordering::SeqCst);
        *self.script.owner.lock().unwrap() = Some(owner);
        if !self.script.is_down.load(Ordering::SeqCst) {
            self.ship();
        }
        Ok(self)
    }
}

impl Shipping for ScriptedLog {
    fn stop(self: Box<Self>) -> Result<(), Error> {
        assert!(self.owner().is_closed(), "no more events come after a stop");
        self.script.stops.fetch_add(1, Ordering::SeqCst);
        if self.script.is_down.load(Ordering::SeqCst) {
            return Err(error(ErrorKind::Replication, "the log `scripted` is down"));
        }
        self.ship();
        Ok(())
    }
}

fn options(durability: Durability) -> Options<Tally> {
    Image::options().durability(durability).snapshots(SnapshotPolicy::Manual)
}

fn open_on(
    disk: impl Disk,
    durability: Durability,
    log: &ScriptedLog,
    acknowledge: Acknowledge,
) -> Result<Image<Tally>, Error> {
    options(durability).replicate(log.clone(), acknowledge).open_with(Arc::new(disk), "/tally")
}

fn open(durability: Durability, acknowledge: Acknowledge) -> (Image<Tally>, ScriptedLog) {
    let log = ScriptedLog::default();
    (open_on(SimDisk::new(), durability, &log, acknowledge).unwrap(), log)
}

fn open_local(max_lag: MaxLag) -> (Image<Tally>, ScriptedLog) {
    open(Durability::Synced, Acknowledge::Local { max_lag })
}

/// A call on another thread.
struct Call<T>(Receiver<T>);

impl<T: Send + 'static> Call<T> {
    fn begin(image: &Image<Tally>, call: impl FnOnce(&Image<Tally>) -> T + Send + 'static) -> Call<T> {
        let image = image.clone();
        let (answer, answers) = channel();
        thread::spawn(move || {
            // a test that fails does not wait for the answer
            let _ = answer.send(call(&image));
        });
        Call(answers)
    }

    fn assert_waits(&self, what: &str) {
        assert!(self.0.recv_timeout(SILENCE).is_err(), "{what} should wait");
    }

    fn answer(self) -> T {
        self.0.recv_timeout(Duration::from_secs(20)).expect("the call should return")
    }
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

fn fence() -> Error {
    error(ErrorKind::Fenced, "another owner has appended to the log; help: close this image")
}
