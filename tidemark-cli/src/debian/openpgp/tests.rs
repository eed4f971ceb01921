//! Which signatures count: each rule with a key or a signature that breaks it and nothing else.

use std::sync::OnceLock;

use pgp::composed::{
    ArmorOptions, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::packet::{KeyFlags, SignatureConfig, Subpacket, SubpacketData};
use pgp::types::{Password, SigningKey, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const TEXT: &str = "Suite: stable\n- dashes\nlast";

/// The real time, since that is when keys are made to vouch for themselves; the same for a whole run, in
/// seconds since 1970.
fn now() -> u32 {
    static NOW: OnceLock<u32> = OnceLock::new();
    *NOW.get_or_init(|| Timestamp::now().as_secs())
}

/// When all keys below were made: a year ago.
fn made() -> u32 {
    now() - 365 * 24 * 60 * 60
}

/// A key that certifies, with a subkey that signs.
fn key(seed: u64) -> SignedSecretKey {
    let mut signing = SubkeyParamsBuilder::default();
    signing.key_type(KeyType::Ed25519Legacy).can_sign(true).can_encrypt(EncryptionCaps::None);
    signing.created_at(Timestamp::from_secs(made()));
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(false);
    params.can_encrypt(EncryptionCaps::None).primary_user_id("Archive <a@example.org>".into());
    params.created_at(Timestamp::from_secs(made())).subkeys(vec![signing.build().expect("parameters")]);
    params.build().expect("parameters").generate(StdRng::seed_from_u64(seed)).expect("a key")
}

/// A signature to be made, of `typ`, by `key`, at `created`.
fn config(key: &impl SigningKey, typ: SignatureType, created: u32) -> SignatureConfig {
    let mut config = SignatureConfig::v4(typ, key.algorithm(), HashAlgorithm::Sha512);
    add(&mut config, SubpacketData::SignatureCreationTime(Timestamp::from_secs(created)));
    add(&mut config, SubpacketData::IssuerFingerprint(key.fingerprint()));
    config
}

fn add(config: &mut SignatureConfig, data: SubpacketData) {
    config.hashed_subpackets.push(Subpacket::regular(data).expect("a subpacket"));
}

/// `TEXT`, signed as `config` says.
fn signed(config: SignatureConfig, key: &impl SigningKey) -> String {
    CleartextSignedMessage::new(TEXT, config, key, &Password::empty())
        .and_then(|message| message.to_armored_string(ArmorOptions::default()))
        .expect("signed")
}

/// `TEXT`, signed by a key's subkey a day ago.
fn signed_well(key: &SignedSecretKey) -> String {
    let subkey = &key.secret_subkeys[0].key;
    signed(config(subkey, SignatureType::Text, now() - 24 * 60 * 60), subkey)
}

fn verdict(keys: Vec<SignedPublicKey>, message: &str) -> Result<String, String> {
    Keyring { keys }.signed_text(message, Timestamp::from_secs(now()).into())
}

fn public(key: &SignedSecretKey) -> SignedPublicKey {
    SignedPublicKey::from(key.clone())
}

#[track_caller]
fn refused(keys: Vec<SignedPublicKey>, message: &str, why: &str) {
    let reason = verdict(keys, message).expect_err("refused");
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn a_good_signature_gives_the_text_that_was_signed() {
    let keys = || vec![public(&key(2)), public(&key(1))];
    let message = signed_well(&key(1));
    let signed = "Suite: stable\r\n- dashes\r\nlast";
    assert_eq!(verdict(keys(), &message).as_deref(), Ok(signed));
    // Blanks at the end of a line are not covered by the signature (RFC 9580 §7.2), so they are not in the text.
    let padded = message.replace("stable\n", "stable \t\n");
    assert_eq!(verdict(keys(), &padded).as_deref(), Ok(signed));
    refused(keys(), &message.replace("last\n", "last\n\n"), "bad signature");
    refused(keys(), &message.replace("stable", "Stable"), "bad signature");
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let (a, b) = (key(1), key(2));
    let message = CleartextSignedMessage::new_many(TEXT, |text| {
        [&a, &b]
            .map(|key| &key.secret_subkeys[0].key)
            .into_iter()
            .map(|key| config(key, SignatureType::Text, now()).sign(key, &Password::empty(), text.as_bytes()))
            .collect()
    });
    let message = message.and_then(|m| m.to_armored_string(ArmorOptions::default())).expect("signed");
    for keys in [vec![public(&a)], vec![public(&b)], vec![public(&a), public(&b)]] {
        assert!(verdict(keys, &message).is_ok());
    }
    refused(vec![public(&key(3))], &message, "is not in the keyring");
}

#[test]
fn a_key_that_is_only_for_certifying_signs_no_release() {
    let key = key(1);
    let by_primary = signed(config(&key.primary_key, SignatureType::Text, now()), &key.primary_key);
    refused(vec![public(&key)], &by_primary, "is not for signing");
}

#[test]
fn time_and_strength_of_a_signature_count() {
    let key = key(1);
    let subkey = &key.secret_subkeys[0].key;
    let expiring = |seconds| {
        let mut config = config(subkey, SignatureType::Text, now() - 100);
        add(&mut config, SubpacketData::SignatureExpirationTime(pgp::types::Duration::from_secs(seconds)));
        signed(config, subkey)
    };
    assert!(verdict(vec![public(&key)], &expiring(101)).is_ok());
    assert!(verdict(vec![public(&key)], &expiring(0)).is_ok(), "zero is for ever");
    refused(vec![public(&key)], &expiring(100), "it has expired");
    let future = signed(config(subkey, SignatureType::Text, now() + 2 * 24 * 60 * 60), subkey);
    refused(vec![public(&key)], &future, "in the future");
    // The library refuses to make such a signature, so the rule itself is asked.
    use HashAlgorithm::{Md5, Ripemd160, Sha1, Sha224, Sha256, Sha512};
    assert!([Sha256, Sha512].into_iter().all(is_strong));
    assert!(![Md5, Sha1, Ripemd160, Sha224, HashAlgorithm::Other(200)].into_iter().any(is_strong));
}

#[test]
fn revoked_keys_sign_nothing() {
    let key = key(1);
    let (primary, subkey) = (&key.primary_key, &key.secret_subkeys[0].key);
    let mut revoked = public(&key);
    let revocation = config(primary, SignatureType::SubkeyRevocation, now())
        .sign_subkey_binding(primary, &revoked.primary_key, &Password::empty(), &subkey.public_key())
        .expect("signed");
    revoked.public_subkeys[0].signatures.push(revocation);
    refused(vec![revoked], &signed_well(&key), "is revoked");
    let mut revoked = public(&key);
    let revocation = config(primary, SignatureType::KeyRevocation, now())
        .sign_key(primary, &Password::empty(), &revoked.primary_key)
        .expect("signed");
    revoked.details.revocation_signatures.push(revocation);
    refused(vec![revoked], &signed_well(&key), "is revoked");
}

/// The public key with its subkey's binding made anew by `signer`, as `change` says.
fn bound_anew(
    key: &SignedSecretKey,
    signer: &SignedSecretKey,
    change: impl FnOnce(&mut SignatureConfig),
) -> SignedPublicKey {
    let mut public = public(key);
    let (primary, subkey) = (&signer.primary_key, &key.secret_subkeys[0].key);
    let back = config(subkey, SignatureType::KeyBinding, made())
        .sign_primary_key_binding(subkey, &subkey.public_key(), &Password::empty(), &public.primary_key)
        .expect("signed");
    let mut binding = config(primary, SignatureType::SubkeyBinding, made());
    add(&mut binding, SubpacketData::EmbeddedSignature(Box::new(back)));
    change(&mut binding);
    let binding = binding
        .sign_subkey_binding(
            primary,
            &signer.primary_key.public_key(),
            &Password::empty(),
            &subkey.public_key(),
        )
        .expect("signed");
    public.public_subkeys[0].signatures = vec![binding];
    public
}

fn for_signing(config: &mut SignatureConfig) {
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    add(config, SubpacketData::KeyFlags(flags));
}

#[test]
fn a_subkey_must_be_bound_for_signing_by_its_own_primary() {
    let (key, other) = (key(1), key(2));
    let message = signed_well(&key);
    assert!(verdict(vec![bound_anew(&key, &key, for_signing)], &message).is_ok());
    refused(vec![bound_anew(&key, &key, |_| {})], &message, "is not for signing");
    refused(vec![bound_anew(&key, &other, for_signing)], &message, "is not bound to its primary key");
    let no_back_signature = bound_anew(&key, &key, |config| {
        for_signing(config);
        config.hashed_subpackets.retain(|sub| !matches!(sub.data, SubpacketData::EmbeddedSignature(_)));
    });
    refused(vec![no_back_signature], &message, "is not for signing");
}

#[test]
fn an_expired_key_signs_nothing() {
    let key = key(1);
    let expiring_after = |seconds| {
        bound_anew(&key, &key, |config| {
            for_signing(config);
            add(config, SubpacketData::KeyExpirationTime(pgp::types::Duration::from_secs(seconds)));
        })
    };
    let lifetime = now() - made();
    assert!(verdict(vec![expiring_after(lifetime)], &signed_well(&key)).is_ok());
    refused(vec![expiring_after(lifetime / 2)], &signed_well(&key), "had expired");
}

fn built_in() -> Vec<SignedPublicKey> {
    KeyringFile::open(None).and_then(|file| file.parse()).expect("parses").keys
}

#[test]
fn the_built_in_keys_are_those_documented() {
    let documentation = include_str!("../../../data/README.md");
    let keys = built_in();
    assert_eq!(keys.len(), 4);
    for key in keys {
        let fingerprint = key.fingerprint().to_string().to_uppercase();
        assert!(documentation.contains(&fingerprint), "{fingerprint}");
    }
}

#[test]
fn the_built_in_keys_may_sign_until_they_expire() {
    let day = Duration::from_secs(24 * 60 * 60);
    let at = |year: u32| SystemTime::UNIX_EPOCH + day * 365 * (year - 1970);
    for key in &built_in() {
        let may_sign = |when: SystemTime| {
            let by_subkey =
                key.public_subkeys.iter().any(|sub| subkey_may_sign(key, sub, when, when).is_ok());
            by_subkey || primary_may_sign(key, when, when).is_ok()
        };
        assert!(may_sign(at(2026)), "{}", key.fingerprint());
        assert!(!may_sign(at(2036)), "{}", key.fingerprint());
    }
}

#[test]
fn what_is_no_keyring_is_refused() {
    for bytes in [b"".as_slice(), b"hello", &DEBIAN_KEYS[..100]] {
        let error = Keyring::parse(bytes, Path::new("k.gpg")).expect_err("refused").to_string();
        assert!(error.starts_with("cannot read the keyring k.gpg: "), "{error}");
    }
}
