//! Three members, each a process with a directory of its own: an owner and two standbys.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::now;
use crate::member::Member;
use crate::process::{Aside, LogPlace, Process, Report};
use crate::service::Service;
use crate::settings::Mode;

/// The number of members.
pub const MEMBERS: usize = 3;
/// The longest time that anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How a cluster is set up.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The program whose processes are the members.
    pub program: PathBuf,
    /// The directory in which each member has one.
    pub directory: PathBuf,
    /// How each member reaches the log.
    pub places: [LogPlace; MEMBERS],
    /// When a command is acknowledged.
    pub mode: Mode,
    /// How long the log must be silent before a standby takes over.
    pub lease: Duration,
}

/// The members, of which one is the owner.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    members: [Option<Process>; MEMBERS],
    states: [MemberState; MEMBERS],
    owner: usize,
    service: Arc<Service>,
    asides: Vec<Aside>,
}

/// What a member does, as it has reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It has not reported yet.
    Starting,
    /// It follows the log.
    Standby,
    /// It is the owner.
    Owner,
    /// It was the owner. The message says who took over.
    Fenced(String),
    /// It has ended, or was killed.
    Ended,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl Cluster {
    /// Starts the first member as the owner, and the others as standbys. Returns when all are ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory exists already, or if a member does not start.
    pub fn start(options: ClusterOptions) -> Result<Cluster> {
        if options.directory.try_exists()? {
            let directory = options.directory.display();
            return Err(format!("`{directory}` exists already; help: pass a directory that does not exist").into());
        }
        std::fs::create_dir_all(&options.directory)?;
        let states = [const { MemberState::Ended }; MEMBERS];
        let (members, service) = ([const { None }; MEMBERS], Arc::default());
        let mut cluster = Cluster { options, members, states, owner: 0, service, asides: Vec::new() };
        cluster.start_member(0, true)?;
        cluster.wait_until("the first owner serves", |cluster| cluster.states[0] != MemberState::Starting)?;
        if cluster.states[0] != MemberState::Owner {
            return Err("the first owner cannot open its image".into());
        }
        cluster.start_member(1, false)?;
        cluster.start_member(2, false)?;
        cluster.wait_until("two standbys follow", |cluster| cluster.standbys() == 2)?;
        Ok(cluster)
    }

    /// The address of the owner, for clients.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The member that took over last.
    pub fn owner(&self) -> usize {
        self.owner
    }

    /// What a member does.
    pub fn state(&self, member: usize) -> &MemberState {
        &self.states[member]
    }

    /// The directory of a member.
    pub fn directory(&self, member: usize) -> PathBuf {
        self.options.directory.join(Cluster::name(member))
    }

    /// The name of a member in the log.
    pub fn name(member: usize) -> &'static str {
        ["a", "b", "c"][member]
    }

    /// What was set aside so far.
    pub fn asides(&self) -> &[Aside] {
        &self.asides
    }

    /// Kills a member with SIGKILL. Returns the time before the kill.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not run.
    pub fn kill(&mut self, member: usize) -> Result<Instant> {
        let mut process = self.members[member].take().ok_or("the member does not run")?;
        let at = now();
        process.kill()?;
        self.states[member] = MemberState::Ended;
        Ok(at)
    }

    /// Pauses a member (SIGSTOP), or lets it go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// Returns an error if it does not run.
    pub fn signal(&self, member: usize, name: &str) -> Result<()> {
        Ok(self.members[member].as_ref().ok_or("the member does not run")?.signal(name)?)
    }

    /// Starts a member that has ended as a standby, and waits until it follows the log.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub fn bring_back(&mut self, member: usize) -> Result<()> {
        self.start_member(member, false)?;
        let name = Cluster::name(member);
        self.wait_until(&format!("`{name}` follows"), |cluster| cluster.states[member] != MemberState::Starting)?;
        match self.states[member] {
            MemberState::Ended => Err(format!("`{name}` cannot be a standby").into()),
            _ => Ok(()),
        }
    }

    /// Brings back all members that have ended: those that were killed, and owners that were fenced because they were slower than their
    /// lease.
    fn bring_all_back(&mut self) -> Result<()> {
        self.read_reports();
        for member in 0..MEMBERS {
            if matches!(self.states[member], MemberState::Fenced(_) | MemberState::Ended) {
                self.bring_back(member)?;
            }
        }
        Ok(())
    }

    /// Waits until another member than `former` is the owner.
    ///
    /// # Errors
    ///
    /// Returns an error if none takes over in time.
    pub fn wait_for_takeover(&mut self, former: usize) -> Result<()> {
        self.wait_until("a standby takes over", |cluster| cluster.owner != former)
    }

    /// Kills the owner, waits until a standby takes over, and brings all that have ended back as standbys. Returns the time of the kill.
    ///
    /// # Errors
    ///
    /// Returns an error if no standby takes over, or if the former owner cannot be a standby.
    pub fn replace_owner(&mut self) -> Result<Instant> {
        self.bring_all_back()?;
        let former = self.owner;
        let at = self.kill(former)?;
        self.wait_for_takeover(former)?;
        self.bring_all_back()?;
        Ok(at)
    }

    /// Like [`replace_owner`](Cluster::replace_owner), but asks a standby to take over, which does not wait for the lease then.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no standby, and the same errors.
    pub fn hand_over(&mut self) -> Result<()> {
        self.bring_all_back()?;
        let former = self.owner;
        let standby =
            self.states.iter().position(|state| *state == MemberState::Standby).ok_or("there is no standby")?;
        self.kill(former)?;
        self.ask_to_promote(standby)?;
        self.wait_for_takeover(former)?;
        self.bring_all_back()
    }

    /// Asks a standby to take over at once.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not run.
    pub fn ask_to_promote(&mut self, member: usize) -> Result<()> {
        Ok(self.members[member].as_mut().ok_or("the member does not run")?.ask_to_promote()?)
    }

    /// Waits until `condition` holds.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not hold after a minute.
    pub fn wait_until(&mut self, what: &str, condition: impl Fn(&Cluster) -> bool) -> Result<()> {
        let start = now();
        loop {
            self.read_reports();
            if condition(self) {
                return Ok(());
            }
            if start.elapsed() > LIMIT {
                return Err(format!("not within {LIMIT:?}: {what}; the members: {:?}", self.states).into());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills all members. Returns the directory of the last owner.
    ///
    /// # Errors
    ///
    /// Returns an error if a process cannot be killed.
    pub fn end(&mut self) -> Result<PathBuf> {
        self.read_reports();
        for member in 0..MEMBERS {
            if self.members[member].is_some() {
                self.kill(member)?;
            }
        }
        Ok(self.directory(self.owner))
    }

    fn standbys(&self) -> usize {
        self.states.iter().filter(|state| **state == MemberState::Standby).count()
    }

    fn start_member(&mut self, number: usize, is_owner: bool) -> Result<()> {
        let place = &self.options.places[number];
        let member = Member {
            name: Cluster::name(number).to_owned(),
            directory: self.directory(number),
            log: place.url.clone(),
            mode: self.options.mode,
            lease: self.options.lease,
            is_owner,
        };
        // the directory of a member that runs is locked
        self.members[number] = None;
        self.states[number] = MemberState::Starting;
        self.members[number] = Some(Process::start(&self.options.program, &member, place)?);
        Ok(())
    }

    fn read_reports(&mut self) {
        for member in 0..MEMBERS {
            let reports = self.members[member].as_ref().map(Process::reports).unwrap_or_default();
            for report in reports {
                self.states[member] = match (report, &self.states[member]) {
                    (Report::Aside(aside), state) => {
                        self.asides.push(aside);
                        state.clone()
                    }
                    (Report::Standby, _) => MemberState::Standby,
                    (Report::Serving(port), _) => {
                        self.owner = member;
                        self.service.publish(port);
                        MemberState::Owner
                    }
                    (Report::Fenced(message), _) => MemberState::Fenced(message),
                    // why it ended stays known
                    (Report::Ended, MemberState::Fenced(message)) => MemberState::Fenced(message.clone()),
                    (Report::Ended, _) => MemberState::Ended,
                };
            }
        }
    }
}
