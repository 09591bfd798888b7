//! A log in memory, with faults.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::faults::{AppendFault, Connection, Faults};
use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::{Append, Bounds, RemoteLog};

mod contents;
mod server;
#[cfg(test)]
mod tests;

use contents::Contents;
use server::{Answer, Server};

/// The longest entry of a log in memory, in bytes.
const ENTRY_BYTES_MAX: usize = 256 << 10;
/// A snapshot is written in parts of this length.
const PART_BYTES: usize = 64 << 10;

/// A log in memory, for tests. Without [`Faults`] it keeps every promise of a [`RemoteLog`].
///
/// The time of a log is a number of steps. Each call on any handle is one step; [`advance`](MemoryLog::advance) lets steps pass
/// without a call. Delayed requests take effect at later steps. Nothing depends on a clock or a thread, so a simulation in one thread
/// that starts with the same seed and makes the same calls gets the same answers.
///
/// A clone is the same handle. [`another_handle`](MemoryLog::another_handle) is a handle with a connection of its own.
#[derive(Clone)]
pub struct MemoryLog {
    address: Arc<str>,
    server: Arc<Mutex<Server>>,
    connection: Arc<Mutex<Connection>>,
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryLog").field("address", &self.address).finish_non_exhaustive()
    }
}

impl MemoryLog {
    /// An empty log without faults. Its address is `memory://` and this name.
    pub fn new(name: &str) -> MemoryLog {
        MemoryLog {
            address: format!("memory://{name}").into(),
            server: Arc::new(Mutex::new(Server::new())),
            connection: Arc::default(),
        }
    }

    /// Another handle on this log. Its connection is up.
    pub fn another_handle(&self) -> MemoryLog {
        MemoryLog { connection: Arc::default(), ..self.clone() }
    }

    /// From now on, calls fail in these ways, as the random numbers of this seed decide. The faults are those of all handles. Requests
    /// that are delayed already still take effect.
    pub fn set_faults(&self, seed: u64, faults: Faults) {
        self.server.lock().set_faults(seed, faults);
    }

    /// Cuts or restores the connection of this handle and its clones.
    pub fn set_connection(&self, connection: Connection) {
        *self.connection.lock() = connection;
    }

    /// The number of steps so far.
    pub fn step(&self) -> u64 {
        self.server.lock().step()
    }

    /// Lets steps pass. Delayed requests whose step has come take effect.
    pub fn advance(&self, steps: u64) {
        let mut server = self.server.lock();
        for _ in 0..steps {
            server.begin_step();
        }
    }

    /// The number of requests that are delayed and still to take effect.
    pub fn delayed(&self) -> usize {
        self.server.lock().delayed()
    }

    /// The positions and the bytes of all entries, without faults. Takes no step.
    pub fn entries(&self) -> Vec<(u64, Vec<u8>)> {
        self.server.lock().contents.entries()
    }

    /// The log forgets its last `n` entries, as a store does that lost acknowledged writes in a crash. Their positions are free again.
    pub fn forget_last(&self, n: u64) {
        self.server.lock().contents.forget_last(n);
    }

    /// Replaces the bytes of an entry.
    ///
    /// # Panics
    ///
    /// Panics if there is no entry at the position. So do [`remove`](MemoryLog::remove) and [`swap`](MemoryLog::swap).
    pub fn replace(&self, position: u64, bytes: &[u8]) {
        self.server.lock().contents.replace(position, bytes);
    }

    /// Removes an entry and leaves a gap: a `read` at its position fails with [`Damaged`](LogErrorKind::Damaged).
    pub fn remove(&self, position: u64) {
        self.server.lock().contents.remove(position);
    }

    /// Exchanges two entries.
    pub fn swap(&self, a: u64, b: u64) {
        self.server.lock().contents.swap(a, b);
    }

    /// Runs one call as one step. `fault` decides, before the call runs, which fault of the network the call meets.
    fn call<T>(
        &self,
        what: &str,
        fault: impl FnOnce(&mut Server) -> Answer,
        run: impl FnOnce(&mut Server) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let connection = *self.connection.lock();
        let mut server = self.server.lock();
        server.begin_step();
        let answer = match connection {
            Connection::Up => fault(&mut server),
            Connection::RequestsOnly => Answer::Lost,
            Connection::Down => Answer::NoRequest,
        };
        match answer {
            Answer::Arrives => run(&mut server),
            Answer::Lost => {
                let _ = run(&mut server);
                Err(self.no_answer(what))
            }
            Answer::NoRequest => Err(self.no_answer(what)),
        }
    }

    fn no_answer(&self, what: &str) -> LogError {
        let message =
            format!("no answer to {what} at `{}`: the test cut the connection; help: try it again", self.address);
        LogError::new(LogErrorKind::Unavailable, message)
    }

    fn not_found(&self, name: &str) -> LogError {
        let message = format!("the snapshot `{name}` does not exist at `{}`; help: list the snapshots", self.address);
        LogError::new(LogErrorKind::NotFound, message)
    }

    /// Whether the next call meets the `read_stale` fault, and the state that it is answered from.
    fn visible_end(server: &mut Server) -> u64 {
        let stale = server.faults.read_stale;
        if server.chance(stale) { server.old_end() } else { server.contents.bounds().end }
    }
}

impl RemoteLog for MemoryLog {
    fn address(&self) -> &str {
        &self.address
    }

    fn entry_bytes_max(&self) -> usize {
        ENTRY_BYTES_MAX
    }

    fn bounds(&self) -> Result<Bounds, LogError> {
        self.call("`bounds`", Server::read_answer, |server| {
            let end = MemoryLog::visible_end(server);
            let first = server.contents.bounds().first;
            Ok(Bounds { first, end: end.max(first) })
        })
    }

    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            let message = format!(
                "an entry of {} bytes is too long for `{}`; help: entries have at most {ENTRY_BYTES_MAX} bytes",
                entry.len(),
                self.address
            );
            return Err(LogError::new(LogErrorKind::Refused, message));
        }
        let what = format!("the append of entry {position}");
        let connection = *self.connection.lock();
        let mut server = self.server.lock();
        server.begin_step();
        let fault = match connection {
            Connection::Up => server.append_fault(),
            Connection::RequestsOnly => Some(AppendFault::AnswerLost),
            Connection::Down => Some(AppendFault::RequestLost),
        };
        match fault {
            None => Ok(server.contents.append(position, entry)),
            Some(AppendFault::RequestLost) => Err(self.no_answer(&what)),
            Some(AppendFault::AnswerLost) => {
                server.contents.append(position, entry);
                Err(self.no_answer(&what))
            }
            Some(AppendFault::Delayed) => {
                server.delay(position, entry);
                Err(self.no_answer(&what))
            }
            Some(AppendFault::Duplicated) => {
                let first = server.contents.append(position, entry);
                if server.chance(500) {
                    Ok(server.contents.append(position, entry))
                } else {
                    server.delay(position, entry);
                    Ok(first)
                }
            }
        }
    }

    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let what = format!("`read` of entry {position}");
        self.call(&what, Server::read_answer, |server| {
            let end = MemoryLog::visible_end(server);
            server.contents.read(position, end, bytes_max, &self.address)
        })
    }

    fn prune(&self, position: u64) -> Result<(), LogError> {
        self.call("`prune`", Server::prune_answer, |server| {
            server.contents.prune(position);
            Ok(())
        })
    }

    fn maintain(&self) -> Result<(), LogError> {
        self.call("`maintain`", Server::prune_answer, |_| Ok(()))
    }

    fn snapshots(&self) -> Result<Vec<String>, LogError> {
        self.call("`snapshots`", Server::snapshot_answer, |server| Ok(server.snapshots.keys().cloned().collect()))
    }

    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| {
            let message = format!(
                "the snapshot `{name}` was not stored at `{}`: its content cannot be read: {error}; help: store it again",
                self.address
            );
            LogError::new(LogErrorKind::Unavailable, message)
        })?;
        self.call("`put_snapshot`", Server::snapshot_answer, |server| {
            server.snapshots.insert(name.to_owned(), bytes.into());
            Ok(())
        })
    }

    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError> {
        // the content is also kept where the answer is lost: a part of it is written then
        let mut content = None;
        let outcome = self.call("`get_snapshot`", Server::snapshot_answer, |server| {
            let found = server.snapshots.get(name).ok_or_else(|| self.not_found(name))?;
            content = Some(Arc::clone(found));
            Ok(())
        });
        let content = content.unwrap_or_default();
        let len = if outcome.is_ok() { content.len() } else { content.len() / 2 };
        for part in content[..len].chunks(PART_BYTES) {
            into.write_all(part).map_err(|error| {
                let message = format!(
                    "the snapshot `{name}` of `{}` cannot be written: {error}; help: make space for it",
                    self.address
                );
                LogError::new(LogErrorKind::Unavailable, message)
            })?;
        }
        outcome
    }

    fn remove_snapshot(&self, name: &str) -> Result<(), LogError> {
        self.call("`remove_snapshot`", Server::snapshot_answer, |server| {
            server.snapshots.remove(name);
            Ok(())
        })
    }
}
