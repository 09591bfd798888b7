//! A process of the service: the owner of the image, or a standby that takes over when the owner's lease has run out.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use memimage::{ErrorKind, Image};
use memimage_replication::{Log, Standby};

use crate::clock::now;
use crate::server::serve;
use crate::settings::Mode;
use crate::tickets::{Tickets, options};

/// How long a member that starts waits for a log that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often an owner looks whether it was fenced.
const WATCH: Duration = Duration::from_millis(20);

/// A process of the service.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name of this owner in the log.
    pub name: String,
    /// The directory of its image.
    pub directory: PathBuf,
    /// The URL of the log.
    pub log: String,
    /// When the owner acknowledges a command.
    pub mode: Mode,
    /// How long the log must be silent before a standby takes over.
    pub lease: Duration,
    /// Whether it begins as the owner.
    pub is_owner: bool,
}

impl Member {
    /// Runs until standard input ends, or until another member took over. A line `promote` on standard input asks a standby to take over
    /// at once. Each line of standard output tells what has happened:
    ///
    /// | line | meaning |
    /// | --- | --- |
    /// | `aside FIRST LAST PATH` | these events were not in the log; they are in that directory now |
    /// | `standby SEQ` | it follows the log, of which it has this event |
    /// | `serving PORT` | it is the owner |
    /// | `fenced MESSAGE` | another member took over; the process ends, and can be started again as a standby |
    ///
    /// # Errors
    ///
    /// Returns the errors of the log, the image and the socket.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        let (sender, requests) = channel();
        thread::spawn(move || read_requests(&sender));
        let log = self.open_log()?;
        let image = match self.is_owner {
            true => options().replicate(log, self.mode.acknowledge()).open(&self.directory)?,
            false => self.stand_by(log, requests)?,
        };
        say(&format!("serving {}", serve(image.clone())?))?;
        watch(&image)
    }

    /// Follows the log until a takeover.
    fn stand_by(&self, log: Log, requests: Receiver<()>) -> Result<Image<Tickets>, Box<dyn Error>> {
        let standby = Standby::<Tickets>::options()
            .image(options())
            .acknowledge(self.mode.acknowledge())
            .set_aside_unshipped(true)
            .open(log, &self.directory)?;
        if let Some(aside) = standby.set_aside() {
            say(&format!("aside {} {} {}", aside.first, aside.last, aside.path.display()))?;
        }
        say(&format!("standby {}", standby.seq()))?;
        let (sender, images) = channel();
        let (clone, promoted) = (standby.clone(), sender.clone());
        thread::spawn(move || promote_on_request(&requests, &clone, &promoted));
        let lease = self.lease;
        thread::spawn(move || match standby.auto(lease) {
            // it was promoted on request
            Err(error) if error.kind() == ErrorKind::Closed => {}
            // the receiver waits for the first result
            result => _ = sender.send(result),
        });
        Ok(images.recv()??)
    }

    fn open_log(&self) -> Result<Log, Box<dyn Error>> {
        let start = now();
        loop {
            match Log::open(&self.log) {
                Ok(log) => return Ok(log.name(&*self.name).lease(self.lease).poll(self.lease / 50)),
                Err(error) if error.is_unavailable() && start.elapsed() < PATIENCE => thread::sleep(WATCH),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Looks whether the image has failed, until it has.
fn watch(image: &Image<Tickets>) -> Result<(), Box<dyn Error>> {
    loop {
        match image.query(|_| ()) {
            Ok(()) => thread::sleep(WATCH),
            Err(error) if error.kind() == ErrorKind::Fenced => return Ok(say(&format!("fenced {error}"))?),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Passes on the requests of the supervisor. A member ends with it: its end of the pipe is closed then, however it ends.
fn read_requests(requests: &Sender<()>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if line == "promote" {
            // an owner needs no promotion
            let _ = requests.send(());
        }
    }
    std::process::exit(0);
}

fn promote_on_request(
    requests: &Receiver<()>,
    standby: &Standby<Tickets>,
    promoted: &Sender<Result<Image<Tickets>, memimage::Error>>,
) {
    for () in requests {
        match standby.clone().promote() {
            Ok(image) => {
                // the receiver waits for the first result
                let _ = promoted.send(Ok(image));
                return;
            }
            // the standby goes on
            Err(error) => eprintln!("failover: the promotion failed: {error}"),
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    io::stdout().write_all(format!("{line}\n").as_bytes())
}
