//! What a run of the example can choose: the engine of the log, and when a command is acknowledged.

use std::fmt;

use clap::ValueEnum;
use memimage::replication::{Acknowledge, MaxLag};

/// The engine of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A cluster of three nodes of nats-server, with JetStream.
    Nats,
    /// SeaweedFS, which speaks S3.
    S3,
    /// A directory of this machine. It needs no server.
    Directory,
}

/// When a command is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// When the local disk and the log have it.
    Remote,
    /// When the local disk has it. The log follows.
    Local,
}

impl Mode {
    /// The option of the image.
    pub fn acknowledge(self) -> Acknowledge {
        match self {
            Mode::Remote => Acknowledge::Remote,
            Mode::Local => Acknowledge::Local { max_lag: MaxLag::default() },
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Engine::Nats => "nats",
            Engine::S3 => "s3",
            Engine::Directory => "directory",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Remote => "remote",
            Mode::Local => "local",
        })
    }
}
