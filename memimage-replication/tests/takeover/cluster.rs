//! Two directories, of which one has the owner and the other a standby, and a log in memory.

use std::path::PathBuf;
use std::time::Duration;

use memimage::Image;
use memimage::replication::Acknowledge;
use memimage_replication::testing::{Connection, MemoryLog};
use memimage_replication::{Log, SetAside, Standby};

use super::vault::Vault;

/// A member: its connection to the log, and its directory.
pub(crate) struct Member {
    pub(crate) memory: MemoryLog,
    pub(crate) directory: PathBuf,
    name: String,
}

pub(crate) struct Owner {
    pub(crate) image: Image<Vault>,
    pub(crate) log: Log,
}

pub(crate) struct Cluster {
    _place: tempfile::TempDir,
    pub(crate) members: [Member; 2],
    acknowledge: Acknowledge,
}

impl Cluster {
    pub(crate) fn new(acknowledge: Acknowledge) -> Cluster {
        let place = tempfile::tempdir().unwrap();
        let memory = MemoryLog::new("takeovers");
        let member = |name: &str| Member {
            memory: memory.another_handle(),
            directory: place.path().join(name),
            name: name.to_owned(),
        };
        let members = [member("a"), member("b")];
        Cluster { _place: place, members, acknowledge }
    }

    fn log(&self, member: usize) -> Log {
        let Member { memory, name, .. } = &self.members[member];
        Log::new(memory.clone()).name(name).gather(Duration::ZERO).poll(Duration::from_millis(1))
    }

    pub(crate) fn create(&self, member: usize) -> Owner {
        let log = self.log(member);
        let options = Image::<Vault>::options().replicate(log.clone(), self.acknowledge);
        Owner { image: options.open(&self.members[member].directory).unwrap(), log }
    }

    /// Opens a standby, and sets aside what its directory has and the log has not.
    pub(crate) fn standby(&self, member: usize) -> (Standby<Vault>, Option<SetAside>, Log) {
        let log = self.log(member);
        let standby = Standby::<Vault>::options()
            .acknowledge(self.acknowledge)
            .set_aside_unshipped(true)
            .open(log.clone(), &self.members[member].directory)
            .unwrap();
        let aside = standby.set_aside().cloned();
        (standby, aside, log)
    }

    pub(crate) fn connect(&self, member: usize, connection: Connection) {
        self.members[member].memory.set_connection(connection);
    }
}
