//! What an answer to a caller promises about the log.

use std::time::Duration;

use crate::journal::{GateOptions, LagLimit};

/// When a caller of a replicated image gets its answer, which determines what the loss of the machine can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acknowledge {
    /// A command is answered as the image's [`Durability`](crate::Durability) says, and its event is shipped to the log afterwards. The
    /// loss of the machine can lose the events that were not yet shipped.
    Local {
        /// How far the log may be behind.
        max_lag: MaxLag,
    },
    /// A command is answered once the local disk has its event, as the image's [`Durability`](crate::Durability) says, and the log has
    /// it, too. This also holds for all other answers that depend on the event: of queries, of views, of subscriptions. The loss of the machine loses no answered command. While the log
    /// cannot be reached, no command is answered.
    Remote,
}

/// How far the log may be behind an image that answers locally, before its commands wait or fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLag {
    bytes: u64,
    time: Duration,
    fails: bool,
}

impl MaxLag {
    /// Commands wait as soon as the log lacks more than `bytes` bytes of the journal, or lacks an event for longer than `time`.
    pub const fn new(bytes: u64, time: Duration) -> MaxLag {
        MaxLag { bytes, time, fails: false }
    }

    /// Commands beyond the limit wait until the log has caught up. This is the default. `try_submit` returns
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy).
    #[must_use = "the method returns the changed limit"]
    pub const fn wait(mut self) -> MaxLag {
        self.fails = false;
        self
    }

    /// Commands beyond the limit fail with [`ErrorKind::ReplicationLag`](crate::ErrorKind::ReplicationLag), and execute nothing.
    #[must_use = "the method returns the changed limit"]
    pub const fn fail(mut self) -> MaxLag {
        self.fails = true;
        self
    }

    /// How many bytes of the journal the log may lack.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// For how long the log may lack an event.
    pub const fn time(&self) -> Duration {
        self.time
    }
}

impl Default for MaxLag {
    /// 64 MiB and 60 seconds; commands beyond it wait.
    fn default() -> MaxLag {
        MaxLag::new(64 << 20, Duration::from_secs(60))
    }
}

/// How many bytes the log may lack of an image whose callers wait for the log. It bounds the memory of the batches that wait.
const REMOTE_BYTES: u64 = 64 << 20;

impl Acknowledge {
    /// The options of the gate in the group commit.
    pub(crate) fn gate(self) -> GateOptions {
        match self {
            Acknowledge::Local { max_lag: MaxLag { bytes, time, fails } } => {
                GateOptions { answers_wait: false, lag: LagLimit { bytes, time: Some(time), fails } }
            }
            Acknowledge::Remote => {
                let lag = LagLimit { bytes: REMOTE_BYTES, time: None, fails: false };
                GateOptions { answers_wait: true, lag }
            }
        }
    }
}
