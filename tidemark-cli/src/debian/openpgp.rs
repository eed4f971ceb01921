//! OpenPGP: which keys are trusted, and whether one of them signed a text (RFC 9580).
//!
//! The library verifies single signatures; which of them count is decided here: a signature by a key of the
//! keyring that is allowed to sign, was valid when it signed, is not revoked, and used a hash that still
//! holds.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, Tag};

use sha2::{Digest, Sha256};

use super::download::hex;
use super::error::DebianError;

#[cfg(test)]
mod tests;

/// Debian's own keys; `data/README.md` lists them.
const DEBIAN_KEYS: &[u8] = include_bytes!("../../data/debian-archive-keys.pgp");
/// How far in the future a signature may have been made: clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys that are trusted to sign a release, as they were given.
#[derive(Clone, Debug)]
pub(crate) struct KeyringFile {
    path: PathBuf,
    bytes: Cow<'static, [u8]>,
}

impl KeyringFile {
    /// The keys in a file, binary or armored; without one the keys of Debian's archive, which are part of
    /// this program.
    ///
    /// # Errors
    /// [`DebianError::Keyring`] if the file cannot be read.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, DebianError> {
        match path {
            None => Ok(Self { path: "(built in)".into(), bytes: DEBIAN_KEYS.into() }),
            Some(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(Self { path: path.to_owned(), bytes: bytes.into() }),
                Err(error) => Err(DebianError::Keyring { path: path.to_owned(), reason: error.to_string() }),
            },
        }
    }

    /// The SHA-256 of the file: what was decided with another keyring does not hold for this one.
    pub(crate) fn digest(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }

    /// The keys in it.
    ///
    /// # Errors
    /// [`DebianError::Keyring`] if it holds no key, or something else.
    pub(crate) fn parse(&self) -> Result<Keyring, DebianError> {
        Keyring::parse(&self.bytes, &self.path)
    }
}

/// The keys that are trusted to sign a release.
#[derive(Debug)]
pub(crate) struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    fn parse(bytes: &[u8], path: &Path) -> Result<Self, DebianError> {
        let refuse = |reason: String| DebianError::Keyring { path: path.to_owned(), reason };
        let (parsed, _) =
            SignedPublicKey::from_reader_many_buf(bytes).map_err(|error| refuse(error.to_string()))?;
        let keys: Vec<_> = parsed.collect::<Result<_, _>>().map_err(|error| refuse(error.to_string()))?;
        if keys.is_empty() {
            return Err(refuse("it holds no key".into()));
        }
        Ok(Self { keys })
    }

    /// Verifies a cleartext-signed message (RFC 9580 §7) at the time `now`, and returns the text that was
    /// signed: nothing outside of it is to be looked at.
    ///
    /// # Errors
    /// Why no signature counts, as text.
    pub(crate) fn signed_text(&self, message: &str, now: SystemTime) -> Result<String, String> {
        let (message, _) = CleartextSignedMessage::from_string(message)
            .map_err(|error| format!("it is not a cleartext-signed message ({error})"))?;
        let text = message.signed_text();
        let mut reasons = Vec::new();
        for signature in message.signatures() {
            match self.check(signature, text.as_bytes(), now) {
                Ok(()) => return Ok(text),
                Err(reason) => reasons.push(reason),
            }
        }
        reasons.dedup();
        if reasons.is_empty() {
            reasons.push("it is not signed".into());
        }
        Err(reasons.join("; "))
    }

    fn check(&self, signature: &Signature, text: &[u8], now: SystemTime) -> Result<(), String> {
        let created = acceptable(signature, now)?;
        let mut reason = match signature.issuer_fingerprint().first() {
            Some(issuer) => format!("key {issuer} is not in the keyring"),
            None => "its key is not in the keyring".to_owned(),
        };
        for key in &self.keys {
            if issued_by(signature, &key.primary_key) {
                match signature.verify(&key.primary_key, text) {
                    Ok(()) => return primary_may_sign(key, created, now),
                    Err(_) => reason = format!("bad signature by key {}", key.fingerprint()),
                }
            }
            for subkey in &key.public_subkeys {
                if issued_by(signature, &subkey.key) {
                    match signature.verify(&subkey.key, text) {
                        Ok(()) => return subkey_may_sign(key, subkey, created, now),
                        Err(_) => reason = format!("bad signature by key {}", subkey.fingerprint()),
                    }
                }
            }
        }
        Err(reason)
    }
}

/// A signature whose form and time are acceptable; returns when it was made.
fn acceptable(signature: &Signature, now: SystemTime) -> Result<SystemTime, String> {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err("it is not a signature of a document".into());
    }
    if !signature.hash_alg().is_some_and(is_strong) {
        return Err("it uses a hash that is no longer secure".into());
    }
    let created: SystemTime = signature.created().ok_or("it does not say when it was made")?.into();
    if created > now + CLOCK_SKEW {
        return Err("it was made in the future: check this machine's clock".into());
    }
    if has_expired(created, signature.signature_expiration_time(), now) {
        return Err("it has expired".into());
    }
    Ok(created)
}

/// The hashes that apt and GnuPG accept today: no MD5, SHA-1, RIPEMD-160.
fn is_strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(hash, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
}

/// Whether the signature says that it is by `key`; tried before the costly verification.
fn issued_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        return signature.issuer_key_id().contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

/// The primary key's own statements about itself allow it to sign at `created`.
fn primary_may_sign(key: &SignedPublicKey, created: SystemTime, now: SystemTime) -> Result<(), String> {
    let latest = primary_is_valid(key, created, now)?;
    if !latest.key_flags().sign() {
        return Err(format!("key {} is not for signing", key.fingerprint()));
    }
    Ok(())
}

/// The primary key is bound, unrevoked and unexpired; returns its latest valid statement about itself.
fn primary_is_valid(
    key: &SignedPublicKey,
    created: SystemTime,
    now: SystemTime,
) -> Result<&Signature, String> {
    let primary = &key.primary_key;
    let name = key.fingerprint();
    if key.details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
        return Err(format!("key {name} is revoked"));
    }
    let direct =
        key.details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    // A user ID carries other people's certifications, too: only the key's own count, and only while the
    // user ID is not revoked.
    let certifications = key.details.users.iter().flat_map(|user| {
        let own = |signature: &&Signature| {
            issued_by(signature, primary)
                && signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        };
        let own: Vec<&Signature> = user.signatures.iter().filter(own).collect();
        let revoked = own.iter().any(|signature| signature.typ() == Some(SignatureType::CertRevocation));
        if revoked { Vec::new() } else { own }
    });
    let latest = direct
        .chain(certifications)
        .filter(|signature| is_current(signature, now))
        .max_by_key(|signature| signature.created())
        .ok_or_else(|| format!("key {name} says nothing valid about itself"))?;
    let key_created: SystemTime = primary.created_at().into();
    if has_expired(key_created, latest.key_expiration_time(), created) {
        return Err(format!("key {name} had expired; a newer keyring may help (--keyring)"));
    }
    Ok(latest)
}

/// The subkey is bound to its primary key as a signing key, in both directions, and was valid at `created`.
fn subkey_may_sign(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    created: SystemTime,
    now: SystemTime,
) -> Result<(), String> {
    primary_is_valid(key, created, now)?;
    let name = subkey.fingerprint();
    let valid: Vec<&Signature> = subkey
        .signatures
        .iter()
        .filter(|signature| signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok())
        .collect();
    if valid.iter().any(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Err(format!("key {name} is revoked"));
    }
    let binding = valid
        .into_iter()
        .filter(|signature| is_current(signature, now))
        .max_by_key(|signature| signature.created())
        .ok_or_else(|| format!("key {name} is not bound to its primary key"))?;
    let bound_back = binding.embedded_signature().is_some_and(|signature| {
        is_current(signature, now)
            && signature.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok()
    });
    if !binding.key_flags().sign() || !bound_back {
        return Err(format!("key {name} is not for signing"));
    }
    let key_created: SystemTime = subkey.key.created_at().into();
    if has_expired(key_created, binding.key_expiration_time(), created) {
        return Err(format!("key {name} had expired; a newer keyring may help (--keyring)"));
    }
    Ok(())
}

/// A statement about a key that is in force: strong, made in the past, not expired.
fn is_current(signature: &Signature, now: SystemTime) -> bool {
    signature.hash_alg().is_some_and(is_strong)
        && signature.created().is_some_and(|created| {
            let created = SystemTime::from(created);
            created <= now + CLOCK_SKEW && !has_expired(created, signature.signature_expiration_time(), now)
        })
}

/// Whether something made at `created`, valid for `lifetime`, had expired at `at`. No lifetime, or zero, is
/// for ever (RFC 9580 §5.2.3.13, §5.2.3.18).
fn has_expired(created: SystemTime, lifetime: Option<pgp::types::Duration>, at: SystemTime) -> bool {
    let lifetime = lifetime.map(Duration::from).filter(|lifetime| !lifetime.is_zero());
    lifetime.and_then(|lifetime| created.checked_add(lifetime)).is_some_and(|end| end <= at)
}
