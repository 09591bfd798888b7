//! A client of the service: it files one ticket after the other, and counts what was acknowledged.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::Sender;
use std::time::Instant;

use crate::server::parse;

/// A client, and what the service has acknowledged to it.
#[derive(Debug)]
pub struct Client {
    number: u32,
    /// The last ticket that was acknowledged.
    acknowledged: u64,
}

/// What a client found wrong with the state of a new owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Acknowledged tickets that are not in the state.
    pub lost: u64,
    /// Tickets that are in the state more than once.
    pub doubled: u64,
}

impl Client {
    /// A client that has filed nothing.
    pub fn new(number: u32) -> Client {
        Client { number, acknowledged: 0 }
    }

    /// The number of tickets that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Files tickets until the owner ends. Sends the time of the first acknowledgement to `first`. Returns what the owner has lost
    /// of the tickets that its predecessors had acknowledged.
    ///
    /// # Errors
    ///
    /// Returns an error if the owner cannot be reached, or answers nonsense.
    pub fn file_until_the_owner_ends(&mut self, port: u16, first: Sender<Instant>) -> io::Result<Loss> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let mut lines = BufReader::new(&stream).lines();
        let mut ask = |request: String| -> io::Result<String> {
            (&stream).write_all(request.as_bytes())?;
            lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
        };
        let greeting = ask(format!("{}\n", self.number))?;
        let (last, filed) = greeting.split_once(' ').unwrap_or(("", ""));
        let (last, filed) = (parse::<u64>(last)?, parse::<u64>(filed)?);
        let loss = Loss { lost: self.acknowledged.saturating_sub(last), doubled: filed.saturating_sub(last) };
        // one more may have been filed without its acknowledgement
        if last > self.acknowledged + 1 {
            return Err(io::Error::other(format!("the owner has ticket {last}, which was never sent")));
        }
        self.acknowledged = last;
        let mut first = Some(first);
        while let Ok(answer) = ask(format!("{}\n", self.acknowledged + 1)) {
            // an owner that was killed may have sent a part of a line
            if answer.parse() != Ok(self.acknowledged + 1) {
                break;
            }
            if let Some(first) = first.take() {
                // a supervisor that failed does not listen
                let _ = first.send(now());
            }
            self.acknowledged += 1;
        }
        Ok(loss)
    }
}

/// The present time, for measurements.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time is not part of the model")]
    Instant::now()
}
