//! Whether an image is encrypted and chained, with keys that all tests use.

use memimage::admin::{Check, Repair, RepairAction, Rewrite};
use memimage::{Key, Keys, Model, Options};

/// The protection of an image's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Protected {
    Plain,
    Chained,
    Encrypted,
    Both,
}

impl Protected {
    /// All kinds of protection.
    pub const ALL: [Protected; 4] = [Protected::Plain, Protected::Chained, Protected::Encrypted, Protected::Both];

    fn encryption(self) -> Option<Keys> {
        matches!(self, Protected::Encrypted | Protected::Both).then(|| Keys::one(Key::new([0xE5; 32])))
    }

    fn chain(self) -> Option<Keys> {
        matches!(self, Protected::Chained | Protected::Both).then(|| Keys::one(Key::new([0xC4; 32])))
    }

    /// Options with the keys.
    pub fn options<M: Model>(self, mut options: Options<M>) -> Options<M> {
        if let Some(keys) = self.encryption() {
            options = options.encryption(keys);
        }
        if let Some(keys) = self.chain() {
            options = options.chain(keys);
        }
        options
    }

    /// A check with the keys.
    pub fn check(self) -> Check {
        let mut check = Check::new();
        if let Some(keys) = self.encryption() {
            check = check.encryption(keys);
        }
        if let Some(keys) = self.chain() {
            check = check.chain(keys);
        }
        check
    }

    /// A repair with the keys.
    pub fn repair(self, action: RepairAction) -> Repair {
        let mut repair = Repair::new(action);
        if let Some(keys) = self.encryption() {
            repair = repair.encryption(keys);
        }
        if let Some(keys) = self.chain() {
            repair = repair.chain(keys);
        }
        repair
    }

    /// A rewrite of a source with the keys to a target with the same keys.
    pub fn rewrite<'a, M: Model>(self) -> Rewrite<'a, M> {
        let mut rewrite = Rewrite::new();
        if let Some(keys) = self.encryption() {
            rewrite = rewrite.source_encryption(keys.clone()).encryption(keys);
        }
        if let Some(keys) = self.chain() {
            rewrite = rewrite.source_chain(keys.clone()).chain(keys);
        }
        rewrite
    }
}
