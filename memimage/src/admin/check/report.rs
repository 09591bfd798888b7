//! What a check found.

use std::fmt;
use std::path::PathBuf;

use crate::admin::decision::Decision;
use crate::admin::repair_action::{RepairAction, SeqRange, counted, listed};
use crate::error::Position;
use crate::seq::Seq;

/// The most findings that are told of one by one.
const MOST: usize = 1_000;

/// What [`check`](super::check()) found. Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The image.
    pub path: PathBuf,
    /// Who has it open, as it calls itself. What was found of the journal's end was then looked at again.
    pub owner: Option<String>,
    /// The model's name; `None` where no segment says it.
    pub model: Option<String>,
    /// The image's UUID.
    pub uuid: Option<[u8; 16]>,
    /// The numbers of the keys under which something in it is encrypted; none if it is not.
    pub encryption: Vec<u32>,
    /// The numbers of the keys of its chain; none if it has none.
    pub chain: Vec<u32>,
    /// The last link of the chain, if all links hold from the first frame that there is up to there. Compare it with the one that
    /// was [kept](crate::Admin::chain_head) elsewhere.
    #[cfg(feature = "chain")]
    pub chain_head: Option<crate::ChainHead>,
    /// Files of the journal.
    pub segments: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Frames that could be read.
    pub frames: u64,
    /// Events in them.
    pub events: u64,
    /// The first event that could be read.
    pub first: Option<Seq>,
    /// The last event that could be read.
    pub last: Option<Seq>,
    /// The highest event that anything says was synced.
    pub durable: Seq,
    /// The highest epoch: how often the image was opened for writing.
    pub epoch: u64,
    /// The events whose states stand in good snapshots, newest first.
    pub snapshots: Vec<Seq>,
    /// The event whose state a pruned journal goes on from.
    pub base: Option<Seq>,
    /// The events that were made [void](super::super::void()): by whom, when and why.
    pub voids: Vec<Decision>,
    /// What there is to be said, in the order of the files.
    pub findings: Vec<Finding>,
    /// How many more findings there are than are listed.
    pub unlisted: u64,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory.
    pub path: PathBuf,
    /// Where in the journal, as far as it has a place there.
    pub position: Position,
    /// What was found, and what it means.
    pub what: String,
    /// What to do, in words.
    pub advice: String,
    /// The repairs that mend it, the one that loses least first.
    pub mends: Vec<RepairOption>,
}

/// A repair that mends a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairOption {
    /// What to ask of [`repair`](super::super::repair()).
    pub choice: RepairAction,
    /// The events that are lost by it, and by what is to be done then.
    pub loses: Option<SeqRange>,
    /// The events that themselves leave the journal while their state stays: from then on they can no longer be replayed,
    /// rewritten or looked at, and copies in the quarantine may be the only ones there are. Only
    /// [`BeginAt`](RepairAction::BeginAt) does that.
    pub retires: Option<SeqRange>,
    /// What is to be asked of [`repair`](super::super::repair()) after it, for damage further on that it leaves as it is. A
    /// check of what it made offers that too.
    pub then: Option<RepairAction>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong.
    Note,
    /// Nothing is lost and the image opens, but somebody should look.
    Warning,
    /// Something is missing or damaged that the image needs.
    Damage,
}

impl CheckReport {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.worst() < Some(Severity::Damage)
    }

    /// The severity of the worst finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The repairs that mend something, without those that come twice.
    pub fn mends(&self) -> Vec<RepairOption> {
        let mut mends: Vec<RepairOption> = Vec::new();
        for mend in self.findings.iter().flat_map(|finding| &finding.mends) {
            if !mends.contains(mend) {
                mends.push(*mend);
            }
        }
        mends
    }

    /// Writes how it is protected, and whether its chain holds.
    fn fmt_protection(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.encryption.is_empty() {
            writeln!(f, "  encrypted under {}", keys(&self.encryption))?;
        }
        #[cfg(feature = "chain")]
        if !self.chain.is_empty() {
            write!(f, "  chained under {}; ", keys(&self.chain))?;
            match &self.chain_head {
                None => writeln!(f, "the chain does not hold")?,
                Some(head) => {
                    write!(f, "the chain holds up to event {}, with the link ", head.seq)?;
                    head.link.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    writeln!(f)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        match self.findings.len() < MOST {
            true => self.findings.push(finding),
            false => self.unlisted += 1,
        }
    }

    /// Adds a finding about a file that no repair is needed for.
    pub(crate) fn tell(&mut self, severity: Severity, path: PathBuf, what: impl Into<String>, advice: &str) {
        let (what, advice) = (what.into(), advice.to_owned());
        self.push(Finding { severity, path, position: Position::default(), what, advice, mends: Vec::new() });
    }
}

/// Keys by their numbers.
fn keys(ids: &[u32]) -> String {
    let numbers: Vec<String> = ids.iter().map(u32::to_string).collect();
    format!("{} {}", if ids.len() == 1 { "key" } else { "keys" }, numbers.join(", "))
}

impl RepairOption {
    /// A repair that gives nothing up.
    pub(crate) fn of(choice: RepairAction) -> RepairOption {
        RepairOption { choice, loses: None, retires: None, then: None }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Damage => "damage",
        })
    }
}

impl fmt::Display for RepairOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.choice)?;
        if let Some(then) = &self.then {
            write!(f, ", and then {then}")?;
        }
        match &self.loses {
            Some(loses) => write!(f, ": loses {loses}")?,
            None => f.write_str(": loses no event that is known of")?,
        }
        match &self.retires {
            Some(retires) => write!(f, ", and takes {retires} out of the journal, whose state stays"),
            None => Ok(()),
        }
    }
}

impl Finding {
    /// All but the repairs.
    fn fmt_alone(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`", self.severity, self.path.display())?;
        let Position { offset, seq, .. } = self.position;
        if offset.is_some() || seq.is_some() {
            write!(f, " {}", Position { segment: None, offset, seq })?;
        }
        write!(f, ": {}", self.what)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_alone(f)?;
        self.mends.iter().try_for_each(|mend| write!(f, "\n    - {mend}"))
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.as_deref().unwrap_or("unknown");
        writeln!(f, "image `{}` of the model `{model}`", self.path.display())?;
        if let Some(uuid) = self.uuid {
            writeln!(f, "  uuid {:032x}", u128::from_be_bytes(uuid))?;
        }
        self.fmt_protection(f)?;
        match &self.owner {
            Some(owner) => writeln!(f, "  in use by {owner}")?,
            None => writeln!(f, "  not in use")?,
        }
        let CheckReport { segments, bytes, frames, events, durable, epoch, .. } = self;
        let counts = [(segments, "segment"), (bytes, "byte"), (frames, "frame"), (events, "event")];
        let counts = counts.map(|(number, what)| counted(*number, what)).join(", ");
        writeln!(f, "  {counts}, epoch {epoch}")?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(f, "  {}; synced up to {durable} as far as is known", SeqRange { first, last })?;
        }
        if let Some(base) = self.base {
            writeln!(f, "  pruned: goes on from the state after event {base}")?;
        }
        if !self.snapshots.is_empty() {
            writeln!(f, "  snapshots after {}", listed(&self.snapshots))?;
        }
        self.voids.iter().try_for_each(|decision| writeln!(f, "  void: {decision}"))?;
        // what mends one place of damage in the journal mends all of them, and is told once
        let mut shared: Vec<&[RepairOption]> = Vec::new();
        for finding in &self.findings {
            let mends = &finding.mends[..];
            let is_shared = !mends.is_empty() && self.findings.iter().filter(|other| other.mends == mends).count() > 1;
            if is_shared && !shared.contains(&mends) {
                shared.push(mends);
            }
            match is_shared {
                true => finding.fmt_alone(f)?,
                false => write!(f, "{finding}")?,
            }
            writeln!(f)?;
        }
        if self.unlisted > 0 {
            writeln!(f, "and {} more", self.unlisted)?;
        }
        if !shared.is_empty() {
            writeln!(f, "what can be done:")?;
            shared.concat().iter().try_for_each(|mend| writeln!(f, "    - {mend}"))?;
        }
        f.write_str(match self.worst() {
            Some(Severity::Damage) => "damaged",
            Some(Severity::Warning) => "sound, with warnings",
            _ => "sound",
        })
    }
}
