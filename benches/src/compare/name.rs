//! The names of the systems.

use std::fmt;

use clap::ValueEnum;

use super::shape::Shape;
use crate::served::{Missing, PostgresServer, RedisServer};

/// A system, by its name on the command line and in the results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum SystemName {
    Bare,
    #[value(name = "bare+disk")]
    BareDisk,
    Memimage,
    Sqlite,
    Redb,
    Fjall,
    Airomem,
    MemimageServed,
    Redis,
    Postgres,
}

impl SystemName {
    /// Whether the system runs a shape. Databases replay no events when they are opened.
    pub(crate) fn runs(self, shape: Shape) -> bool {
        match self {
            SystemName::MemimageServed | SystemName::Redis | SystemName::Postgres => shape.served().is_some(),
            SystemName::Sqlite | SystemName::Redb | SystemName::Fjall => {
                shape.served().is_none() && shape != Shape::Replay
            }
            SystemName::Bare | SystemName::BareDisk | SystemName::Memimage | SystemName::Airomem => {
                shape.served().is_none()
            }
        }
    }

    /// How the system is set, for the table.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            SystemName::Bare => "a struct behind a mutex; nothing is written",
            SystemName::BareDisk => {
                "a struct and a log: encode, checksum, one write and one fdatasync for a group commit"
            }
            SystemName::Memimage => "Durability::Synced",
            SystemName::Sqlite => "WAL, synchronous=FULL, prepared statements; group commit over one connection",
            SystemName::Redb => "Durability::Immediate; group commit",
            SystemName::Fjall => "single-writer transactions, PersistMode::SyncData; group commit",
            SystemName::Airomem => {
                "postcard, flush_and_sync; group commit; readers see transfers before they are durable"
            }
            SystemName::MemimageServed => "Durability::Synced, one thread of tokio",
            SystemName::Redis => "appendonly yes, appendfsync always; a Lua script, pipelined",
            SystemName::Postgres => {
                "synchronous_commit=on; a prepared function, pipelined, a transaction for each transfer"
            }
        }
    }

    /// Why the system cannot be measured on this machine.
    pub(crate) fn missing(self) -> Option<Missing> {
        match self {
            SystemName::Redis => RedisServer::missing(),
            SystemName::Postgres => PostgresServer::missing(),
            _ => None,
        }
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().expect("no system is hidden").get_name())
    }
}
