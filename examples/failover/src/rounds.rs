//! The supervisor: kill the owner under load, wait for a takeover, and bring the killed member back as a standby, again and again.

use std::error::Error;
use std::thread;
use std::time::Duration;

use crate::cluster::{Cluster, ClusterOptions};
use crate::history::Verdict;
use crate::trial::trial;

/// The shortest time under load before a kill, and the range above it, in milliseconds.
const LOAD: (u64, u64) = (100, 200);
/// How long an owner may take for its first acknowledgement.
const LIMIT: Duration = Duration::from_secs(60);

/// Kills the owner `rounds` times. Returns what the clients have lost, and how long each takeover took, from the kill to the new owner's
/// first acknowledgement.
///
/// # Errors
///
/// Returns an error if a process or an image fails, or if no standby takes over.
pub fn rounds(options: ClusterOptions, clients: u32, rounds: u32) -> Result<(Verdict, Vec<Duration>), Box<dyn Error>> {
    let mut takeovers = Vec::new();
    let verdict = trial(options, clients, |cluster| {
        wait_for_acknowledgement(cluster)?;
        for round in 0..rounds {
            thread::sleep(Duration::from_millis(LOAD.0 + u64::from(round) * 37 % LOAD.1));
            let killed = cluster.replace_owner()?;
            let first = wait_for_acknowledgement(cluster)?;
            takeovers.push(first.duration_since(killed));
        }
        Ok(())
    })?;
    Ok((verdict, takeovers))
}

fn wait_for_acknowledgement(cluster: &Cluster) -> Result<std::time::Instant, Box<dyn Error>> {
    Ok(cluster.service().wait_for_acknowledgement(LIMIT).ok_or("the owner acknowledges nothing")?)
}
