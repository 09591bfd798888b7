//! One model in four versions: the later ones replay the events of the earlier ones.

use memimage::{Context, Shape};
use serde::{Deserialize, Serialize};

/// The context of a command, recorded in the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
pub struct Note {
    pub what: String,
    pub seq: u64,
    pub time: u64,
    pub draw: u64,
    pub actor: Option<String>,
}

impl Note {
    fn of(ctx: &Context, what: String) -> Note {
        let actor = ctx.metadata().get("actor").map(str::to_owned);
        Note { what, seq: ctx.seq().get(), time: ctx.time().as_micros(), draw: ctx.random().u64(), actor }
    }
}

/// The first program.
pub mod first {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    use super::Note;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Desk {
        pub drawer: Vec<Note>,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub fn transfer(&mut self, ctx: &Context, from: u32, to: u32) {
            self.drawer.push(Note::of(ctx, format!("{from} to {to}")));
        }

        #[command]
        pub fn ping(&mut self) {}

        #[command]
        pub fn deposit(&mut self, ctx: &Context, cents: u32, memo: String) {
            self.drawer.push(Note::of(ctx, format!("{cents} {memo}")));
        }

        #[command]
        pub fn attempt(&mut self, ctx: &Context, works: bool) -> Result<(), String> {
            self.drawer.push(Note::of(ctx, format!("works: {works}")));
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }

        #[command]
        pub fn fee(&mut self, ctx: &Context) {
            self.drawer.push(Note::of(ctx, "free".to_owned()));
        }
    }
}

/// The second program: a transfer becomes two entries, a ping is dropped, and old fees stay as they were.
pub mod second {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    use super::Note;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2, history(DeskV1))]
    pub struct Desk {
        pub notes: Vec<Note>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct DeskV1 {
        drawer: Vec<Note>,
    }

    #[memimage::upcast]
    fn desk(old: DeskV1) -> Desk {
        Desk { notes: old.drawer }
    }

    #[derive(Deserialize, Shape)]
    struct TransferV1 {
        from: u32,
        to: u32,
    }

    #[memimage::upcast]
    fn transfer(old: TransferV1) -> Vec<DeskEnter> {
        [-i64::from(old.from), i64::from(old.to)].map(|account| DeskEnter { account }).into()
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[derive(Deserialize, Shape)]
    struct DepositV1 {
        cents: u32,
        memo: String,
    }

    #[memimage::upcast]
    fn deposit(old: DepositV1) -> DeskDeposit {
        DeskDeposit { cents: old.cents.into(), memo: old.memo }
    }

    #[memimage::commands]
    impl Desk {
        #[command(name = "transfer", version = 2, history(TransferV1), replay_only)]
        fn transfer_never_recorded(&mut self) {}

        #[command]
        pub fn enter(&mut self, ctx: &Context, account: i64) {
            self.notes.push(Note::of(ctx, format!("account {account}")));
        }

        #[command(name = "ping", version = 2, history(PingV1), replay_only)]
        fn ping_never_recorded(&mut self) {}

        #[command(version = 2, history(DepositV1))]
        pub fn deposit(&mut self, ctx: &Context, cents: u64, memo: String) {
            self.notes.push(Note::of(ctx, format!("{cents} {}", memo.len())));
        }

        #[command]
        pub fn attempt(&mut self, ctx: &Context, works: bool) -> Result<(), String> {
            self.notes.push(Note::of(ctx, format!("works: {works}")));
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }

        #[command(name = "fee", version = 1, replay_only)]
        fn no_fee(&mut self, ctx: &Context) {
            self.notes.push(Note::of(ctx, "free".to_owned()));
        }

        #[command(version = 2)]
        pub fn fee(&mut self, ctx: &Context, cents: u32) {
            self.notes.push(Note::of(ctx, format!("fee {cents}")));
        }
    }
}

/// The third program: each entry is split into two events, and attempts have a new argument.
pub mod third {
    use memimage::{Context, Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    use super::Note;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 3, history(DeskV1, DeskV2))]
    pub struct Desk {
        pub book: Vec<Note>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct DeskV1 {
        drawer: Vec<Note>,
    }

    #[memimage::upcast]
    fn desk_1_to_2(old: DeskV1) -> DeskV2 {
        DeskV2 { notes: old.drawer }
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct DeskV2 {
        notes: Vec<Note>,
    }

    #[memimage::upcast]
    fn desk_2_to_3(old: DeskV2) -> Desk {
        Desk { book: old.notes }
    }

    #[derive(Deserialize, Shape)]
    struct TransferV1 {
        from: u32,
        to: u32,
    }

    #[memimage::upcast]
    fn transfer(old: TransferV1) -> Vec<EnterV1> {
        [-i64::from(old.from), i64::from(old.to)].map(|account| EnterV1 { account }).into()
    }

    #[derive(Deserialize, Shape)]
    struct EnterV1 {
        account: i64,
    }

    #[memimage::upcast]
    fn enter(old: EnterV1) -> (DeskEnter, DeskDeposit) {
        let cents = old.account.unsigned_abs();
        (DeskEnter { account: old.account, euro: true }, DeskDeposit { cents, memo: "half".to_owned(), shown: false })
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[derive(Deserialize, Shape)]
    struct DepositV1 {
        cents: u32,
        memo: String,
    }

    #[memimage::upcast]
    fn deposit_1_to_2(old: DepositV1) -> DepositV2 {
        DepositV2 { cents: old.cents.into(), memo: old.memo }
    }

    #[derive(Deserialize, Shape)]
    struct DepositV2 {
        cents: u64,
        memo: String,
    }

    #[memimage::upcast]
    fn deposit_2_to_3(old: DepositV2) -> DeskDeposit {
        DeskDeposit { cents: old.cents, memo: old.memo, shown: true }
    }

    #[derive(Deserialize, Shape)]
    struct AttemptV1 {
        works: bool,
    }

    #[memimage::upcast]
    fn attempt(old: AttemptV1, recorded: &Recorded<'_>) -> DeskAttempt {
        assert_eq!(old.works, !recorded.is_rejected());
        DeskAttempt { works: old.works, seq: recorded.seq().get() }
    }

    #[memimage::commands(retired(name = "transfer", history(TransferV1)), retired(name = "ping", history(PingV1)))]
    impl Desk {
        #[command(version = 2, history(EnterV1))]
        pub fn enter(&mut self, ctx: &Context, account: i64, euro: bool) {
            self.book.push(Note::of(ctx, format!("account {account} {euro}")));
        }

        #[command(version = 3, history(DepositV1, DepositV2))]
        pub fn deposit(&mut self, ctx: &Context, cents: u64, memo: String, shown: bool) {
            self.book.push(Note::of(ctx, format!("{cents} {} {shown}", memo.len())));
        }

        #[command(version = 2, history(AttemptV1))]
        pub fn attempt(&mut self, ctx: &Context, works: bool, seq: u64) -> Result<(), String> {
            self.book.push(Note::of(ctx, format!("works: {works} {seq}")));
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }

        #[command(name = "fee", version = 1, replay_only)]
        fn no_fee(&mut self, ctx: &Context) {
            self.book.push(Note::of(ctx, "free".to_owned()));
        }

        #[command(version = 2)]
        pub fn fee(&mut self, ctx: &Context, cents: u32) {
            self.book.push(Note::of(ctx, format!("fee {cents}")));
        }
    }
}

/// The third program without its old versions, which a rewritten journal no longer needs.
pub mod fourth {
    use memimage::{Context, Model, Shape};
    use serde::{Deserialize, Serialize};

    use super::Note;

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 3)]
    pub struct Desk {
        pub book: Vec<Note>,
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, oldest = 2)]
        pub fn enter(&mut self, ctx: &Context, account: i64, euro: bool) {
            self.book.push(Note::of(ctx, format!("account {account} {euro}")));
        }

        #[command(version = 3, oldest = 3)]
        pub fn deposit(&mut self, ctx: &Context, cents: u64, memo: String, shown: bool) {
            self.book.push(Note::of(ctx, format!("{cents} {} {shown}", memo.len())));
        }

        #[command(version = 2, oldest = 2)]
        pub fn attempt(&mut self, ctx: &Context, works: bool, seq: u64) -> Result<(), String> {
            self.book.push(Note::of(ctx, format!("works: {works} {seq}")));
            if works { Ok(()) } else { Err("it does not".to_owned()) }
        }

        #[command(name = "fee", version = 1, replay_only)]
        fn no_fee(&mut self, ctx: &Context) {
            self.book.push(Note::of(ctx, "free".to_owned()));
        }
    }
}
