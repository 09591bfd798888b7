//! The model of the swarm: a list of all words that were said, so that a recovered state shows which commands it holds, in which
//! order.

use std::panic::resume_unwind;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// All that was said, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub(crate) struct Crowd {
    pub(crate) words: Vec<Word>,
    /// How often a body refused, having changed this.
    pub(crate) retracted: u32,
}

/// What one of them says: its first, second, third …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Word {
    pub(crate) teller: u8,
    pub(crate) nth: u32,
}

#[memimage::commands]
impl Crowd {
    /// Never refused; its place among all words. The filler makes records of all lengths.
    #[command]
    pub(crate) fn say(&mut self, word: Word, filler: Vec<u8>) -> u64 {
        let _ = filler;
        self.words.push(word);
        self.words.len() as u64
    }

    /// Refused by its check, without a trace, with the number of words at that time: a refusal that rests on them.
    #[command(check = is_heard)]
    pub(crate) fn object(&mut self) {}

    fn is_heard(&self) -> Result<(), u64> {
        Err(self.words.len() as u64)
    }

    /// Refused by its body, and recorded.
    #[command]
    pub(crate) fn retract(&mut self) -> Result<(), u64> {
        self.retracted += 1;
        Err(self.words.len() as u64)
    }

    /// Panics after it has spoken.
    #[command]
    pub(crate) fn shout(&mut self, word: Word) {
        self.words.push(word);
        // without the panic hook, which would print each of them
        resume_unwind(Box::new("too loud"));
    }
}
