//! The report of a check, as text for people.

use std::fmt;

use super::report::{CheckReport, Finding, Severity};
use crate::admin::repair_action::RepairOption;
use crate::admin::seq_range::SeqRange;
use crate::admin::wording::{counted, listed};
use crate::error::Position;

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Damage => "damage",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_without_repairs(f)?;
        self.repairs.iter().try_for_each(|repair| write!(f, "\n    - {repair}"))
    }
}

impl Finding {
    fn fmt_without_repairs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`", self.severity, self.path.display())?;
        let Position { offset, seq, .. } = self.position;
        if offset.is_some() || seq.is_some() {
            write!(f, " {}", Position { segment: None, offset, seq })?;
        }
        write!(f, ": {}", self.message)?;
        if !self.help.is_empty() {
            write!(f, "; help: {}", self.help)?;
        }
        Ok(())
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_image(f)?;
        self.fmt_protection(f)?;
        match &self.owner {
            Some(owner) => writeln!(f, "  in use by {owner}")?,
            None => writeln!(f, "  not in use")?,
        }
        self.fmt_content(f)?;
        self.fmt_findings(f)?;
        f.write_str(match self.worst() {
            Some(Severity::Damage) => "damaged",
            Some(Severity::Warning) => "sound, with warnings",
            _ => "sound",
        })
    }
}

impl CheckReport {
    /// Prints which image was checked.
    fn fmt_image(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.as_deref().unwrap_or("unknown");
        writeln!(f, "image `{}` of the model `{model}`", self.path.display())?;
        match self.uuid {
            Some(uuid) => writeln!(f, "  uuid {:032x}", u128::from_be_bytes(uuid))?,
            None => return Ok(()),
        }
        match self.parent {
            Some(parent) => writeln!(f, "  rewritten or branched from {parent}"),
            None => Ok(()),
        }
    }

    /// Prints how the image is protected, and whether its chain is valid.
    fn fmt_protection(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.encryption.is_empty() {
            writeln!(f, "  encrypted under {}", keys(&self.encryption))?;
        }
        #[cfg(feature = "chain")]
        if !self.chain.is_empty() {
            write!(f, "  chained under {}; ", keys(&self.chain))?;
            match &self.chain_head {
                None => writeln!(f, "the chain is not valid")?,
                Some(head) => {
                    write!(f, "the chain is valid up to event {}, with the link ", head.seq)?;
                    head.link.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    writeln!(f)?;
                }
            }
        }
        Ok(())
    }

    /// Prints what the image contains.
    fn fmt_content(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckReport { segments, bytes, frames, events, durable, epoch, .. } = self;
        let counts = [(segments, "segment"), (bytes, "byte"), (frames, "frame"), (events, "event")];
        let counts = counts.map(|(number, noun)| counted(*number, noun)).join(", ");
        writeln!(f, "  {counts}, epoch {epoch}")?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(f, "  {}; known to be synced up to event {durable}", SeqRange { first, last })?;
        }
        if let Some(base) = self.base {
            writeln!(f, "  pruned: continues from the state after event {base}")?;
        }
        if !self.snapshots.is_empty() {
            writeln!(f, "  snapshots after {}", listed(&self.snapshots))?;
        }
        self.voids.iter().try_for_each(|decision| writeln!(f, "  void: {decision}"))?;
        self.gaps.iter().try_for_each(|gap| writeln!(f, "  lost: {gap}"))
    }

    /// Prints the findings. The same repairs apply to all damage in the journal, so repairs that several findings share are
    /// printed once, at the end.
    fn fmt_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shared: Vec<&[RepairOption]> = Vec::new();
        for finding in &self.findings {
            let repairs = &finding.repairs[..];
            let is_shared =
                !repairs.is_empty() && self.findings.iter().filter(|other| other.repairs == repairs).count() > 1;
            if is_shared && !shared.contains(&repairs) {
                shared.push(repairs);
            }
            match is_shared {
                true => finding.fmt_without_repairs(f)?,
                false => write!(f, "{finding}")?,
            }
            writeln!(f)?;
        }
        if self.unlisted > 0 {
            writeln!(f, "and {} more findings", self.unlisted)?;
        }
        if !shared.is_empty() {
            writeln!(f, "possible repairs:")?;
            shared.concat().iter().try_for_each(|repair| writeln!(f, "    - {repair}"))?;
        }
        Ok(())
    }
}

/// Formats a list of keys by their numbers.
fn keys(ids: &[u32]) -> String {
    let numbers: Vec<String> = ids.iter().map(u32::to_string).collect();
    format!("{} {}", if ids.len() == 1 { "key" } else { "keys" }, numbers.join(", "))
}
