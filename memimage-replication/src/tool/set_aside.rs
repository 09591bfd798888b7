//! `memimage set-aside`: makes the directory of an earlier owner free for a standby.

use std::path::{Path, PathBuf};

use clap::Parser;
use memimage::Seq;
use memimage::admin::{ImageKeys, ImageReader, format_time};
use serde::Serialize;

use super::command::{KeyArguments, Verb, document, field, line, open_existing};
use super::failure::{Failure, Found};
use crate::failure::counted;
use crate::standby::set_aside_unshipped;

/// Sets aside the events of an earlier owner that are not in the log, so that a standby can be opened in its directory.
///
/// An owner that another one has superseded can have events that it had not shipped. They are never merged. Its directory is renamed to
/// IMAGE.aside-1 (or a higher number), where it is an image of its own. If the log has all events, nothing is renamed.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  memimage set-aside bank.image --from nats://10.0.0.1:4222/bank?sync_interval=always"
)]
pub(super) struct SetAside {
    /// The directory of the earlier owner.
    #[arg(value_name = "IMAGE", required = true)]
    image: Option<PathBuf>,
    /// The log: s3://BUCKET/PREFIX, gs://…, az://…, file:///DIRECTORY, or nats://HOST:PORT/STREAM?sync_interval=always.
    #[arg(long, value_name = "URL")]
    from: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Serialize)]
struct Document {
    /// The renamed directory; `null` if the log has all events.
    path: Option<String>,
    first: Option<u64>,
    last: Option<u64>,
    /// When the first and the last event were recorded; `null` if there is none, or if they cannot be read.
    first_time: Option<String>,
    last_time: Option<String>,
    events: u64,
}

impl Verb for SetAside {
    const IMAGE: Option<&'static str> = Some("image");

    fn preset(&mut self, image: &Path) {
        self.image.get_or_insert_with(|| image.to_owned());
    }

    fn run(self) -> Result<Found, Failure> {
        let image = self.image.expect("clap demands it, or the program has preset it");
        let keys = self.keys.read()?;
        let aside = set_aside_unshipped(&open_existing(&self.from)?, &image)?;
        let (first_time, last_time) = match &aside {
            Some(aside) if aside.events() > 0 => times(aside, keys),
            _ => (None, None),
        };
        if self.json {
            document(&Document {
                path: aside.as_ref().map(|aside| aside.path.display().to_string()),
                first: aside.as_ref().map(|aside| aside.first.get()),
                last: aside.as_ref().map(|aside| aside.last.get()),
                first_time,
                last_time,
                events: aside.as_ref().map_or(0, crate::SetAside::events),
            })?;
            return Ok(Found::Nothing);
        }
        let image = image.display();
        match aside {
            None => line(format_args!("the log has all events of {image}; open a standby there"))?,
            Some(aside) => {
                let (path, events) = (aside.path.display(), aside.events());
                let (events, verb) = (counted(events, "event"), if events == 1 { "is" } else { "are" });
                line(format_args!("{events} {verb} not in the log; {image} is now {path}"))?;
                if aside.events() > 0 {
                    let (first, last) = (aside.first, aside.last);
                    let unknown = || "at an unknown time: the event cannot be read".to_owned();
                    field("first event", format_args!("{first}  {}", first_time.unwrap_or_else(unknown)))?;
                    field("last event", format_args!("{last}  {}", last_time.unwrap_or_else(unknown)))?;
                    line(format_args!("to list them: memimage log {path} --from {first} --until {last}"))?;
                }
                line(format_args!(
                    "to go on: open a standby in {image}; what is still wanted of these events must be done once more"
                ))?;
            }
        }
        Ok(Found::Nothing)
    }
}

/// When the first and the last event were recorded. The directory is renamed already, so an event that cannot be read, such as without the
/// keys of an encrypted image, is only reported.
fn times(aside: &crate::SetAside, keys: ImageKeys) -> (Option<String>, Option<String>) {
    let reader = match ImageReader::open_with(&aside.path, keys) {
        Ok(reader) => reader,
        Err(error) => {
            eprintln!("warning: the events cannot be read: {error}");
            return (None, None);
        }
    };
    let time = |seq: Seq| match reader.events(seq..=seq).next()? {
        Ok(event) => Some(format_time(event.time())),
        Err(error) => {
            eprintln!("warning: event {seq} cannot be read: {error}");
            None
        }
    };
    (time(aside.first), time(aside.last))
}
