//! Passwords: only their hashes leave this module.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};

use crate::model::PasswordHash;

/// Hashes a password by argon2id, with the crate's defaults, which are those that OWASP recommends. Takes some 20 ms and 19 MiB.
///
/// # Errors
///
/// Returns an error if the memory cannot be had.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<PasswordHash, Error> {
    let hash: Phc = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether a password has this hash. Without a hash the answer takes as long, so its time does not tell whether a user exists.
pub fn verify(password: &str, hash: Option<&PasswordHash>) -> bool {
    static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| self::hash("", [0; 16]).ok());
    let Some(known) = hash.or(NOBODY.as_ref()) else { return false };
    let Ok(parsed) = Phc::new(&known.0) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::{hash, verify};

    #[test]
    fn a_password_has_its_own_hash_only() {
        let known = hash("secret", [7; 16]).unwrap();
        assert!(known.0.starts_with("$argon2id$"));
        assert!(verify("secret", Some(&known)));
        assert!(!verify("Secret", Some(&known)));
        assert!(!verify("", None));
    }
}
