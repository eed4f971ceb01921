//! A small Debian archive, made on the fly and signed with a key of its own.

use std::collections::BTreeMap;
use std::io::Write;

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedPublicKey,
    SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::ser::Serialize;
use pgp::types::{Password, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

/// Where the archive's release is.
pub const IN_RELEASE: &str = "dists/trixie/InRelease";

/// An archive; [`Repository::files`] gives what a server is to serve.
pub struct Repository {
    key: SignedSecretKey,
    debs: Vec<Deb>,
    /// Further fields of the release.
    pub release_fields: String,
}

struct Deb {
    control: String,
    path: String,
    bytes: Vec<u8>,
}

impl Repository {
    /// An empty archive whose key is made from `seed`.
    pub fn new(seed: u64) -> Self {
        // The time is part of the key: the same seed is to give the same one.
        let made = Timestamp::from_secs(1_700_000_000);
        let mut signing = SubkeyParamsBuilder::default();
        signing.created_at(made);
        signing.key_type(KeyType::Ed25519Legacy).can_sign(true).can_encrypt(EncryptionCaps::None);
        let mut params = SecretKeyParamsBuilder::default();
        params
            .key_type(KeyType::Ed25519Legacy)
            .created_at(made)
            .can_certify(true)
            .can_sign(false)
            .can_encrypt(EncryptionCaps::None)
            .primary_user_id("Test Archive <archive@example.org>".into())
            .subkeys(vec![signing.build().expect("parameters")]);
        let params = params.build().expect("parameters");
        let key = params.generate(StdRng::seed_from_u64(seed)).expect("a key");
        Self { key, debs: Vec::new(), release_fields: String::new() }
    }

    /// The public key, for `--keyring`.
    pub fn public_key(&self) -> Vec<u8> {
        SignedPublicKey::from(self.key.clone()).to_bytes().expect("memory")
    }

    /// Adds a package with these files; `fields` are further fields of its entry in the index.
    pub fn add(&mut self, name: &str, version: &str, fields: &str, files: &[(&str, &str)]) {
        let control = format!("Package: {name}\nVersion: {version}\nArchitecture: riscv64\n{fields}");
        self.add_deb(name, version, fields, deb(&control, &[], files));
    }

    /// Adds a package whose `data.tar` (uncompressed) is given.
    pub fn add_with_data(&mut self, name: &str, version: &str, fields: &str, data: &[u8]) {
        let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar.xz", b""), ("data.tar.xz", &xz(data))]);
        self.add_deb(name, version, fields, deb);
    }

    /// Adds a package whose `.deb` is given.
    pub fn add_deb(&mut self, name: &str, version: &str, fields: &str, deb: Vec<u8>) {
        let path = format!("pool/main/{name}_{version}_riscv64.deb");
        let control = format!("Package: {name}\nVersion: {version}\nArchitecture: riscv64\n{fields}");
        self.debs.push(Deb { control, path, bytes: deb });
    }

    /// The path of a package's `.deb`.
    pub fn deb_path(&self, name: &str) -> String {
        let prefix = format!("pool/main/{name}_");
        let deb = self.debs.iter().find(|deb| deb.path.starts_with(&prefix));
        deb.expect("such a package").path.clone()
    }

    /// The text of the release, unsigned.
    pub fn release(&self) -> String {
        let (plain, index) = (self.index(), xz(self.index().as_bytes()));
        format!(
            "Origin: Test\nSuite: stable\nCodename: trixie\nDate: Sat, 01 Nov 2025 08:00:00 UTC\n{}SHA256:\n \
             {} {:>8} main/binary-riscv64/Packages\n {} {:>8} main/binary-riscv64/Packages.xz\n",
            self.release_fields,
            sha256(plain.as_bytes()),
            plain.len(),
            sha256(&index),
            index.len()
        )
    }

    /// A text, signed with the archive's signing key.
    pub fn sign(&self, text: &str) -> String {
        let key = &self.key.secret_subkeys[0].key;
        CleartextSignedMessage::sign(StdRng::seed_from_u64(1), text, key, &Password::empty())
            .and_then(|message| message.to_armored_string(ArmorOptions::default()))
            .expect("signed")
    }

    /// Everything that a mirror serves.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let index = xz(self.index().as_bytes());
        let folder = "dists/trixie/main/binary-riscv64";
        let mut files: BTreeMap<String, Vec<u8>> =
            self.debs.iter().map(|deb| (deb.path.clone(), deb.bytes.clone())).collect();
        files.insert(IN_RELEASE.into(), self.sign(&self.release()).into_bytes());
        files.insert(format!("{folder}/by-hash/SHA256/{}", sha256(&index)), index.clone());
        files.insert(format!("{folder}/Packages.xz"), index);
        files
    }

    /// The package index, as it is when decompressed; mirrors have it compressed only.
    pub fn index(&self) -> String {
        let entry = |deb: &Deb| {
            let (path, len, digest) = (&deb.path, deb.bytes.len(), sha256(&deb.bytes));
            format!("{}Filename: {path}\nSize: {len}\nSHA256: {digest}\n\n", deb.control)
        };
        self.debs.iter().map(entry).collect()
    }
}

/// A `.deb` with this control file, further control files such as `postinst`, and these files.
pub fn deb(control: &str, others: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<u8> {
    let mut control_files = vec![("./control", control.as_bytes())];
    let others: Vec<_> = others.iter().map(|(name, text)| (format!("./{name}"), text.as_bytes())).collect();
    control_files.extend(others.iter().map(|(name, text)| (name.as_str(), *text)));
    let files: Vec<_> = files.iter().map(|(path, content)| (*path, content.as_bytes())).collect();
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", &xz(&data_tar(&control_files))),
        ("data.tar.xz", &xz(&data_tar(&files))),
    ])
}

/// A tar archive of files, with their directories left to the reader.
pub fn data_tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        builder.append(&tar_header(path, content.len()), *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// A header for a file under any path, also one that well-behaved writers refuse.
fn tar_header(path: &str, len: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(len as u64);
    header.set_cksum();
    header
}

/// An ar archive.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// Compressed as xz.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).expect("options");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
