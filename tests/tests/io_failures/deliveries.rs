//! A session with a named subscription and with backups, on a failing disk.

use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, HistoryEvent, Image, Seq, Subscription};
use memimage_tests::Ledger;

use crate::oracle::{ExpectedHistory, LedgerChange};
use crate::session::{LEDGER, Mode, Session, Stop, exists};

const COPY: &str = "/copy";
const MAILER: &str = "mailer";

/// What the subscriber was given and has acknowledged, and what was backed up.
#[derive(Clone, Copy, Debug, Default)]
struct Deliveries {
    /// Whether the subscription was created.
    is_created: bool,
    delivered: u64,
    /// The last event for which an acknowledgement has begun, has returned, and was synced.
    begun: u64,
    returned: u64,
    synced: u64,
    /// The last event that a backup reported.
    backed_up: u64,
}

/// A ledger in use, with a subscriber and backups.
pub(crate) struct DeliverySession<'a> {
    pub(crate) session: Session<'a>,
    deliveries: Deliveries,
}

impl<'a> DeliverySession<'a> {
    pub(crate) fn new(session: Session<'a>) -> DeliverySession<'a> {
        DeliverySession { session, deliveries: Deliveries::default() }
    }

    pub(crate) fn run(&mut self) -> Result<(), Stop> {
        let image = self.session.open()?;
        for round in 0..2 {
            let mut mailer = self.subscribe(&image)?;
            for amount in 0..3 {
                self.session.change(&image, LedgerChange::Deposit(round, amount))?;
            }
            self.deliver(&image, &mut mailer)?;
            self.back_up(&image)?;
            self.session.change(&image, LedgerChange::File(5_000))?;
            self.session.sync(&image)?;
            self.deliver(&image, &mut mailer)?;
            self.sync_acknowledged(&image, &mut mailer)?;
        }
        self.session.close(image)?;
        let image = self.session.open()?;
        self.session.change(&image, LedgerChange::Deposit(3, 2))?;
        self.back_up(&image)?;
        self.session.close(image)
    }

    fn subscribe(&mut self, image: &Image<Ledger>) -> Result<Subscription<Ledger>, Stop> {
        let mailer = self.retry(image, || image.journal().subscribe_as(MAILER, Seq::ZERO))?;
        self.deliveries.is_created = true;
        let found = mailer.acknowledged().expect("it has a name").get();
        self.deliveries.check_position(found, self.deliveries.returned)?;
        Ok(mailer)
    }

    /// Takes and acknowledges all durable events.
    fn deliver(&mut self, image: &Image<Ledger>, mailer: &mut Subscription<Ledger>) -> Result<(), Stop> {
        let durable = image.journal().durable_seq().get();
        loop {
            let next = mailer.seq().next();
            match mailer.next_timeout(Duration::ZERO) {
                Ok(Some(event)) if event.seq() == next => {
                    self.deliveries.delivered = self.deliveries.delivered.max(next.get());
                    self.acknowledge(image, mailer, &event)?;
                }
                Ok(Some(event)) => return Err(Stop::Bug(format!("event {} came after {next}", event.seq()))),
                Ok(None) if self.deliveries.delivered < durable => {
                    return Err(Stop::Bug(format!("event {next} does not come, and event {durable} is durable")));
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.session.check_error(image, &error)?;
                    // the old subscription has the name until it is dropped
                    *mailer = self.retry(image, || image.journal().subscribe(Seq::ZERO))?;
                    *mailer = self.subscribe(image)?;
                }
            }
        }
    }

    fn acknowledge(
        &mut self,
        image: &Image<Ledger>,
        mailer: &mut Subscription<Ledger>,
        event: &HistoryEvent<Ledger>,
    ) -> Result<(), Stop> {
        let seq = event.seq().get();
        self.deliveries.begun = self.deliveries.begun.max(seq);
        self.retry(image, || mailer.acknowledge(event))?;
        self.deliveries.returned = self.deliveries.returned.max(seq);
        Ok(())
    }

    fn sync_acknowledged(&mut self, image: &Image<Ledger>, mailer: &mut Subscription<Ledger>) -> Result<(), Stop> {
        self.retry(image, || mailer.sync_acknowledged())?;
        self.deliveries.synced = self.deliveries.returned;
        Ok(())
    }

    /// Makes a backup, or continues it.
    fn back_up(&mut self, image: &Image<Ledger>) -> Result<(), Stop> {
        let report = self.retry(image, || image.admin().backup(COPY))?;
        self.deliveries.backed_up = report.seq.get();
        self.session.history.read_durable_seq(image);
        Ok(())
    }

    /// Runs an operation of a running image, and retries it once.
    fn retry<T>(
        &mut self,
        image: &Image<Ledger>,
        mut operation: impl FnMut() -> Result<T, memimage::Error>,
    ) -> Result<T, Stop> {
        for attempt in 0..2 {
            let error = match operation() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            self.session.check_error(image, &error)?;
            self.session.check_state(image)?;
            self.session.check_retry(attempt, &error)?;
        }
        Err(Stop::Unusable)
    }

    /// Verifies the disk that a process finds after the session: the events that were delivered, the position, and the backup.
    pub(crate) fn check(&self, disk: &SimDisk, is_power_cut: bool) -> Result<(), String> {
        let (mode, deliveries, history) = (self.session.mode, self.deliveries, self.session.history.clone());
        let image = mode.open(disk, LEDGER).map_err(|error| format!("the image does not open: {error}"))?;
        let is_kept = mode.durability == Durability::Synced || !is_power_cut;
        let promised = if is_kept { history.acknowledged.max(history.durable) } else { history.durable };
        history.clone().recovered(&image, promised.max(deliveries.delivered as usize))?;
        let durable = image.journal().durable_seq().get();
        let found = image.journal().subscriptions().map_err(|error| error.to_string())?;
        let position = found.iter().find(|info| info.name == MAILER);
        if position.is_none() && deliveries.is_created {
            return Err("the subscription is gone".to_owned());
        }
        if let Some(position) = position {
            let position = position.acknowledged.ok_or("the position is damaged")?.get();
            deliveries.check_position(position, if is_power_cut { deliveries.synced } else { deliveries.returned })?;
            let mailer = image.journal().subscribe_as(MAILER, Seq::ZERO).map_err(|error| error.to_string())?;
            let count = (durable - position) as usize;
            let seqs: Result<Vec<u64>, _> =
                mailer.take(count).map(|event| event.map(|event| event.seq().get())).collect();
            if seqs.as_deref().map_err(ToString::to_string)? != (position + 1..=durable).collect::<Vec<_>>() {
                return Err(format!("{seqs:?} came after event {position}, up to event {durable}"));
            }
        }
        check_copy(disk, mode, &history, deliveries.backed_up)?;
        match image.admin().backup(COPY) {
            Ok(report) => check_copy(disk, mode, &history, report.seq.get()),
            // it has an event that the image has lost, because a sync failed
            Err(error) if error.kind() == ErrorKind::NotApplicable && promised < history.executed() => Ok(()),
            Err(error) => Err(format!("the backup cannot be continued: {error}")),
        }
    }
}

impl Deliveries {
    fn check_position(&self, found: u64, least: u64) -> Result<(), String> {
        match (least..=self.begun).contains(&found) {
            true => Ok(()),
            false => Err(format!("the position is {found}, and not between {least} and {}", self.begun)),
        }
    }
}

/// A backup is missing before the first one has succeeded, or opens with at least this event.
fn check_copy(disk: &SimDisk, mode: Mode, history: &ExpectedHistory, at_least: u64) -> Result<(), String> {
    if at_least == 0 && !exists(disk, COPY) {
        return Ok(());
    }
    let copy = mode.open(&disk.fork(), COPY).map_err(|error| format!("the backup does not open: {error}"))?;
    history.clone().recovered(&copy, at_least as usize).map_err(|why| format!("the backup: {why}"))
}
