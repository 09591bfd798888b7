//! Checking an image: reading all of it and telling what is damaged, what that means, and what can be done. Needs no model
//! and no lock, and changes nothing.

// each uses those above it
mod report;
mod findings;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use report::{CheckReport, Finding, RepairOption, Severity};

use super::examine::examination::Examination;
use super::examine::files;
use super::keys::{GivenKeys, Task};
use crate::disk::{Disk, RealDisk, failed};
use crate::error::Error;
use crate::journal::Layout;
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::seq::Seq;

const TASK: Task = Task { name: "memimage::admin::check", builder: "memimage::admin::Check" };
/// How often an image is read whose owner changes it meanwhile.
const READINGS: u32 = 6;
/// How long to rest before it is read again.
const PAUSE: Duration = Duration::from_millis(5);

/// Reads all of the image at `path` and tells what is wrong with it, and what to do. Changes nothing.
///
/// It takes no lock and needs no model, so it can look at an image that its program refuses, and at one that is open: what
/// is just being written is no damage, and what looks damaged is read again before it is called so.
///
/// What is held against what: each frame's checksums, place in the chain, seqs and epoch; the end of the journal against all
/// evidence of what was synced, by the rule that opening has; each table of shapes, and each event's payload against its
/// shape; each snapshot and base, all of it; names and permissions. What a program's own types make of it is not known
/// here: a type that the shape gives by name only is passed over, and states of more than 4 MiB are held against their
/// checksums only. That all of it replays, only opening the image shows.
///
/// One segment is in memory at a time.
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds.
/// #     #[command]
/// #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("image");
/// # Image::<Counter>::open(&path)?.add(1)?;
/// let checked = memimage::admin::check(&path)?;
/// println!("{checked}");
/// for mend in checked.mends() {
///     println!("to mend it: {mend}");
/// }
/// assert!(checked.is_sound());
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// If there is no image at the path, not even a damaged one, or if its directories cannot be read; if it is encrypted or chained
/// ([`is_key`](Error::is_key)), which takes a [`Check`] with its keys. What is wrong with its files is no error but a finding.
pub fn check(path: impl AsRef<Path>) -> Result<CheckReport, Error> {
    Check::new().run(path)
}

/// As [`check`], on a disk of your choice.
///
/// # Errors
///
/// As [`check`].
#[cfg(feature = "sim")]
pub fn check_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
    Check::new().run_with(disk, path)
}

/// A check with options; see [`check()`].
///
/// With its keys, all of an image that is encrypted or chained is read as any other, and held to them: the whole journal, from
/// its first frame to its last, and each snapshot and base. What was changed by somebody who has not the key is damage, with its
/// place. That the end is missing, or that all of it is as it was at an earlier time, is not seen: compare the chain's last link
/// with one that was kept elsewhere.
///
/// ```no_run
/// # #[cfg(all(feature = "chain", feature = "encryption"))] {
/// # use memimage::{Key, Keys};
/// # fn fetch(number: u32) -> Option<[u8; 32]> { None }
/// let keys = Keys::new(3, |number| fetch(number).map(Key::new)); // those that the program opens the image with
/// let checked = memimage::admin::Check::new().encryption(keys.clone()).chain(keys).run("bank.image")?;
/// println!("{checked}"); // … chained under key 3; the chain holds up to event 1234, with the link …
/// let head = checked.chain_head; // to be compared with the one that was kept
/// # }
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is checked until `run` is called"]
pub struct Check {
    keys: GivenKeys,
}

impl Check {
    /// As [`check()`] does it.
    pub fn new() -> Check {
        Check::default()
    }

    /// The keys under which the image is encrypted, as [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Check {
        self.keys.encryption = Some(keys);
        self
    }

    /// The keys of the image's chain, as [`Options::chain`](crate::Options::chain).
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Check {
        self.keys.chain = Some(keys);
        self
    }

    /// Checks.
    ///
    /// # Errors
    ///
    /// As [`check()`]; also if a key is missing or is another than the one it was written with, or if keys were given for an image
    /// that is not protected so ([`is_key`](Error::is_key)).
    pub fn run(self, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
        check_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), path.as_ref(), &self.keys.keyring())
    }

    /// As [`run`](Check::run), on a disk of your choice.
    ///
    /// # Errors
    ///
    /// As [`run`](Check::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
        check_on(&disk, path.as_ref(), &self.keys.keyring())
    }
}

fn check_on(disk: &Arc<dyn Disk>, path: &Path, keyring: &Arc<Keyring>) -> Result<CheckReport, Error> {
    let layout = Layout::new(path);
    let mut before = read(disk, &layout, keyring);
    for reading in 1..READINGS {
        if before.as_ref().is_ok_and(|checked| checked.worst() <= Some(Severity::Note)) {
            break;
        }
        // an owner may have been at it
        std::thread::sleep(PAUSE);
        let after = read(disk, &layout, keyring);
        if let (Ok(before), Ok(after)) = (&before, &after)
            && (before.findings == after.findings || reading == READINGS - 1)
        {
            let mut after = after.clone();
            // what has passed was being written
            after.findings.retain(|finding| finding.severity == Severity::Note || before.findings.contains(finding));
            return Ok(after);
        }
        let same = matches!((&before, &after), (Err(was), Err(is)) if was.to_string() == is.to_string());
        before = after;
        if same {
            break;
        }
    }
    before
}

fn read(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<CheckReport, Error> {
    layout.survey(&**disk)?.image(layout)?;
    let lock = layout.lock();
    let owner = disk.owner(&lock).map_err(|error| failed("looking at", &lock, error))?;
    let examination = Examination::of(disk, layout, keyring, TASK)?;
    let mut checked = summary(&examination, owner)?;
    findings::journal(&examination, &mut checked);
    findings::states(&examination, &mut checked);
    findings::beginning(&examination, &mut checked);
    findings::durable(&examination, &mut checked)?;
    // before what is only noted, which may be more than is listed
    files::linked(&examination, &mut checked);
    files::look(&**disk, layout, &mut checked)?;
    Ok(checked)
}

fn summary(found: &Examination, owner: Option<String>) -> Result<CheckReport, Error> {
    let identity = found.trail.identity();
    let mut bytes = 0;
    for entry in
        found.disk.list(&found.layout.journal()).map_err(|error| failed("listing", &found.layout.journal(), error))?
    {
        let is_segment = found.segments.iter().any(|segment| found.trail.path(*segment).ends_with(&entry.name));
        bytes += if is_segment { entry.len } else { 0 };
    }
    let good = |is_base: bool| {
        let mut seqs: Vec<Seq> = found
            .states
            .iter()
            .filter(|state| state.is_base == is_base && state.flaw.is_none())
            .map(|state| state.seq)
            .collect();
        seqs.dedup();
        seqs
    };
    Ok(CheckReport {
        path: found.layout.root().to_owned(),
        owner,
        model: identity.map(|identity| identity.model.clone()),
        uuid: identity.map(|identity| identity.uuid),
        encryption: found.fit.ciphers.iter().copied().collect(),
        chain: found.fit.chains.iter().copied().collect(),
        #[cfg(feature = "chain")]
        chain_head: found.chain_end().map(|end| crate::ChainHead::new(end.before(), end.previous.mac)),
        segments: found.segments.len() as u64,
        bytes,
        frames: found.content.frames,
        events: found.content.events,
        first: found.content.first,
        last: found.content.last,
        durable: found.evidence,
        epoch: found.trailed.epoch.max(found.block.map_or(0, |block| block.epoch)),
        snapshots: good(false),
        base: good(true).first().copied(),
        voids: found.content.voided.iter().map(|voided| voided.decision.clone()).collect(),
        findings: Vec::new(),
        unlisted: found.trailed.unlisted,
    })
}
