//! A mail for each new follower, sent by a named subscription to a file that stands for the mail server.

#![expect(clippy::disallowed_methods, reason = "the file is no part of the model")]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use memimage::{HistoryEvent, Image, Seq, Subscription};
use serde::{Deserialize, Serialize};

use crate::model::social::{ConduitFollow, SocialEvent};
use crate::model::users::UsersEvent;
use crate::model::{Conduit, ConduitEvent, UserId};

/// A mail in the file, as a line of JSON.
#[derive(Serialize, Deserialize)]
pub struct Mail {
    /// Who follows whom. A mail that comes again has the same id, so it is sent once.
    pub id: String,
    /// The user who gets it.
    pub user: u64,
    /// The user's address.
    pub to: String,
    /// Its text.
    pub text: String,
}

/// The file of mails, which stands for a mail server: it accepts each id once.
pub struct Outbox {
    path: PathBuf,
    file: File,
    sent: BTreeSet<String>,
}

impl Outbox {
    /// Opens or creates the file. A line that a crash cut short was not sent.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written, or has a line that is not a mail.
    pub fn open(path: &Path) -> io::Result<Outbox> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let text = fs::read(path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut sent = BTreeSet::new();
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mail: Mail = serde_json::from_slice(line).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("`{}` has a line that is not a mail: {error}", path.display()),
                )
            })?;
            sent.insert(mail.id);
        }
        Ok(Outbox { path: path.to_owned(), file, sent })
    }

    fn send(&mut self, mail: &Mail) -> io::Result<()> {
        if self.sent.contains(&mail.id) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(mail)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.sent.insert(mail.id.clone());
        Ok(())
    }

    /// Removes the mails to a user who was deleted.
    fn forget(&mut self, user: UserId) -> io::Result<()> {
        let text = fs::read(&self.path)?;
        let is_other = |line: &&[u8]| serde_json::from_slice::<Mail>(line).is_ok_and(|mail| mail.user != user.0);
        let kept: Vec<u8> = text.split_inclusive(|byte| *byte == b'\n').filter(is_other).flatten().copied().collect();
        let new = self.path.with_extension("new");
        fs::write(&new, &kept)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.path)?;
        *self = Outbox::open(&self.path)?;
        Ok(())
    }
}

/// Starts the thread that sends the mails. It ends when the image is closed.
///
/// # Errors
///
/// Returns an error if another process has the subscription, or the system has no thread.
pub fn start(image: &Image<Conduit>, mut outbox: Outbox) -> Result<JoinHandle<()>, Box<dyn std::error::Error>> {
    let mut events = image.journal().subscribe_as("mailer", Seq::ZERO)?;
    let image = image.clone();
    let work = move || {
        while let Some(event) = events.next() {
            if let Err(error) =
                event.map_err(Into::into).and_then(|event| handle(&image, &mut outbox, &mut events, &event))
            {
                tracing::error!(%error, "no more mails are sent until the next start");
                return;
            }
        }
    };
    Ok(thread::Builder::new().name("mailer".to_owned()).spawn(work)?)
}

fn handle(
    image: &Image<Conduit>,
    outbox: &mut Outbox,
    events: &mut Subscription<Conduit>,
    event: &HistoryEvent<Conduit>,
) -> Result<(), Box<dyn std::error::Error>> {
    match event.event() {
        Some(ConduitEvent::Social(SocialEvent::Follow(follow))) => {
            if let Some(mail) = image.query(|conduit| mail(conduit, follow))? {
                retried(|| outbox.send(&mail));
            }
        }
        Some(ConduitEvent::Users(UsersEvent::DeleteUser(deleted))) => retried(|| outbox.forget(deleted.user)),
        _ => {}
    }
    // after the effect, never before: a crash between them sends again, and the id tells
    events.acknowledge(event)?;
    Ok(())
}

/// The mail about a new follower, or nothing if one of the two has left.
fn mail(conduit: &Conduit, follow: &ConduitFollow) -> Option<Mail> {
    let follower = conduit.user(follow.user)?;
    let followed = conduit.account(follow.followed)?;
    Some(Mail {
        id: format!("{} follows {}", follow.user.0, follow.followed.0),
        user: follow.followed.0,
        to: followed.email,
        text: format!("{} follows you on Conduit.", follower.name.as_str()),
    })
}

/// Tries until it works: a mail server that is away comes back.
fn retried(mut effect: impl FnMut() -> io::Result<()>) {
    let mut pause = Duration::from_millis(100);
    while let Err(error) = effect() {
        tracing::warn!(%error, "a mail waits");
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(60));
    }
}
