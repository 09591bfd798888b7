//! Takeovers from owners that answer once the log has the event.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memimage::ErrorKind;
use memimage::replication::Acknowledge;
use memimage_replication::testing::Connection;

use super::cluster::{Cluster, Owner};
use super::history::{Answer, Call, History, Reference};
use super::rounds;
use super::vault::{Vault, VaultCommands};

const CLIENTS: u64 = 3;
/// The calls whose answer may stay open in one history: more make the search for an order long.
const OPEN_MAX: u64 = 6;
const CALLS_MAX: u64 = 24;

/// The owners that clients know: the present one, and the one before, which some still use.
type Owners = Arc<Mutex<Vec<Arc<Owner>>>>;

struct Clients {
    owners: Owners,
    history: History,
    next: AtomicU64,
    calls: AtomicU64,
    open: AtomicU64,
    is_over: AtomicBool,
}

impl Clients {
    /// Calls until the round is over.
    fn run(&self, mut client: u64, seed: u64) {
        let mut random = seed | 1;
        let mut below = move |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        while !self.is_over.load(Ordering::Relaxed)
            && self.open.load(Ordering::Relaxed) < OPEN_MAX
            && self.calls.fetch_add(1, Ordering::Relaxed) < CALLS_MAX
        {
            let owner = {
                let owners = self.owners.lock().unwrap();
                // one in four uses an owner that may have been superseded
                let index = if below(4) == 0 { 0 } else { owners.len() - 1 };
                Arc::clone(&owners[index])
            };
            let call = match below(4) {
                0 => Call::Write(self.next.fetch_add(1, Ordering::Relaxed)),
                1 => Call::Read,
                2 => Call::Transfer(below(3) as usize, below(3) as usize, 1 + below(40)),
                _ => Call::Balances,
            };
            self.history.called(client, call.clone());
            match answer(&owner, &call) {
                Some(answer) => self.history.answered(client, answer),
                // this client waits for ever; another one goes on
                None => {
                    self.open.fetch_add(1, Ordering::Relaxed);
                    client += CLIENTS;
                }
            }
        }
    }
}

/// The answer of an owner; `None` if it is not known whether the call has had an effect.
fn answer(owner: &Owner, call: &Call) -> Option<Answer> {
    let confirm = || owner.log.confirm_owner(Duration::from_secs(20));
    let result = match *call {
        Call::Write(value) => owner.image.write(value).map(|()| Answer::Written),
        Call::Transfer(from, to, amount) => owner.image.transfer(from, to, amount).map(Answer::Transferred),
        Call::Read => confirm().and_then(|()| owner.image.query(|vault| Answer::Value(vault.register))),
        Call::Balances => confirm().and_then(|()| owner.image.query(|vault| Answer::Balances(vault.accounts.clone()))),
    };
    result.inspect_err(|error| assert!(matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Closed), "{error}")).ok()
}

#[test]
fn histories_are_linearizable_and_nothing_acknowledged_is_lost() {
    let cluster = Cluster::new(Acknowledge::Remote);
    let mut present = 0;
    let mut owner = Arc::new(cluster.create(present));
    let mut acknowledged = Vec::new();
    for round in 0..rounds() {
        let (standby, aside, log) = cluster.standby(1 - present);
        // what is set aside was acknowledged by nobody
        if let Some(aside) = aside {
            assert!(aside.events() <= CLIENTS, "{aside:?}");
            std::fs::remove_dir_all(aside.path).unwrap();
        }
        let before = owner.image.query(Vault::clone).unwrap();
        let clients = Arc::new(Clients {
            owners: Arc::new(Mutex::new(vec![Arc::clone(&owner)])),
            history: History::default(),
            next: AtomicU64::new((round + 1) * 1000),
            calls: AtomicU64::new(0),
            open: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let threads: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let clients = Arc::clone(&clients);
                std::thread::spawn(move || clients.run(client, (round + 1) * 7919 + client))
            })
            .collect();
        std::thread::sleep(Duration::from_micros(round % 7 * 500));
        // the owner is cut off, paused, or healthy
        cluster.connect(present, [Connection::Down, Connection::RequestsOnly, Connection::Up][round as usize % 3]);
        let second = Arc::new(Owner { image: standby.promote().unwrap(), log });
        clients.owners.lock().unwrap().push(Arc::clone(&second));
        std::thread::sleep(Duration::from_millis(2));
        cluster.connect(present, Connection::Up);
        // so that the old owner notices
        assert_eq!(owner.log.confirm_owner(Duration::from_secs(20)).unwrap_err().kind(), ErrorKind::Fenced);
        clients.is_over.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let Vault { register, accounts, .. } = before;
        assert!(
            clients.history.is_linearizable(Reference { register, accounts }),
            "round {round}:\n{}",
            clients.history.text()
        );
        acknowledged.extend(clients.history.written());
        drop(clients);
        let closed = Arc::into_inner(owner).expect("no client uses the old owner any more");
        drop(closed);
        (owner, present) = (second, 1 - present);
    }
    let written = owner.image.query(|vault| vault.written.clone()).unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|value| !written.contains(value)).collect();
    println!("{} takeovers, {} acknowledged writes, {} lost", rounds(), acknowledged.len(), lost.len());
    assert!(lost.is_empty(), "{lost:?}");
    assert!(acknowledged.len() as u64 > rounds() / 2, "{} acknowledged writes", acknowledged.len());
    assert_eq!(owner.image.query(|vault| vault.accounts.iter().sum::<u64>()).unwrap(), 300);
}
