//! One lifetime of an image: several threads use it until a close, a kill or a power cut ends it.

use std::sync::{Arc, Mutex, PoisonError};

use memimage::disk::SimDisk;
use memimage::{CommandError, Error, ErrorKind, Image, Pending, PendingAll};
use memimage_tests::SplitMix64;

use crate::ending::EndKind;
use crate::model::{Mark, MarkList, MarkListAppend, MarkListCommands};
use crate::observers::{Observer, Stop};
use crate::oracle::{PromiseRecord, Promises};
use crate::parameters::{COPY, LifetimeEnd, LifetimeParameters, SwarmParameters};

/// The disk and the promises at the end of a lifetime.
pub(crate) struct LifetimeResult {
    /// The disk that the next process finds.
    pub(crate) disk: SimDisk,
    pub(crate) promises: Promises,
    pub(crate) ending: EndKind,
    /// The state in memory at the end, if it is known.
    pub(crate) in_memory: Option<Vec<Mark>>,
}

/// Runs a lifetime of an image that is open on `disk`.
///
/// # Errors
///
/// An error that no fault explains, or a promise to an observer that was broken.
pub(crate) fn run_lifetime(
    parameters: &SwarmParameters,
    lifetime: &LifetimeParameters,
    disk: &SimDisk,
    image: Image<MarkList>,
    record: &Arc<PromiseRecord>,
) -> Result<LifetimeResult, String> {
    let captured = capture_end(lifetime, disk, record);
    if let Some(fault) = lifetime.fault.clone().filter(|_| !lifetime.faulty_opening) {
        disk.inject(fault);
    }
    let (failures, observed): (Vec<String>, Vec<Stop>) = std::thread::scope(|scope| {
        let observe = |(kind, seed): &(_, u64)| {
            let observer = Observer { parameters, lifetime, disk, image: image.clone(), record: &record.observed };
            let (kind, mut rng) = (*kind, SplitMix64::new(*seed));
            scope.spawn(move || observer.run(kind, &mut rng))
        };
        let observing: Vec<_> = lifetime.observers.iter().map(observe).collect();
        let run = |(thread, seed): (usize, &u64)| {
            let (image, mut rng) = (image.clone(), SplitMix64::new(*seed));
            scope.spawn(move || CommandThread::new(thread as u8, image, record).run(lifetime.operations, &mut rng))
        };
        let running: Vec<_> = lifetime.thread_seeds.iter().enumerate().map(run).collect();
        let failures =
            running.into_iter().filter_map(|thread| thread.join().expect("a command thread does not panic").err());
        let failures = failures.collect();
        (
            failures,
            observing
                .into_iter()
                .filter_map(|thread| thread.join().expect("an observer does not panic").err())
                .collect(),
        )
    });
    let in_memory = image.read_uncommitted().ok().map(|list| list.marks.clone());
    let closed = match lifetime.end {
        LifetimeEnd::Close => Image::close(image),
        _ => {
            drop(image);
            Ok(())
        }
    };
    for stop in observed {
        match stop {
            Stop::Broken(why) => return Err(why),
            Stop::Failed(why) if lifetime.fault.is_none() => return Err(format!("an observer failed: {why}")),
            Stop::Failed(_) => {}
        }
    }
    if lifetime.fault.is_none() {
        if let Some(failure) = failures.first() {
            return Err(failure.clone());
        }
        closed.as_ref().map_err(|error| format!("closing failed: {error}"))?;
    }
    if let (Ok(()), LifetimeEnd::Close, Some(in_memory)) = (&closed, &lifetime.end, &in_memory) {
        record.record_sync(in_memory.len() as u64);
    }
    // without a captured disk, the lifetime had fewer operations, and the disk has its last state
    let (left, promises) =
        captured.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(|| (disk.fork(), record.now()));
    let (disk, ending) = match &lifetime.end {
        LifetimeEnd::PowerCut(_, crash) => (left.crash_by(crash), EndKind::PowerCut),
        _ => (left, EndKind::Kill),
    };
    Ok(LifetimeResult { disk, promises, ending, in_memory })
}

type CapturedEnd = Arc<Mutex<Option<(SimDisk, Promises)>>>;

/// Captures the disk and the promises at the operation after which the process ends.
fn capture_end(lifetime: &LifetimeParameters, disk: &SimDisk, record: &Arc<PromiseRecord>) -> CapturedEnd {
    let captured = CapturedEnd::default();
    if let LifetimeEnd::Kill(after) | LifetimeEnd::PowerCut(after, _) = lifetime.end {
        let (capture, record, last) = (Arc::clone(&captured), Arc::clone(record), disk.operations() + after);
        disk.observe(move |_, fork| {
            let mut captured = capture.lock().unwrap_or_else(PoisonError::into_inner);
            if captured.is_none() && fork.operations() >= last {
                *captured = Some((fork.clone(), record.now()));
            }
        });
    }
    captured
}

/// A thread that runs random commands.
struct CommandThread<'a> {
    thread: u8,
    image: Image<MarkList>,
    record: &'a PromiseRecord,
    /// The number of its last recorded mark, as far as it is known.
    nth: u32,
    pending: Vec<(Mark, Pending<u64, Error>)>,
    /// Answers to marks that were submitted together, with the first of these marks.
    together: Vec<(Mark, PendingAll<u64, Error>)>,
}

impl CommandThread<'_> {
    fn new(thread: u8, image: Image<MarkList>, record: &PromiseRecord) -> CommandThread<'_> {
        CommandThread {
            thread,
            image,
            record,
            nth: record.acknowledged(thread),
            pending: Vec::new(),
            together: Vec::new(),
        }
    }

    /// Runs random operations until one fails unexpectedly.
    fn run(mut self, operations: u64, rng: &mut SplitMix64) -> Result<(), String> {
        for _ in 0..operations {
            match rng.below(20) {
                0..=4 => self.append(rng)?,
                5 | 6 => self.submit(rng)?,
                7 => self.submit_all(rng)?,
                8 => self.wait()?,
                9 => {
                    let marks = self.image.query(|list| list.marks.len() as u64).map_err(message)?;
                    self.record.answer(marks);
                }
                10 | 11 => match self.image.refuse_in_check() {
                    Err(CommandError::Refused(marks)) => self.record.answer(marks),
                    other => return Err(format!("the check did not refuse: {other:?}")),
                },
                12 => match self.image.reject_in_body() {
                    Err(CommandError::Refused(marks)) => self.record.answer(marks),
                    other => return Err(format!("the body did not reject: {other:?}")),
                },
                13 => {
                    let error = self.image.append_and_panic(self.mark(1)).expect_err("the command panics");
                    if error.kind() != ErrorKind::Panicked {
                        return Err(message(error));
                    }
                }
                14 => {
                    let marks = self.image.read_uncommitted().map_err(message)?.marks.len() as u64;
                    self.image.journal().sync().map_err(message)?;
                    self.record.record_sync(marks);
                }
                15 => self.view()?,
                17 => self.retry(rng)?,
                16 if rng.once_in(4) => drop(self.image.admin().verify().map_err(message)?),
                16 if rng.once_in(2) => drop(self.image.admin().snapshot().map_err(message)?),
                18 if rng.once_in(3) => self.back_up()?,
                // pending answers are dropped
                _ => {
                    self.pending.clear();
                    self.together.clear();
                }
            }
        }
        self.wait()
    }

    /// Retries a request of any thread, of this lifetime or an earlier one.
    fn retry(&mut self, rng: &mut SplitMix64) -> Result<(), String> {
        let start = rng.u64() as usize;
        let request = |list: &MarkList| {
            let all = list.marks.iter().copied().zip(1..).cycle().skip(start % list.marks.len().max(1));
            all.take(list.marks.len()).find(|(mark, _)| mark.once)
        };
        let Some((mark, index)) = self.image.query(request).map_err(message)? else { return Ok(()) };
        let answer = self.image.once(mark.key()).append(mark, mark.filler()).map_err(message)?;
        match answer == index {
            true => Ok(()),
            false => Err(format!("a retry of {mark:?} got the answer {answer}, and the first answer was {index}")),
        }
    }

    /// Makes a backup, or continues the earlier one.
    fn back_up(&self) -> Result<(), String> {
        match self.image.admin().backup(COPY) {
            Ok(_) => Ok(()),
            // another thread is making a backup, or has just made one
            Err(error) if matches!(error.kind(), ErrorKind::Locked | ErrorKind::AlreadyExists) => Ok(()),
            // the image was pruned since the earlier backup, or lost events in an earlier lifetime with a fault
            Err(error) if error.kind() == ErrorKind::NotApplicable => Ok(()),
            Err(error) => Err(message(error)),
        }
    }

    /// Reads the replica, which must contain this thread's acknowledged marks.
    fn view(&self) -> Result<(), String> {
        let acknowledged = self.record.acknowledged(self.thread);
        let own =
            |list: &MarkList| list.marks.iter().filter(|mark| mark.thread == self.thread).map(|mark| mark.nth).max();
        let (marks, newest) = self.image.view(|list| (list.marks.len() as u64, own(list))).map_err(message)?;
        self.record.answer(marks);
        match newest.unwrap_or(0) < acknowledged {
            true => Err(format!("a view shows mark {newest:?}, but mark {acknowledged} was acknowledged before it")),
            false => Ok(()),
        }
    }

    /// The mark that is `after` steps after the last one.
    fn mark(&self, after: u32) -> Mark {
        Mark { thread: self.thread, nth: self.nth + after, once: false }
    }

    fn append(&mut self, rng: &mut SplitMix64) -> Result<(), String> {
        let mark = Mark { once: rng.once_in(3), ..self.mark(1) };
        self.record.start(mark);
        let index = match mark.once {
            true => self.image.once(mark.key()).append(mark, mark.filler()),
            false => self.image.append(mark, filler(rng)),
        };
        let index = index.map_err(message)?;
        self.nth = mark.nth;
        self.record.acknowledge(mark, index);
        Ok(())
    }

    fn submit(&mut self, rng: &mut SplitMix64) -> Result<(), String> {
        let mark = Mark { once: rng.once_in(3), ..self.mark(1) };
        self.record.start(mark);
        let filler = if mark.once { mark.filler() } else { filler(rng) };
        let (command, once) = (MarkListAppend { mark, filler }, self.image.once(mark.key()));
        let submitted = match (mark.once, rng.once_in(2)) {
            (true, true) => once.try_submit(command),
            (true, false) => once.submit(command),
            (false, true) => self.image.try_submit(command),
            (false, false) => self.image.submit(command),
        };
        match submitted {
            Ok(pending) => {
                self.nth = mark.nth;
                self.pending.push((mark, pending));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Busy => Ok(()),
            Err(error) => Err(message(error)),
        }
    }

    fn submit_all(&mut self, rng: &mut SplitMix64) -> Result<(), String> {
        let most = if rng.once_in(4) { 150 } else { 5 };
        let number = 1 + rng.below(most) as u32;
        let first = self.mark(1);
        let marks = (0..number).map(|after| Mark { nth: first.nth + after, ..first });
        let one_type = rng.once_in(2);
        let commands = marks.map(|mark| {
            self.record.start(mark);
            MarkListAppend { mark, filler: filler(rng) }
        });
        let pending = match one_type {
            true => self.image.submit_all(commands),
            false => self.image.submit_each(commands, |list, command| list.append(command.mark, command.filler)),
        };
        let ended_early = pending.ended_early();
        self.nth += number;
        self.together.push((first, pending));
        // waiting returns the error
        if ended_early { self.wait() } else { Ok(()) }
    }

    fn wait(&mut self) -> Result<(), String> {
        for (mark, pending) in self.pending.drain(..) {
            let index = pending.wait().map_err(message)?;
            self.record.acknowledge(mark, index);
        }
        for (first, pending) in self.together.drain(..) {
            for (after, index) in pending.wait().into_iter().enumerate() {
                let index = index.map_err(message)?;
                self.record.acknowledge(Mark { nth: first.nth + after as u32, ..first }, index);
            }
        }
        Ok(())
    }
}

fn filler(rng: &mut SplitMix64) -> Vec<u8> {
    let len = if rng.once_in(6) { rng.below(9_000) } else { rng.below(200) };
    vec![7; len as usize]
}

#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
fn message(error: Error) -> String {
    error.to_string()
}

impl SwarmParameters {
    /// The marks in an image that was just opened.
    pub(crate) fn marks(image: &Image<MarkList>) -> Result<Vec<Mark>, String> {
        image.read_uncommitted().map(|list| list.marks.clone()).map_err(message)
    }
}
