//! One lifetime of an image: several threads use it until a close, a kill or a power cut ends it.

use std::sync::{Arc, Mutex, PoisonError};

use memimage::disk::SimDisk;
use memimage::{CommandError, Error, ErrorKind, Image, Pending};
use memimage_tests::Dice;

use crate::model::{Crowd, CrowdCommands, CrowdSay, Word};
use crate::oracle::{Ending, Ledger, Promised};
use crate::parameters::{End, Life, Plan};

/// What a life leaves.
pub(crate) struct Left {
    /// The disk as the next process finds it.
    pub(crate) disk: SimDisk,
    pub(crate) promised: Promised,
    pub(crate) ending: Ending,
    /// What was in memory when it ended, where that can be known.
    pub(crate) live: Option<Vec<Word>>,
}

/// Runs a life of an image that is open on `disk`.
///
/// # Errors
///
/// What went wrong without a fault.
pub(crate) fn live(life: &Life, disk: &SimDisk, image: Image<Crowd>, ledger: &Arc<Ledger>) -> Result<Left, String> {
    let caught = catch_at_the_end(life, disk, ledger);
    if let Some(fault) = life.fault.clone().filter(|_| !life.opens_faulty) {
        disk.inject(fault);
    }
    let failures: Vec<String> = std::thread::scope(|scope| {
        let speak = |(teller, seed): (usize, &u64)| {
            let (image, mut dice) = (image.clone(), Dice::new(*seed));
            scope.spawn(move || Voice::new(teller as u8, image, ledger).speak(life.asks, &mut dice))
        };
        let speaking: Vec<_> = life.tellers.iter().enumerate().map(speak).collect();
        speaking.into_iter().filter_map(|teller| teller.join().expect("a teller does not panic").err()).collect()
    });
    let live = image.read_uncommitted().ok().map(|crowd| crowd.words.clone());
    let closed = match life.end {
        End::Close => Image::close(image),
        _ => {
            drop(image);
            Ok(())
        }
    };
    if life.fault.is_none() {
        if let Some(failure) = failures.first() {
            return Err(failure.clone());
        }
        closed.as_ref().map_err(|error| format!("it could not be closed: {error}"))?;
    }
    if let (Ok(()), End::Close, Some(live)) = (&closed, &life.end, &live) {
        ledger.is_synced(live.len() as u64);
    }
    // the observer holds the disk's last state if its moment never came
    let (left, promised) =
        caught.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(|| (disk.fork(), ledger.now()));
    let (disk, ending) = match &life.end {
        End::PowerCut(_, crash) => (left.crash_by(crash), Ending::PowerCut),
        _ => (left, Ending::Kill),
    };
    Ok(Left { disk, promised, ending, live })
}

type Caught = Arc<Mutex<Option<(SimDisk, Promised)>>>;

/// Catches the disk at the operation after which the process ends, and what was promised by then.
fn catch_at_the_end(life: &Life, disk: &SimDisk, ledger: &Arc<Ledger>) -> Caught {
    let caught = Caught::default();
    if let End::Kill(after) | End::PowerCut(after, _) = life.end {
        let (catch, ledger, last) = (Arc::clone(&caught), Arc::clone(ledger), disk.operations() + after);
        disk.observe(move |_, fork| {
            let mut caught = catch.lock().unwrap_or_else(PoisonError::into_inner);
            if caught.is_none() && fork.operations() >= last {
                *caught = Some((fork.clone(), ledger.now()));
            }
        });
    }
    caught
}

/// One of those who speak.
struct Voice<'a> {
    teller: u8,
    image: Image<Crowd>,
    ledger: &'a Ledger,
    /// The last word that was recorded, as far as is known.
    nth: u32,
    pending: Vec<(Word, Pending<u64, Error>)>,
}

impl Voice<'_> {
    fn new(teller: u8, image: Image<Crowd>, ledger: &Ledger) -> Voice<'_> {
        Voice { teller, image, ledger, nth: ledger.said(teller), pending: Vec::new() }
    }

    /// Says and asks this and that, until something fails.
    fn speak(mut self, asks: u64, dice: &mut Dice) -> Result<(), String> {
        for _ in 0..asks {
            match dice.below(16) {
                0..=4 => self.say(dice)?,
                5..=7 => self.submit(dice)?,
                8 => self.wait()?,
                9 => {
                    let words = self.image.query(|crowd| crowd.words.len() as u64).map_err(told)?;
                    self.ledger.sees(words);
                }
                10 | 11 => match self.image.object() {
                    Err(CommandError::Refused(words)) => self.ledger.sees(words),
                    other => return Err(format!("an objection was not refused: {other:?}")),
                },
                12 => match self.image.retract() {
                    Err(CommandError::Refused(words)) => self.ledger.sees(words),
                    other => return Err(format!("a retraction was not refused: {other:?}")),
                },
                13 => {
                    let error = self.image.shout(self.word(1)).expect_err("it panics");
                    if error.kind() != ErrorKind::Panicked {
                        return Err(told(error));
                    }
                }
                14 => {
                    let words = self.image.read_uncommitted().map_err(told)?.words.len() as u64;
                    self.image.journal().sync().map_err(told)?;
                    self.ledger.is_synced(words);
                }
                _ if dice.once_in(3) => {
                    self.image.admin().snapshot().map_err(told)?;
                }
                // what was submitted is not waited for
                _ => self.pending.clear(),
            }
        }
        self.wait()
    }

    /// Its next word but so many.
    fn word(&self, after: u32) -> Word {
        Word { teller: self.teller, nth: self.nth + after }
    }

    fn say(&mut self, dice: &mut Dice) -> Result<(), String> {
        let word = self.word(1);
        self.ledger.begins(word);
        let place = self.image.say(word, filler(dice)).map_err(told)?;
        self.nth = word.nth;
        self.ledger.is_told(word, place);
        Ok(())
    }

    fn submit(&mut self, dice: &mut Dice) -> Result<(), String> {
        let word = self.word(1);
        self.ledger.begins(word);
        let command = CrowdSay { word, filler: filler(dice) };
        let submitted = if dice.once_in(2) { self.image.try_submit(command) } else { self.image.submit(command) };
        match submitted {
            Ok(pending) => {
                self.nth = word.nth;
                self.pending.push((word, pending));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Busy => Ok(()),
            Err(error) => Err(told(error)),
        }
    }

    fn wait(&mut self) -> Result<(), String> {
        for (word, pending) in self.pending.drain(..) {
            let place = pending.wait().map_err(told)?;
            self.ledger.is_told(word, place);
        }
        Ok(())
    }
}

fn filler(dice: &mut Dice) -> Vec<u8> {
    let len = if dice.once_in(6) { dice.below(9_000) } else { dice.below(200) };
    vec![7; len as usize]
}

#[expect(clippy::needless_pass_by_value, reason = "as a function to map errors by")]
fn told(error: Error) -> String {
    error.to_string()
}

impl Plan {
    /// The words in an image that was just opened.
    pub(crate) fn words(image: &Image<Crowd>) -> Result<Vec<Word>, String> {
        image.read_uncommitted().map(|crowd| crowd.words.clone()).map_err(told)
    }
}
