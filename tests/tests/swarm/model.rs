//! The model of the swarm: a list of all marks in the order of their commands, so that a recovered state shows the recovered
//! commands and their order.

use std::panic::resume_unwind;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// All marks, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub(crate) struct MarkList {
    pub(crate) marks: Vec<Mark>,
    /// How many commands were rejected by their body, which changes this number.
    pub(crate) rejections: u32,
}

/// An event of one thread: its first, second, third …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Mark {
    pub(crate) thread: u8,
    pub(crate) nth: u32,
    /// Whether the command has a request key.
    pub(crate) once: bool,
}

impl Mark {
    /// The request key of the command.
    pub(crate) fn key(self) -> String {
        format!("thread {} mark {}", self.thread, self.nth)
    }

    /// The filler of a command with a request key, which is the same on each retry.
    pub(crate) fn filler(self) -> Vec<u8> {
        vec![7; self.nth as usize * 37 % 200]
    }
}

#[memimage::commands]
impl MarkList {
    /// Appends a mark and returns the new length. The filler varies the length of the record.
    #[command]
    pub(crate) fn append(&mut self, mark: Mark, filler: Vec<u8>) -> u64 {
        let _ = filler;
        self.marks.push(mark);
        self.marks.len() as u64
    }

    /// Refused by its check, without an effect. The refusal depends on the number of marks.
    #[command(check = refuse)]
    pub(crate) fn refuse_in_check(&mut self) {}

    fn refuse(&self) -> Result<(), u64> {
        Err(self.marks.len() as u64)
    }

    /// Rejected by its body, and recorded.
    #[command]
    pub(crate) fn reject_in_body(&mut self) -> Result<(), u64> {
        self.rejections += 1;
        Err(self.marks.len() as u64)
    }

    /// Panics after it has changed the model.
    #[command]
    pub(crate) fn append_and_panic(&mut self, mark: Mark) {
        self.marks.push(mark);
        // without the panic hook, which would print each panic
        resume_unwind(Box::new("panicked after a change"));
    }
}
