//! A client of the service: it files one ticket after the other, and records what was acknowledged.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::clock::now;
use crate::service::{Address, Service};
use crate::tickets::Ticket;

/// How often a client that waits for an answer looks whether another member is the owner now.
const LOOK: Duration = Duration::from_millis(50);
/// How long a client that is to end waits for its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// An acknowledged command.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The ticket, which no other operation has.
    pub ticket: Ticket,
    /// Its place in the order of all tickets, as the owner said.
    pub place: u64,
    /// When the request was sent.
    pub begin: Instant,
    /// When the acknowledgement was read.
    pub end: Instant,
}

/// A client, and what was acknowledged to it.
#[derive(Debug)]
pub struct Client {
    number: u32,
    /// The number of tickets that were sent.
    sent: u64,
    acknowledged: Vec<Operation>,
    /// Connections to earlier owners, which may still answer.
    abandoned: Vec<Request>,
}

/// A request whose answer was not read yet.
#[derive(Debug)]
struct Request {
    answers: BufReader<TcpStream>,
    /// The part of the answer that was read.
    line: Vec<u8>,
    ticket: Ticket,
    begin: Instant,
}

/// What became of a request.
enum Outcome {
    Acknowledged(BufReader<TcpStream>, Operation),
    /// The connection ended without an answer.
    Unknown,
    /// There is another owner, or the client is to end; the connection is still open.
    Abandoned(Request),
}

impl Client {
    /// A client that has filed nothing.
    pub fn new(number: u32) -> Client {
        Client { number, sent: 0, acknowledged: Vec::new(), abandoned: Vec::new() }
    }

    /// Files tickets until the service is closed. If a connection ends, goes on with the next owner, and with another ticket: the
    /// outcome of the last one is unknown.
    pub fn run(&mut self, service: &Service) {
        let mut term = 0;
        while let Some(address) = service.next_owner(term) {
            term = address.term;
            // an owner that cannot be reached has ended
            let _ = self.file_until_the_owner_ends(service, address);
        }
    }

    fn file_until_the_owner_ends(&mut self, service: &Service, address: Address) -> io::Result<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        let mut answers = BufReader::new(stream);
        while !service.is_closed() && service.is_current(address) {
            self.sent += 1;
            let ticket = Ticket { client: self.number, number: self.sent };
            let begin = now();
            answers.get_mut().write_all(format!("{} {}\n", ticket.client, ticket.number).as_bytes())?;
            let request = Request { answers, line: Vec::new(), ticket, begin };
            let is_awaited = || match service.is_closed() {
                true => begin.elapsed() < LAST_ANSWER,
                false => service.is_current(address),
            };
            match request.wait(is_awaited)? {
                Outcome::Acknowledged(connection, operation) => {
                    service.acknowledged(address, operation.end);
                    self.acknowledged.push(operation);
                    answers = connection;
                }
                Outcome::Unknown => return Ok(()),
                Outcome::Abandoned(request) => {
                    self.abandoned.push(request);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// All acknowledged operations, with the answers that earlier owners have sent late. All members have ended.
    ///
    /// # Errors
    ///
    /// Returns an error if an owner answered nonsense.
    pub fn into_acknowledged(mut self) -> io::Result<Vec<Operation>> {
        for request in self.abandoned {
            // the other side of the connection has ended, so this does not wait
            if let Outcome::Acknowledged(_, operation) = request.wait(|| false)? {
                self.acknowledged.push(operation);
            }
        }
        Ok(self.acknowledged)
    }
}

impl Request {
    /// Waits for the answer as long as it is awaited.
    fn wait(mut self, is_awaited: impl Fn() -> bool) -> io::Result<Outcome> {
        loop {
            match self.answers.read_until(b'\n', &mut self.line) {
                // an owner that was killed may have sent a part of a line
                Ok(_) if self.line.last() != Some(&b'\n') => return Ok(Outcome::Unknown),
                Ok(_) => {
                    let place = std::str::from_utf8(&self.line).ok().and_then(|line| line.trim().parse().ok());
                    let place =
                        place.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "an owner answered nonsense"))?;
                    let Request { answers, ticket, begin, .. } = self;
                    return Ok(Outcome::Acknowledged(answers, Operation { ticket, place, begin, end: now() }));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if !is_awaited() {
                        return Ok(Outcome::Abandoned(self));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Ok(Outcome::Unknown),
            }
        }
    }
}
