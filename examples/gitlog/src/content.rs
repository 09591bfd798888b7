//! Contents of files, compressed.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use memimage::Shape;
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;

/// The content of a file, or the target of a symbolic link. Compressed before it becomes part of a command, so that journal,
/// snapshots and memory hold it compressed, and replay does not depend on the compressor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub(crate) struct Content(Bytes);

impl Content {
    pub(crate) fn compress(bytes: &[u8]) -> Content {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        Content(compressed.expect("a vector can be written").into())
    }

    pub(crate) fn decompress(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        ZlibDecoder::new(&self.0[..]).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The number of bytes after compression.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_smaller_while_compressed_and_the_same_afterwards() {
        for bytes in [vec![], vec![7], b"memory image ".repeat(1000), (0..=255).collect()] {
            let content = Content::compress(&bytes);
            assert_eq!(content.decompress().unwrap(), bytes);
            assert!(content.len() < bytes.len().max(300), "{} of {}", content.len(), bytes.len());
        }
    }
}
