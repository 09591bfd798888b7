//! The tokens of users: JWT, signed by HMAC with SHA-256. jsonwebtoken's own providers bring RSA and elliptic curves along, of which
//! nothing here is used, so this is a provider with HMAC alone.

#![expect(clippy::disallowed_methods, reason = "the time of a token is no part of the model")]

use std::sync::{Arc, Once};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::UserId;
use crate::secret::Secret;

/// For how long a token is valid, in seconds: 60 days.
const LIFETIME: u64 = 60 * 24 * 60 * 60;

/// Issues and verifies tokens.
#[derive(Clone)]
pub struct Tokens(Arc<Keys>);

struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    iat: u64,
    exp: u64,
}

impl Tokens {
    /// The tokens that are signed with this secret.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret cannot be a key.
    pub fn new(secret: &Secret) -> Result<Tokens, Error> {
        static PROVIDER: CryptoProvider = CryptoProvider {
            signer_factory: |algorithm, key| match algorithm {
                Algorithm::HS256 => Ok(Box::new(HmacSha256::new(key.as_bytes())?)),
                _ => Err(ErrorKind::InvalidAlgorithm.into()),
            },
            verifier_factory: |algorithm, key| match algorithm {
                Algorithm::HS256 => Ok(Box::new(HmacSha256::new(key.try_get_as_bytes()?)?)),
                _ => Err(ErrorKind::InvalidAlgorithm.into()),
            },
            key_utils: KeyUtils::new_unimplemented(),
        };
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| PROVIDER.install_default().expect("nothing else in this program installs a provider"));
        let keys =
            Keys { sign: EncodingKey::from_secret(secret.bytes())?, verify: DecodingKey::from_secret(secret.bytes())? };
        Ok(Tokens(Arc::new(keys)))
    }

    /// A token for a user.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be signed.
    pub fn issue(&self, user: UserId) -> Result<String, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let claims = Claims { sub: user.0.to_string(), iat: now, exp: now + LIFETIME };
        encode(&Header::new(Algorithm::HS256), &claims, &self.0.sign)
    }

    /// The user of a valid token.
    pub fn user(&self, token: &str) -> Option<UserId> {
        let claims: Claims = decode(token, &self.0.verify, &Validation::new(Algorithm::HS256)).ok()?.claims;
        claims.sub.parse().ok().map(UserId)
    }
}

struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    fn new(key: &[u8]) -> Result<HmacSha256, Error> {
        Hmac::new_from_slice(key).map(HmacSha256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for HmacSha256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for HmacSha256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(signature::Error::from_source)
    }
}

impl JwtVerifier for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::Tokens;
    use crate::model::UserId;
    use crate::secret::Secret;

    #[test]
    fn a_token_is_valid_only_as_it_was_signed_and_with_its_secret() {
        let directory = tempfile::tempdir().unwrap();
        let secret = |name: &str| Secret::open(&directory.path().join(name)).unwrap();
        let tokens = Tokens::new(&secret("a")).unwrap();
        let token = tokens.issue(UserId(7)).unwrap();
        assert_eq!(Tokens::new(&secret("a")).unwrap().user(&token), Some(UserId(7)));
        assert_eq!(Tokens::new(&secret("b")).unwrap().user(&token), None);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // the last character of a signature has two bits that mean nothing, and decoders refuse other values for them
            assert_eq!(tokens.user(&changed), None, "character {place}");
        }
    }
}
