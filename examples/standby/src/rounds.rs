//! The supervisor and the clients: kill the owner under load, promote a follower, start a fresh one, again and again.

use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use memimage::Image;

use crate::client::{Client, Loss, now};
use crate::member::options;
use crate::process::{Member, Promotion};
use crate::report::Report;

/// The shortest time under load before a kill, and the range above it.
const LOAD: (u64, u64) = (60, 120);

/// A run of the example.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// The number of owners to kill.
    pub rounds: u32,
    /// The number of clients.
    pub clients: u32,
    /// The directory of the image, which does not exist yet.
    pub image: PathBuf,
    /// The program whose processes are the members.
    pub program: PathBuf,
}

impl Rounds {
    /// Runs all rounds, and verifies that every acknowledged ticket is in the last state, once.
    ///
    /// # Errors
    ///
    /// Returns an error if the image exists already, or if a process or the image fails.
    pub fn run(&self) -> Result<Report, Box<dyn Error>> {
        // the clients begin with their first ticket
        if self.image.try_exists()? {
            return Err(format!(
                "`{}` exists already; help: pass a directory that does not exist",
                self.image.display()
            )
            .into());
        }
        let mut report = Report { rounds: self.rounds, ..Report::default() };
        let mut clients: Vec<Client> = (0..self.clients).map(Client::new).collect();
        let (mut owner, mut port) = Member::own(&self.program, &self.image)?;
        let follow = || Member::follow(&self.program, &self.image);
        let mut followers = [follow()?, follow()?];
        let mut killed: Option<Instant> = None;
        for round in 0..=self.rounds {
            let pause = Duration::from_millis(LOAD.0 + u64::from(round) * 37 % LOAD.1);
            let (losses, first, kill) = thread::scope(|scope| {
                let start = |client| {
                    let (sender, first) = channel();
                    (scope.spawn(move || Client::file_until_the_owner_ends(client, port, sender)), first)
                };
                let (running, firsts): (Vec<_>, Vec<_>) = clients.iter_mut().map(start).unzip();
                thread::sleep(pause);
                // on a busy machine, a client may need longer than the pause; one that failed sends nothing
                let first: Option<Instant> = firsts.iter().filter_map(|first| first.recv().ok()).min();
                let ready = followers.iter_mut().try_for_each(Member::wait_until_following);
                let at = now();
                // the clients end with the owner
                let kill = ready.and(owner.kill()).map(|()| at);
                let losses: Vec<_> = running.into_iter().map(|client| client.join()).collect();
                (losses, first, kill)
            });
            for loss in losses {
                let Loss { lost, doubled } = loss.expect("a client does not panic")?;
                report.lost += lost + doubled;
            }
            if let Some(killed) = killed {
                let first = first.ok_or("the new owner acknowledged nothing")?;
                report.takeovers.push(first.duration_since(killed));
            }
            killed = Some(kill?);
            if round == self.rounds {
                break;
            }
            (owner, port) = self.take_over(&mut followers, round)?;
        }
        drop(followers);
        report.acknowledged = clients.iter().map(Client::acknowledged).sum();
        report.lost += self.lost(&clients)?;
        Ok(report)
    }

    /// Promotes a follower, or in every third round both at once, of which one wins. Puts a fresh follower in the place of the new
    /// owner.
    fn take_over(&self, followers: &mut [Member; 2], round: u32) -> Result<(Member, u16), Box<dyn Error>> {
        let asked = match round % 3 {
            0 => vec![0, 1],
            only => vec![only as usize - 1],
        };
        for &follower in &asked {
            followers[follower].ask_to_promote()?;
        }
        let mut serving = None;
        for &follower in &asked {
            match (followers[follower].promotion()?, serving) {
                (Promotion::Serving(port), None) => serving = Some((follower, port)),
                (Promotion::Serving(_), Some(_)) => return Err("two followers own the image".into()),
                (Promotion::Locked, _) => {}
            }
        }
        let (winner, port) = serving.ok_or("no follower took over")?;
        let fresh = Member::follow(&self.program, &self.image)?;
        Ok((std::mem::replace(&mut followers[winner], fresh), port))
    }

    /// The number of acknowledged tickets that the image does not have, or has twice.
    fn lost(&self, clients: &[Client]) -> Result<u64, Box<dyn Error>> {
        let image = options().open(&self.image)?;
        let tickets = image.query(Clone::clone)?;
        Image::close(image)?;
        let numbered = (0..).zip(clients);
        Ok(numbered
            .map(|(number, client)| {
                let filed = tickets.of(number);
                client.acknowledged().saturating_sub(filed.last) + filed.filed.abs_diff(filed.last)
            })
            .sum())
    }
}
