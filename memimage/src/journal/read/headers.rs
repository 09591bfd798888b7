//! The headers of a journal's segments, intact or not: the identity of the image, and the protection of each segment.

use std::collections::BTreeSet;
use std::path::Path;

use super::segments::key_mismatch;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::Error;
use crate::journal::format::segment::{HeaderFault, Identity, KeyMismatch, SEGMENT_HEADER, SegmentHeader};
use crate::journal::layout::Layout;
use crate::keys::{KeyIds, Keyring, Protection};
use crate::seq::SegmentId;

/// The headers as read, before they are checked against the keys.
pub(crate) struct Headers {
    layout: Layout,
    all: Vec<UncheckedHeader>,
    identity: Option<Identity>,
}

/// A header as read.
struct UncheckedHeader {
    segment: SegmentId,
    header: Result<SegmentHeader, HeaderFault>,
    bytes: Box<[u8; SEGMENT_HEADER]>,
}

/// A header that has been checked against the keys.
pub(crate) struct CheckedHeader {
    pub(crate) segment: SegmentId,
    pub(crate) header: Result<SegmentHeader, HeaderFault>,
    pub(crate) standing: HeaderStanding,
}

impl CheckedHeader {
    /// The length that the segment was created with; `None` if its header is not trusted.
    pub(crate) fn len(&self) -> Option<u64> {
        match (&self.header, &self.standing) {
            (Ok(header), HeaderStanding::Own(_)) => Some(header.len),
            _ => None,
        }
    }
}

/// The result of checking a header.
pub(crate) enum HeaderStanding {
    /// The header belongs to this segment of this image. Contains the protection of its frames.
    Own(Protection),
    /// The header is damaged, of a newer format, of another segment, or of another image.
    Foreign,
    /// Someone without the key changed or replaced the header. Contains the cause.
    Forged(&'static str),
}

/// All headers, checked against the keys.
pub(crate) struct CheckedHeaders {
    pub(crate) headers: Vec<CheckedHeader>,
    pub(crate) identity: Option<Identity>,
    pub(crate) proven_keys: ProvenKeys,
}

/// The ids of the keys that are proven correct, because they unlocked something.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProvenKeys {
    pub(crate) ciphers: BTreeSet<u32>,
    pub(crate) chains: BTreeSet<u32>,
}

impl ProvenKeys {
    /// Adds these keys, which unlocked something.
    pub(crate) fn add(&mut self, key_ids: KeyIds) {
        self.ciphers.extend(key_ids.cipher);
        self.chains.extend(key_ids.chain);
    }

    /// Whether all of these keys are proven correct. No keys need no proof: the result is then true.
    pub(crate) fn has(&self, key_ids: KeyIds) -> bool {
        key_ids.cipher.is_none_or(|id| self.ciphers.contains(&id))
            && key_ids.chain.is_none_or(|id| self.chains.contains(&id))
    }

    /// The cause in an error about data that these keys refuse, if the keys have unlocked nothing else.
    pub(crate) fn misses(&self, key_ids: KeyIds) -> String {
        let cipher =
            key_ids.cipher.filter(|id| !self.ciphers.contains(id)).map(|id| format!("key {id} of `encryption`"));
        let chain = key_ids.chain.filter(|id| !self.chains.contains(id)).map(|id| format!("key {id} of `chain`"));
        let keys: Vec<String> = cipher.into_iter().chain(chain).collect();
        format!(
            "the file does not match {}: either it was written with another key, or somebody without the key changed it; help: \
             pass the key with which the image was written; if it is that key, move the file out of the image",
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
        // the identity that most headers have, the first one if several do: a foreign file must not make the others foreign
        let counted = |identity: &Identity| identities().filter(|other| *other == identity).count();
        let most = identities().map(counted).max();
        let identity = identities().find(|identity| Some(counted(identity)) == most).cloned();
        Ok(Headers { layout: layout.clone(), all, identity })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The identity of the image; `None` if no header is readable. The seed of an encrypted image is not known yet.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The protection of the image, according to its first header that names any keys.
    pub(crate) fn key_ids(&self) -> KeyIds {
        let of_image =
            |header: &&SegmentHeader| Some(&header.identity) == self.identity() && header.key_ids != KeyIds::default();
        let headers = self.all.iter().filter_map(|found| found.header.as_ref().ok());
        headers.filter(of_image).map(|header| header.key_ids).next().unwrap_or_default()
    }

    /// Checks the headers against the keys. If a key unlocks some headers and refuses others, someone without the key
    /// changed the others.
    ///
    /// # Errors
    ///
    /// If a key is missing, or if a key is wrong: it unlocks none of the headers that name it.
    pub(crate) fn unlock(self, keyring: &Keyring) -> Result<CheckedHeaders, Error> {
        let (mut headers, mut proven_keys, mut identity, mut refused) =
            (Vec::new(), ProvenKeys::default(), None, Vec::new());
        for UncheckedHeader { segment, mut header, bytes } in self.all {
            let path = self.layout.segment(segment);
            let standing = match &mut header {
                Ok(header) if Some(&header.identity) == self.identity.as_ref() => {
                    match unlock(header, &bytes, keyring, &path) {
                        Ok(protection) => {
                            proven_keys.add(header.key_ids);
                            // unlocking an encrypted header decrypts its seed
                            let of_image = header.identity == *identity.get_or_insert_with(|| header.identity.clone());
                            if of_image && header.segment == segment {
                                HeaderStanding::Own(protection)
                            } else {
                                HeaderStanding::Foreign
                            }
                        }
                        Err(refusal) => {
                            let what = refusal.what;
                            refused.push(refusal);
                            HeaderStanding::Forged(what)
                        }
                    }
                }
                _ => HeaderStanding::Foreign,
            };
            headers.push(CheckedHeader { segment, header, standing });
        }
        let unlocked = identity.is_some();
        match refused.into_iter().find(|refusal| !unlocked || !proven_keys.has(refusal.keys)) {
            Some(refusal) => Err(refusal.error),
            None => Ok(CheckedHeaders { headers, identity, proven_keys }),
        }
    }
}

/// The refusal of a header.
struct HeaderRefusal {
    /// The keys that refused the header. If they unlocked other headers, somebody without the keys changed this header.
    /// Otherwise the keys may be wrong.
    keys: KeyIds,
    what: &'static str,
    error: Error,
}

fn unlock(
    header: &mut SegmentHeader,
    bytes: &[u8; SEGMENT_HEADER],
    keyring: &Keyring,
    path: &Path,
) -> Result<Protection, HeaderRefusal> {
    let protection =
        keyring.protection(header.key_ids, &header.identity.uuid, path).map_err(|error| HeaderRefusal {
            // A key that the callback does not have has unlocked nothing, so it is always an error. A header with another kind
            // of protection names no keys here, and no keys need no proof: it counts as forged if any header was unlocked.
            keys: if keyring.matches(header.key_ids) { header.key_ids } else { KeyIds::default() },
            what: "the protection in the segment's header differs from that of the rest of the image",
            error,
        })?;
    header.verify_keys(bytes, &protection).map(|()| protection).map_err(|which| HeaderRefusal {
        keys: match which {
            KeyMismatch::Cipher(id) => KeyIds { cipher: Some(id), chain: None },
            KeyMismatch::Chain(id) => KeyIds { cipher: None, chain: Some(id) },
        },
        what: "the segment's header does not verify with the key",
        error: key_mismatch(path, which),
    })
}
