//! Keys of encrypted and chained images, from files or from the environment; never from an argument, which other users can see.

use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::admin::keys::GivenKeys;
use crate::disk::text_file;
use crate::keys::{Key, Keys};

/// The environment variables with the keys, if no file is given.
const ENCRYPTION: &str = "MEMIMAGE_ENCRYPTION_KEYS";
const CHAIN: &str = "MEMIMAGE_CHAIN_KEYS";
/// The length of a key, in hexadecimal digits.
const DIGITS: usize = 64;

/// Where the keys of an image are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct KeyArguments {
    /// A file with the keys of an encrypted image: lines of a number and 64 hexadecimal digits, such as "3 5f0c…".
    /// Without it, the variable MEMIMAGE_ENCRYPTION_KEYS has these lines.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Keys")]
    encryption_keys: Option<PathBuf>,
    /// A file with the keys of the image's chain, in the same form. Without it, the variable MEMIMAGE_CHAIN_KEYS has these lines.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Keys")]
    chain_keys: Option<PathBuf>,
}

impl KeyArguments {
    pub(crate) fn read(&self) -> Result<GivenKeys, Failure> {
        read(self.encryption_keys.as_deref(), self.chain_keys.as_deref())
    }
}

/// The keys in these files; without a file, those in the environment variable.
pub(crate) fn read(encryption: Option<&Path>, chain: Option<&Path>) -> Result<GivenKeys, Failure> {
    Ok(GivenKeys { encryption: read_one(encryption, ENCRYPTION)?, chain: read_one(chain, CHAIN)? })
}

fn read_one(file: Option<&Path>, variable: &str) -> Result<Option<Keys>, Failure> {
    let (text, source) = match file {
        Some(file) => {
            let missing = || Failure::Other(format!("{}: there is no file with keys", file.display()));
            let text = text_file::read(file)?.ok_or_else(missing)?;
            (Zeroizing::new(text), file.display().to_string())
        }
        None => match std::env::var(variable) {
            Ok(text) => (Zeroizing::new(text), format!("the variable {variable}")),
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(error) => return Err(Failure::Other(format!("the variable {variable}: {error}"))),
        },
    };
    parse(&text).map(Some).map_err(|what| Failure::Usage(format!("{source}: {what}")))
}

/// Parses lines of a number and a key. The key with the highest number is the current one.
fn parse(text: &str) -> Result<Keys, String> {
    let mut keys: Vec<(u32, [u8; 32])> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |what: &str| {
            format!("line {}: {what}; help: write a number, a space and {DIGITS} hexadecimal digits", index + 1)
        };
        let (number, digits) =
            line.split_once(char::is_whitespace).ok_or_else(|| fault("there is no key after the number"))?;
        let number = number.parse().map_err(|_| fault("the number is not between 0 and 4294967295"))?;
        let key = key(digits.trim()).ok_or_else(|| fault("this is no key"))?;
        keys.push((number, key));
    }
    let Some(current) = keys.iter().map(|(number, _)| *number).max() else { return Err("there is no key".to_owned()) };
    Ok(Keys::new(current, move |number| keys.iter().find(|(known, _)| *known == number).map(|(_, key)| Key::new(*key))))
}

fn key(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}
