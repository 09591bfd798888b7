//! A process of the service: the owner of the image, or a follower that can be promoted.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;

use memimage::{ErrorKind, Follower, Image, Options, Retention, SnapshotPolicy};

use crate::server::serve;
use crate::tickets::Tickets;

/// The options of the image. Small numbers, so that a short run rolls segments, makes snapshots and prunes.
pub fn options() -> Options<Tickets> {
    Image::options()
        .segment_bytes(1 << 20)
        .snapshots(SnapshotPolicy::AfterEvents(5_000))
        .retention(Retention::Events(10_000))
}

/// Opens the image and serves it until standard input ends.
///
/// # Errors
///
/// Returns the errors of the image and of the socket.
pub fn own(path: &Path) -> Result<(), Box<dyn Error>> {
    let image = options().open(path)?;
    say(&format!("serving {}", serve(image)?))?;
    wait_for_end(io::stdin().lock().lines())
}

/// Follows the image. Each line `promote` on standard input asks to take over: the answer is `serving PORT`, or `locked` if another
/// process owns the image. A line `state` is answered by the last event in the state and the lag.
///
/// # Errors
///
/// Returns the errors of the follower, of a promotion and of the socket.
pub fn follow(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut follower: Follower<Tickets> = options().follow(path)?;
    say("following")?;
    let mut requests = io::stdin().lock().lines();
    while let Some(request) = requests.next() {
        match request?.as_str() {
            "promote" => match follower.promote() {
                Ok(image) => {
                    say(&format!("serving {}", serve(image)?))?;
                    return wait_for_end(requests);
                }
                Err(failed) if failed.error().kind() == ErrorKind::Locked => {
                    follower = failed.into_follower();
                    say("locked")?;
                }
                Err(failed) => return Err(failed.into()),
            },
            "state" => say(&format!("state {} {}", follower.seq(), follower.lag()?))?,
            other => return Err(format!("unknown request `{other}`").into()),
        }
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    io::stdout().write_all(format!("{line}\n").as_bytes())
}

/// Takes the lines that are left, because a second lock of standard input would wait for the first one.
fn wait_for_end(mut lines: impl Iterator<Item = io::Result<String>>) -> Result<(), Box<dyn Error>> {
    Ok(lines.try_for_each(|line| line.map(drop))?)
}
