//! The headers of a journal's segments, whatever they are: whose journal it is, and what protects each of its segments.

use std::collections::BTreeSet;
use std::path::Path;

use super::segments::locked;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::Error;
use crate::journal::format::segment::{HeaderFault, Identity, KeyMismatch, SEGMENT_HEADER, SegmentHeader};
use crate::journal::layout::Layout;
use crate::keys::{KeyIds, Keyring, Protection};
use crate::seq::SegmentId;

/// The headers as they were read, which takes no keys.
pub(crate) struct Headers {
    layout: Layout,
    all: Vec<UncheckedHeader>,
    identity: Option<Identity>,
}

/// A header as it was read.
struct UncheckedHeader {
    segment: SegmentId,
    header: Result<SegmentHeader, HeaderFault>,
    bytes: Box<[u8; SEGMENT_HEADER]>,
}

/// A header that was held to the keys.
pub(crate) struct CheckedHeader {
    pub(crate) segment: SegmentId,
    pub(crate) header: Result<SegmentHeader, HeaderFault>,
    pub(crate) standing: HeaderStanding,
}

impl CheckedHeader {
    /// The length that the segment was made with, if its header can be believed.
    pub(crate) fn len(&self) -> Option<u64> {
        match (&self.header, &self.standing) {
            (Ok(header), HeaderStanding::Own(_)) => Some(header.len),
            _ => None,
        }
    }
}

/// What a header is to the image.
pub(crate) enum HeaderStanding {
    /// One of its own, and what protects the frames of the segment.
    Own(Protection),
    /// Damaged, newer, of another segment, or of another image.
    Strange,
    /// It was changed, or put there, by somebody who has not the key.
    Forged(&'static str),
}

/// All headers, held to the keys.
pub(crate) struct CheckedHeaders {
    pub(crate) headers: Vec<CheckedHeader>,
    pub(crate) identity: Option<Identity>,
    pub(crate) fit: ProvenKeys,
}

/// The numbers of the keys that are known to be the right ones, since something was unlocked by them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProvenKeys {
    pub(crate) ciphers: BTreeSet<u32>,
    pub(crate) chains: BTreeSet<u32>,
}

impl ProvenKeys {
    /// Something of this form was unlocked.
    pub(crate) fn add(&mut self, form: KeyIds) {
        self.ciphers.extend(form.cipher);
        self.chains.extend(form.chain);
    }

    /// Whether the keys of this form are known to be the right ones.
    pub(crate) fn has(&self, form: KeyIds) -> bool {
        form.cipher.is_none_or(|id| self.ciphers.contains(&id)) && form.chain.is_none_or(|id| self.chains.contains(&id))
    }

    /// What is wrong with something of this form that its keys do not unlock, though nothing else is unlocked by them.
    pub(crate) fn misses(&self, form: KeyIds) -> String {
        let cipher = form.cipher.filter(|id| !self.ciphers.contains(id)).map(|id| format!("key {id} of `encryption`"));
        let chain = form.chain.filter(|id| !self.chains.contains(id)).map(|id| format!("key {id} of `chain`"));
        let keys: Vec<String> = cipher.into_iter().chain(chain).collect();
        format!(
            "what was given as {} is another key than the one it was written with, or it was changed since by somebody who \
             has not that key; nothing else in the image tells which",
            keys.join(" and ")
        )
    }
}

impl Headers {
    /// Reads the headers of these segments.
    pub(crate) fn read(disk: &dyn Disk, layout: &Layout, segments: &[SegmentId]) -> Result<Headers, Error> {
        let mut all = Vec::new();
        for &segment in segments {
            let file = StoredFile::open(disk, &layout.segment(segment), Access::Read)?;
            let mut bytes = Box::new([0; SEGMENT_HEADER]);
            let header = match file.read_up_to(&mut bytes[..], 0) {
                Ok(SEGMENT_HEADER) => SegmentHeader::decode(&bytes),
                Ok(_) => Err(HeaderFault::Damaged("the file ends within its header")),
                Err(_) => Err(HeaderFault::Damaged("the header cannot be read")),
            };
            all.push(UncheckedHeader { segment, header, bytes });
        }
        let identities = || all.iter().filter_map(|found| found.header.as_ref().ok()).map(|header| &header.identity);
        // that of most, and of the first of those; a strange file among them does not make the others strange
        let counted = |identity: &Identity| identities().filter(|other| *other == identity).count();
        let most = identities().map(counted).max();
        let identity = identities().find(|identity| Some(counted(identity)) == most).cloned();
        Ok(Headers { layout: layout.clone(), all, identity })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whose journal it is; `None` if no header says so. The seed of an encrypted one is not known yet.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// How the image is protected, by the first of its headers that says so.
    pub(crate) fn form(&self) -> KeyIds {
        let of_image =
            |header: &&SegmentHeader| Some(&header.identity) == self.identity() && header.form != KeyIds::default();
        let headers = self.all.iter().filter_map(|found| found.header.as_ref().ok());
        headers.filter(of_image).map(|header| header.form).next().unwrap_or_default()
    }

    /// Holds them to the keys. What some of them refuse and others of the same key do not was changed by somebody who has not
    /// the key.
    ///
    /// # Errors
    ///
    /// If a key is missing, or if none of the headers that name a key is unlocked by it: then it is the wrong one.
    pub(crate) fn unlock(self, keyring: &Keyring) -> Result<CheckedHeaders, Error> {
        let (mut headers, mut fit, mut identity, mut refused) = (Vec::new(), ProvenKeys::default(), None, Vec::new());
        for UncheckedHeader { segment, mut header, bytes } in self.all {
            let path = self.layout.segment(segment);
            let standing = match &mut header {
                Ok(header) if Some(&header.identity) == self.identity.as_ref() => {
                    match unlock(header, &bytes, keyring, &path) {
                        Ok(protection) => {
                            fit.add(header.form);
                            // that of an encrypted header has its seed now
                            let of_image = header.identity == *identity.get_or_insert_with(|| header.identity.clone());
                            match of_image && header.segment == segment {
                                true => HeaderStanding::Own(protection),
                                false => HeaderStanding::Strange,
                            }
                        }
                        Err(refusal) => {
                            let what = refusal.what;
                            refused.push(refusal);
                            HeaderStanding::Forged(what)
                        }
                    }
                }
                _ => HeaderStanding::Strange,
            };
            headers.push(CheckedHeader { segment, header, standing });
        }
        let unlocked = identity.is_some();
        match refused.into_iter().find(|refusal| !unlocked || !fit.has(refusal.told_by)) {
            Some(refusal) => Err(refusal.error),
            None => Ok(CheckedHeaders { headers, identity, fit }),
        }
    }
}

/// Why a header was not unlocked.
struct Refusal {
    /// What it is if other headers were unlocked by these keys. Else the key may as well be another.
    told_by: KeyIds,
    what: &'static str,
    error: Error,
}

fn unlock(
    header: &mut SegmentHeader,
    bytes: &[u8; SEGMENT_HEADER],
    keyring: &Keyring,
    path: &Path,
) -> Result<Protection, Refusal> {
    let protection = keyring.protection(header.form, &header.identity.uuid, path).map_err(|error| Refusal {
        // a key that is missing is told of, whatever others were unlocked
        told_by: if keyring.matches(header.form) { header.form } else { KeyIds::default() },
        what: "it is not protected in the way that the rest of the image is",
        error,
    })?;
    header.verify_keys(bytes, &protection).map(|()| protection).map_err(|which| Refusal {
        told_by: match which {
            KeyMismatch::Cipher(id) => KeyIds { cipher: Some(id), chain: None },
            KeyMismatch::Chain(id) => KeyIds { cipher: None, chain: Some(id) },
        },
        what: "its first 4096 bytes are not what the key makes of them",
        error: locked(path, which),
    })
}
