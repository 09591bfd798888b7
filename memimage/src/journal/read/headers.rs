//! Reads the headers of a journal's segments, intact or not, and determines the identity of the image and the protection of
//! each segment.

use std::collections::BTreeSet;
use std::path::Path;

use super::segments::key_mismatch;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::Error;
use crate::journal::format::segment::{HeaderFault, Identity, KeyMismatch, SEGMENT_HEADER, SegmentHeader};
use crate::journal::layout::Layout;
use crate::keys::{KeyIds, Keyring, Protection};
use crate::seq::SegmentId;

/// The headers of all segments, before they are checked against the keys.
pub(crate) struct Headers {
    layout: Layout,
    all: Vec<UncheckedHeader>,
    identity: Option<Identity>,
    /// The identity in an intact snapshot or base, and the keys that unlocked that file. This identity is used if no header of
    /// a segment is readable.
    of_state: Option<(Identity, KeyIds)>,
}

/// An unchecked header.
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
    /// The length with which the segment was created; `None` if its header is not trusted.
    pub(crate) fn len(&self) -> Option<u64> {
        match (&self.header, &self.standing) {
            (Ok(header), HeaderStanding::Own(_)) => Some(header.len),
            _ => None,
        }
    }
}

/// The result of checking a header.
pub(crate) enum HeaderStanding {
    /// The header belongs to this segment of this image. The value is the protection of the segment's frames.
    Own(Protection),
    /// The header is damaged, has a newer format, or belongs to another segment or image.
    Foreign,
    /// Someone without the key changed or replaced the header. The string names the cause, for messages.
    Forged(&'static str),
}

/// All headers, checked against the keys.
pub(crate) struct CheckedHeaders {
    pub(crate) headers: Vec<CheckedHeader>,
    pub(crate) identity: Option<Identity>,
    pub(crate) proven_keys: ProvenKeys,
}

/// The ids of the keys that are proven correct, because they unlocked a header or another file.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProvenKeys {
    pub(crate) ciphers: BTreeSet<u32>,
    pub(crate) chains: BTreeSet<u32>,
}

impl ProvenKeys {
    /// Adds the ids of keys that unlocked a header or another file.
    pub(crate) fn add(&mut self, key_ids: KeyIds) {
        self.ciphers.extend(key_ids.cipher);
        self.chains.extend(key_ids.chain);
    }

    /// Whether all of these keys are proven correct. Also true if `key_ids` contains no keys.
    pub(crate) fn has(&self, key_ids: KeyIds) -> bool {
        key_ids.cipher.is_none_or(|id| self.ciphers.contains(&id))
            && key_ids.chain.is_none_or(|id| self.chains.contains(&id))
    }

    /// The text of an error for data that does not verify with these keys. Of these keys, the text names those that have
    /// unlocked nothing else.
    pub(crate) fn misses(&self, key_ids: KeyIds) -> String {
        let cipher =
            key_ids.cipher.filter(|id| !self.ciphers.contains(id)).map(|id| format!("key {id} of `encryption`"));
        let chain = key_ids.chain.filter(|id| !self.chains.contains(id)).map(|id| format!("key {id} of `chain`"));
        let keys: Vec<String> = cipher.into_iter().chain(chain).collect();
        format!(
            "the file does not match {}: either it was written with another key, or somebody without the key changed it; help: \
             pass the key with which the image was written; if you already passed that key, move the file out of the image",
            keys.join(" and ")
        )
    }
}

impl Headers {
    /// Reads the headers of these segments. `states` lists the identities in the snapshots and bases.
    ///
    /// The identity to which most of these files belong is taken as the identity of the image; `journal/durable` counts as two
    /// files. So a few foreign files do not decide the identity, not even after a repair has removed many of the image's own
    /// files.
    pub(crate) fn read(
        disk: &dyn Disk,
        layout: &Layout,
        segments: &[SegmentId],
        states: &[Identity],
    ) -> Result<Headers, Error> {
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
        let headers = || all.iter().filter_map(|found| found.header.as_ref().ok()).map(|header| &header.identity);
        let mut votes: Vec<(&Identity, usize)> = Vec::new();
        for identity in headers().chain(states) {
            match votes.iter_mut().find(|(other, _)| *other == identity) {
                Some((_, count)) => *count += 1,
                None => votes.push((identity, 1)),
            }
        }
        for (identity, count) in &mut votes {
            *count += if layout.read_watermark(disk, &identity.uuid)?.is_some() { 2 } else { 0 };
        }
        // if several identities have the most votes, the first of these wins
        let most = votes.iter().map(|(_, count)| *count).max();
        let identity = votes.iter().find(|(_, count)| Some(*count) == most).map(|(identity, _)| (*identity).clone());
        Ok(Headers { layout: layout.clone(), all, identity, of_state: None })
    }

    /// Whether the header of any segment contains the identity of the image.
    pub(crate) fn has_identity(&self) -> bool {
        self.all.iter().any(|found| found.header.as_ref().is_ok_and(|header| Some(&header.identity) == self.identity()))
    }

    /// Adds the identity in an intact snapshot or base, and the keys that unlocked that file.
    pub(crate) fn with_state(self, of_state: Option<(Identity, KeyIds)>) -> Headers {
        Headers { of_state, ..self }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The identity of the image; `None` if no header, snapshot or base is readable. If the image is encrypted, this identity
    /// does not contain the seed yet.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The protection of the image, according to the first of its headers that contains key ids.
    pub(crate) fn key_ids(&self) -> KeyIds {
        let of_image =
            |header: &&SegmentHeader| Some(&header.identity) == self.identity() && header.key_ids != KeyIds::default();
        let headers = self.all.iter().filter_map(|found| found.header.as_ref().ok());
        headers.filter(of_image).map(|header| header.key_ids).next().unwrap_or_default()
    }

    /// Checks the headers against the keys. If some headers verify with a key and others do not, someone without the key
    /// changed the others.
    ///
    /// # Errors
    ///
    /// Fails if a key is missing, or if a key is wrong because it unlocks none of the headers that contain its id.
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
        if identity.is_none()
            && let Some((of_state, key_ids)) = self.of_state
        {
            proven_keys.add(key_ids);
            identity = Some(of_state);
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
    /// The keys with which the header did not verify. If these keys unlocked other headers, somebody without the keys changed
    /// this header; if not, the keys may be wrong.
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
            // A key that the user's callback does not provide has unlocked nothing, so its absence is always an error. If a
            // header has another kind of protection than the image, no keys are listed here, so that the header counts as
            // forged once another file has been unlocked.
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
