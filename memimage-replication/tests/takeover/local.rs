//! Takeovers from owners that answer before the log has the event.

use std::collections::BTreeSet;
use std::time::Duration;

use memimage::replication::{Acknowledge, MaxLag};
use memimage::{ErrorKind, Image};
use memimage_replication::testing::Connection;

use super::cluster::Cluster;
use super::rounds;
use super::vault::{Vault, VaultCommands};

#[test]
fn exactly_the_unshipped_events_are_set_aside() {
    let cluster = Cluster::new(Acknowledge::Local { max_lag: MaxLag::new(64 << 20, Duration::from_secs(60)) });
    let mut present = 0;
    let mut owner = cluster.create(present);
    let (mut acknowledged, mut aside, mut next) = (BTreeSet::new(), BTreeSet::new(), 0);
    for round in 0..rounds() {
        let (standby, _, log) = cluster.standby(1 - present);
        let mut write = |count: u64, image: &Image<Vault>| {
            for _ in 0..count {
                next += 1;
                image.write(next).unwrap();
                acknowledged.insert(next);
            }
        };
        write(3, &owner.image);
        if round % 2 == 0 {
            owner.log.confirm_owner(Duration::from_secs(20)).unwrap();
        }
        cluster.connect(present, Connection::Down);
        write(round % 5, &owner.image);
        let second = standby.promote().unwrap();
        // it does not know yet
        write(round % 3, &owner.image);
        cluster.connect(present, Connection::Up);
        let error = owner.log.confirm_owner(Duration::from_secs(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
        assert_eq!(owner.image.write(0).unwrap_err().kind(), ErrorKind::Fenced);
        drop(owner);
        let (standby, set_aside, _) = cluster.standby(present);
        if let Some(set_aside) = set_aside {
            let image = Image::<Vault>::open(&set_aside.path).unwrap();
            let events = set_aside.events() as usize;
            let values = image.query(|vault| vault.written[vault.written.len() - events..].to_vec()).unwrap();
            aside.extend(values);
            drop(image);
            std::fs::remove_dir_all(set_aside.path).unwrap();
        }
        drop(standby);
        // may be set aside in the next round, too
        second.write(u64::MAX - round).unwrap();
        acknowledged.insert(u64::MAX - round);
        (owner, present) = (super::cluster::Owner { image: second, log }, 1 - present);
    }
    let written: BTreeSet<u64> = owner.image.query(|vault| vault.written.iter().copied().collect()).unwrap();
    let lost: BTreeSet<u64> = acknowledged.difference(&written).copied().collect();
    println!(
        "{} takeovers, {} acknowledged writes, {} lost, {} set aside",
        rounds(),
        acknowledged.len(),
        lost.len(),
        aside.len()
    );
    assert_eq!(lost, aside);
    assert!(!lost.is_empty());
}
