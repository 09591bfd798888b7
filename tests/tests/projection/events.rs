//! Handlers get events at their newest version, of all groups, and several of one recorded event.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{EventInfo, Image, Journal, Projection, Shape};
use memimage_tests::with_timeout;
use serde::{Deserialize, Serialize};

/// The first program.
mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(crate) struct Desk {
        moved: u64,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub(crate) fn transfer(&mut self, from: u32, to: u32, cents: u32) {
            self.moved += u64::from(from.max(to).max(cents));
        }

        #[command]
        pub(crate) fn ping(&mut self) {}

        #[command]
        pub(crate) fn set_rate(&mut self, rate: u8) {
            self.moved += u64::from(rate);
        }
    }
}

/// A later program with two groups. It upcasts a transfer to two entries, and drops pings.
mod later {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(groups(entries::Entries, rates::Rates))]
    pub(crate) struct Desk {
        pub(crate) entered: i64,
        pub(crate) rate: u32,
    }

    pub(crate) mod entries {
        use memimage::Shape;
        use serde::Deserialize;

        use super::Desk;

        #[derive(Deserialize, Shape)]
        struct TransferV1 {
            from: u32,
            to: u32,
            cents: u32,
        }

        #[memimage::upcast]
        fn transfer(old: TransferV1) -> Vec<DeskEnter> {
            let cents = i64::from(old.cents);
            vec![DeskEnter { account: old.from, cents: -cents }, DeskEnter { account: old.to, cents }]
        }

        #[derive(Deserialize, Shape)]
        struct PingV1;

        #[memimage::upcast]
        fn ping(_: PingV1) {}

        #[memimage::commands(
            group = Entries,
            retired(name = "transfer", history(TransferV1)),
            retired(name = "ping", history(PingV1))
        )]
        impl Desk {
            #[command]
            pub(crate) fn enter(&mut self, account: u32, cents: i64) {
                self.entered += cents * i64::from(account);
            }
        }
    }

    pub(crate) mod rates {
        use memimage::Shape;
        use serde::Deserialize;

        use super::Desk;

        #[derive(Deserialize, Shape)]
        struct SetRateV1 {
            rate: u8,
        }

        #[memimage::upcast]
        fn set_rate_1_to_2(old: SetRateV1) -> DeskSetRate {
            DeskSetRate { rate: u32::from(old.rate) * 100 }
        }

        #[memimage::commands(group = Rates)]
        impl Desk {
            #[command(version = 2, history(SetRateV1))]
            pub(crate) fn set_rate(&mut self, rate: u32) {
                self.rate = rate;
            }
        }
    }
}

use first::DeskCommands as _;
use later::entries::{DeskEnter, EntriesCommands as _};
use later::rates::{DeskSetRate, RatesCommands as _};

/// What the handlers got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Seen {
    entries: Vec<(u64, u32, u32, i64)>,
    rates: Vec<(String, u32)>,
}

#[memimage::projection(of = later::Desk, name = "seen")]
impl Seen {
    #[on]
    fn enter(&mut self, event: &DeskEnter, info: &EventInfo<'_>) {
        self.entries.push((info.seq().get(), info.part(), event.account, event.cents));
    }

    #[on]
    fn rate(&mut self, event: &DeskSetRate, info: &EventInfo<'_>) {
        self.rates.push((info.key().to_string(), event.rate));
    }
}

fn expected(journal: &Journal<later::Desk>) -> Seen {
    let key = |seq| {
        let seq = memimage::Seq::new(seq);
        let event = journal.history().range(seq..=seq).into_iter().next().unwrap().unwrap();
        event.key().to_string()
    };
    Seen { entries: vec![(1, 1, 7, -30), (1, 2, 8, 30), (4, 0, 9, 5)], rates: vec![(key(3), 200), (key(5), 7)] }
}

#[test]
fn handlers_get_events_after_upcasting() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let desk = Image::<first::Desk>::options().open_with(Arc::new(disk.clone()), "/desk").unwrap();
        desk.transfer(7, 8, 30).unwrap();
        desk.ping().unwrap();
        desk.set_rate(2).unwrap();
        Image::close(desk).unwrap();
        let desk = Image::<later::Desk>::options().open_with(Arc::new(disk.clone()), "/desk").unwrap();
        let journal: &Journal<later::Desk> = &desk.journal();
        let early: Projection<Seen> = Projection::open(journal, "/early").unwrap();
        desk.enter(9, 5).unwrap();
        desk.set_rate(7).unwrap();
        early.wait(desk.journal().durable_seq()).unwrap();
        assert_eq!(early.query(Seen::clone).unwrap(), expected(journal));
        let late: Projection<Seen> = Projection::open(journal, "/late").unwrap();
        assert_eq!(late.query(Seen::clone).unwrap(), expected(journal));
    });
}
