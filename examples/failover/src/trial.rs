//! A cluster under load, while something happens to it, and what the clients have lost.

use std::error::Error;
use std::path::Path;

use memimage::Image;

use crate::client::Client;
use crate::cluster::{Cluster, ClusterOptions};
use crate::history::{History, Verdict};
use crate::load::Load;
use crate::process::Aside;
use crate::tickets::{Ticket, options};

/// Starts a cluster and clients, lets `happen` change the cluster, and ends the clients. Then replaces the owner once more, so that the
/// final state is what a standby has from the log, and compares it with what was acknowledged.
///
/// # Errors
///
/// Returns an error if a member fails, and those of `happen`.
pub fn trial(
    options: ClusterOptions,
    clients: u32,
    happen: impl FnOnce(&mut Cluster) -> Result<(), Box<dyn Error>>,
) -> Result<Verdict, Box<dyn Error>> {
    let mut cluster = Cluster::start(options)?;
    let load = Load::start(cluster.service(), clients);
    happen(&mut cluster)?;
    let clients = load.stop();
    cluster.hand_over()?;
    let last = cluster.end()?;
    let acknowledged = clients.into_iter().map(Client::into_acknowledged).collect::<Result<Vec<_>, _>>()?;
    let history = History {
        acknowledged: acknowledged.concat(),
        filed: tickets(&last)?,
        set_aside: set_aside(cluster.asides())?,
    };
    Ok(history.judge())
}

/// The tickets of the events that were set aside. A directory that was set aside is an image of its own.
fn set_aside(asides: &[Aside]) -> Result<Vec<Ticket>, Box<dyn Error>> {
    let mut found = Vec::new();
    for aside in asides {
        let all = tickets(&aside.path)?;
        if all.len() as u64 != aside.last {
            return Err(
                format!("{} events are in `{}`, and not {}", all.len(), aside.path.display(), aside.last).into()
            );
        }
        found.extend_from_slice(&all[aside.first as usize - 1..]);
    }
    Ok(found)
}

/// All tickets of an image that nobody uses. Each event has filed one.
fn tickets(directory: &Path) -> Result<Vec<Ticket>, Box<dyn Error>> {
    let image = options().open(directory)?;
    let filed = image.query(|tickets| tickets.filed().to_vec())?;
    Image::close(image)?;
    Ok(filed)
}
