//! Checks an image: reads all of it, and reports the damage, its consequences, and the possible repairs. A check needs no model
//! and no lock, and changes nothing.

// each module uses only the modules above it
mod report;
mod display;
mod messages;
mod findings;
mod subscriptions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use report::{CheckReport, Finding, Severity};

use super::decision::RecordedGap;
use super::examine::{Examination, ExaminedSnapshot, refused_for_writing, survey};
use super::keys::{GivenKeys, Task};
use crate::disk::{Disk, RealDisk, absolute, failed};
use crate::error::Error;
use crate::history::Parent;
use crate::journal::Layout;
use crate::keys::Keyring;
#[cfg(any(feature = "chain", feature = "encryption"))]
use crate::keys::Keys;
use crate::seq::Seq;

const TASK: Task = Task { name: "memimage::admin::check", builder: "memimage::admin::Check" };
/// A check reads an image at most this many times while another process changes the image.
const READINGS: u32 = 20;
/// The time between two readings of the image.
const PAUSE: Duration = Duration::from_millis(5);

/// Reads all of the image at `path`, and reports each finding with its cause and the possible repairs. Changes nothing.
///
/// Because a check takes no lock and needs no model, it can read an image that is open, and an image that the program refuses
/// to open. A check does not report a write in progress as damage, because it reads the files again before it reports damage.
///
/// A check verifies:
///
/// - each frame: its checksums, its link to the previous frame, its sequence numbers, its epoch;
/// - the end of the journal: as an open does, a check compares it with all evidence of synced events;
/// - each table of shapes, and each event's payload by its shape;
/// - each snapshot and base, in full;
/// - the positions of named subscriptions;
/// - the names and permissions of files.
///
/// A check cannot verify that the program's own types accept the data. A check decodes a value only up to the first opaque part
/// (a part whose shape is only a type name). For a state larger than 4 MiB, a check verifies only the checksums. Only opening
/// the image shows that all events can be replayed.
///
/// A check keeps at most one segment of the journal in memory.
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
/// let report = memimage::admin::check(&path)?;
/// println!("{report}");
/// for repair in report.repairs() {
///     println!("possible repair: {repair}");
/// }
/// assert!(report.is_sound());
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - There is no image at the path, not even a damaged one.
/// - The image's directories cannot be read.
/// - The image is encrypted or chained, and this function takes no keys ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use a
///   [`Check`] with the image's keys.
///
/// Damage to the image's files is not an error but a finding.
pub fn check(path: impl AsRef<Path>) -> Result<CheckReport, Error> {
    Check::new().run(path)
}

/// Like [`check`], on any [`Disk`].
///
/// # Errors
///
/// The errors of [`check`].
#[cfg(feature = "sim")]
pub fn check_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
    Check::new().run_with(disk, path)
}

/// A check with options; see [`check()`].
///
/// With the keys of an encrypted or chained image, a check reads and verifies the whole image: the journal from its first frame
/// to its last, and each snapshot and base. If somebody without the keys changed the image, the check reports damage at the
/// changed position. A check cannot detect that the end of the journal is missing, or that the whole image was replaced by an
/// earlier copy. To detect a missing end or an earlier copy, compare the last link of the chain with a link that you keep
/// outside the image.
///
/// ```no_run
/// # #[cfg(all(feature = "chain", feature = "encryption"))] {
/// # use memimage::{Key, Keys};
/// # fn fetch(number: u32) -> Option<[u8; 32]> { None }
/// let keys = Keys::new(3, |number| fetch(number).map(Key::new)); // the keys that the program opens the image with
/// let report = memimage::admin::Check::new().encryption(keys.clone()).chain(keys).run("bank.image")?;
/// println!("{report}"); // … chained under key 3; the chain is valid up to event 1234, with the link …
/// let head = report.chain_head; // compare it with the link that was kept
/// # }
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is checked until `run` is called"]
pub struct Check {
    keys: GivenKeys,
}

impl Check {
    /// Creates a check without keys, like [`check()`].
    pub fn new() -> Check {
        Check::default()
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Check {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain).
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Check {
        self.keys.chain = Some(keys);
        self
    }

    /// Checks the image at `path`.
    ///
    /// # Errors
    ///
    /// The errors of [`check()`]; also [`ErrorKind::Key`](crate::ErrorKind::Key) if a key is missing or wrong, or if keys were
    /// given for a protection that the image does not have.
    pub fn run(self, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
        check_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), &absolute(path.as_ref()), &self.keys.keyring())
    }

    /// Like [`run`](Check::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Check::run).
    #[cfg(feature = "sim")]
    pub fn run_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<CheckReport, Error> {
        check_on(&disk, path.as_ref(), &self.keys.keyring())
    }
}

/// Reads the image until a reading finds nothing wrong, or two successive readings agree. Readings differ if a process is
/// writing to the image: a file that exists in one reading may be gone in the next. If no two readings agree, a finding that is
/// more than a note counts only if both of the last two complete readings contain it.
pub(in crate::admin) fn check_on(
    disk: &Arc<dyn Disk>,
    path: &Path,
    keyring: &Arc<Keyring>,
) -> Result<CheckReport, Error> {
    let layout = Layout::new(path);
    let (mut last, mut before): (Option<CheckReport>, Option<CheckReport>) = (None, None);
    let mut failure: Option<Error> = None;
    for reading in 0..READINGS {
        if reading > 0 {
            std::thread::sleep(PAUSE);
        }
        match read(disk, &layout, keyring) {
            Ok(report) if report.worst() <= Some(Severity::Note) => return Ok(report),
            Ok(report) if last.as_ref().is_some_and(|last| last.findings == report.findings) => return Ok(report),
            Ok(report) => (before, last, failure) = (last, Some(report), None),
            Err(error) if failure.as_ref().is_some_and(|failure| failure.to_string() == error.to_string()) => {
                return Err(error);
            }
            Err(error) => failure = Some(error),
        }
    }
    match (last, failure) {
        (Some(mut report), _) => {
            let is_confirmed = |finding: &Finding| {
                finding.severity == Severity::Note
                    || before.as_ref().is_none_or(|before| before.findings.contains(finding))
            };
            report.findings.retain(is_confirmed);
            Ok(report)
        }
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("there is at least one reading"),
    }
}

fn read(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<CheckReport, Error> {
    layout.survey(&**disk)?.image(layout)?;
    let lock = layout.lock();
    let owner = disk.owner(&lock).map_err(|error| failed("inspecting", &lock, error))?;
    let examination = Examination::of(disk, layout, keyring, TASK)?;
    let mut report = without_findings(&examination, owner)?;
    findings::journal(&examination, &mut report);
    findings::snapshots(&examination, &mut report);
    findings::gaps(&examination, &mut report);
    findings::missing_base(&examination, &mut report);
    findings::watermark(&examination, &mut report)?;
    subscriptions::positions(&examination, &mut report)?;
    // reports damage before the notes of the survey, because the list of findings has a maximum length
    findings::files(refused_for_writing(&examination), &mut report);
    findings::files(survey(&**disk, layout)?, &mut report);
    Ok(report)
}

/// Creates the report of an examination; the caller adds the findings.
fn without_findings(examination: &Examination, owner: Option<String>) -> Result<CheckReport, Error> {
    let Examination { content, watermark, salvaged, proven_keys, .. } = examination;
    let identity = examination.source.identity();
    Ok(CheckReport {
        path: examination.layout.root().to_owned(),
        owner,
        model: identity.map(|identity| identity.model.clone()),
        uuid: identity.map(|identity| identity.uuid),
        parent: identity.and_then(Parent::of),
        encryption: proven_keys.ciphers.iter().copied().collect(),
        chain: proven_keys.chains.iter().copied().collect(),
        #[cfg(feature = "chain")]
        chain_head: examination.chain_end().map(|end| crate::ChainHead::new(end.before(), end.previous.mac)),
        segments: examination.segments.len() as u64,
        bytes: segment_bytes(examination)?,
        frames: content.frames,
        events: content.events,
        first: content.first,
        last: content.last,
        durable: examination.evidence,
        epoch: salvaged.epoch.max(watermark.map_or(0, |watermark| watermark.life.epoch)),
        snapshots: usable(examination, |snapshot| !snapshot.is_base),
        base: usable(examination, |snapshot| snapshot.is_base).first().copied(),
        voids: content.recorded_voids.iter().map(|void| void.decision.clone()).collect(),
        gaps: content.recorded_gaps.iter().map(|recorded| RecordedGap::new(recorded.gap, &recorded.mark)).collect(),
        findings: Vec::new(),
        unlisted: salvaged.unlisted,
    })
}

/// The total length of all segment files.
fn segment_bytes(examination: &Examination) -> Result<u64, Error> {
    let journal = examination.layout.journal();
    let entries = examination.disk.list(&journal).map_err(|error| failed("listing", &journal, error))?;
    let paths: Vec<_> = examination.segments.iter().map(|segment| examination.source.path(*segment)).collect();
    let is_segment = |name| paths.iter().any(|path| path.ends_with(name));
    Ok(entries.iter().filter(|entry| is_segment(&entry.name)).map(|entry| entry.len).sum())
}

/// The events, newest first, after which the image has a usable snapshot or base.
fn usable(examination: &Examination, is_wanted: impl Fn(&ExaminedSnapshot) -> bool) -> Vec<Seq> {
    let usable = examination.examined_snapshots.iter().filter(|snapshot| snapshot.is_usable() && is_wanted(snapshot));
    let mut seqs: Vec<Seq> = usable.map(|snapshot| snapshot.seq).collect();
    seqs.dedup();
    seqs
}
