//! Images of containers as archives: what `docker save` writes, and OCI image layouts
//! (image-spec: image-layout.md, manifest.md, layer.md).

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tidemark_sdk::layer::{
    BuildError, EntryKind, LayerBuilder, LayerPath, Placement, TarEntry, TarKind, append_tar_placed,
    decompressed,
};

/// The platform whose image is taken.
const ARCHITECTURE: &str = "riscv64";
const OS: &str = "linux";
/// Prefix of a name that says 'remove what has the rest as its name' (layer.md, Whiteouts).
const WHITEOUT: &[u8] = b".wh.";
/// The name that says 'remove all that lower layers have in this directory'.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Largest index, manifest or configuration that is read, in bytes (manifest.md: registries accept 4 MiB).
const MAX_JSON_LEN: u64 = 4 * 1024 * 1024;
/// Most files that an archive has: an image has at most some hundred layers.
const MAX_MEMBERS: usize = 10_000;
/// How deep indexes may lie in indexes.
const MAX_INDEX_DEPTH: u32 = 4;

/// Why an archive gives no file tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OciError {
    /// It is not as the format demands.
    #[error("{0}")]
    Malformed(String),
    /// It has no image for the guest's platform.
    #[error(
        "it has no image for linux/riscv64, only for {found}: save or build one with --platform linux/riscv64"
    )]
    OtherPlatform { found: String },
    /// Its files could not be added to the layer.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// An archive that is an image.
pub(crate) struct Image {
    archive: File,
    /// Where each file's bytes are in the archive.
    members: BTreeMap<String, Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    len: u64,
}

impl Image {
    /// Looks whether an uncompressed tar archive is an image; `None` if it is not.
    ///
    /// # Errors
    /// If the archive cannot be read.
    pub(crate) fn find(mut archive: File) -> io::Result<Option<Self>> {
        archive.seek(SeekFrom::Start(0))?;
        let mut members = BTreeMap::new();
        let mut tar = tar::Archive::new(BufReader::new(archive.try_clone()?));
        for entry in tar.entries_with_seek()? {
            // What is wrong with a file tree is told by who unpacks it.
            let Ok(entry) = entry else { return Ok(None) };
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
            let is_part =
                path.starts_with("blobs/") || path.ends_with(".json") || path.ends_with("/layer.tar");
            if entry.header().entry_type().is_file() && is_part {
                members.insert(path, Span { offset: entry.raw_file_position(), len: entry.size() });
            }
            // A file tree that happens to have a manifest.json is no image.
            if members.len() > MAX_MEMBERS {
                return Ok(None);
            }
        }
        let is_image = members.contains_key("index.json") || members.contains_key("manifest.json");
        let has_contents =
            members.keys().any(|path| path.starts_with("blobs/") || path.ends_with("/layer.tar"));
        Ok((is_image && has_contents).then_some(Self { archive, members }))
    }

    /// Adds the image's file tree, layer by layer.
    ///
    /// # Errors
    /// [`OciError`]; throw the builder away then.
    pub(crate) fn append<W: Write + Seek>(&self, builder: &mut LayerBuilder<W>) -> Result<(), OciError> {
        let layers = match self.members.get("index.json") {
            Some(&index) => self.layout_layers(index)?,
            None => self.docker_layers()?,
        };
        for layer in layers {
            let content = BufReader::new(self.open(layer.span)?);
            let tar = decompressed(content).map_err(|error| malformed(&error))?;
            let mut added = Added::default();
            append_tar_placed(builder, tar, &layer.name, |builder, entry| added.place(builder, entry))?;
        }
        Ok(())
    }

    /// The layers of the image for our platform in an OCI layout.
    fn layout_layers(&self, index: Span) -> Result<Vec<LayerRef>, OciError> {
        let mut found = Vec::new();
        let index: Index = self.json(index, "index.json")?;
        let manifest = self.choose(&index.manifests, MAX_INDEX_DEPTH, &mut found)?;
        let Some(manifest) = manifest else {
            found.dedup();
            return Err(OciError::OtherPlatform { found: found.join(", ") });
        };
        let layer =
            |layer: &Descriptor| Ok(LayerRef { name: layer.digest.clone(), span: self.blob(&layer.digest)? });
        manifest.layers.iter().map(layer).collect()
    }

    /// The manifest for our platform among those of an index.
    fn choose(
        &self,
        manifests: &[Descriptor],
        depth: u32,
        found: &mut Vec<String>,
    ) -> Result<Option<Manifest>, OciError> {
        for descriptor in manifests {
            if let Some(Platform { os, architecture }) = &descriptor.platform
                && !is_ours(os, architecture)
            {
                // Signatures and the like are said to be for an unknown platform.
                if os != "unknown" {
                    found.push(format!("{os}/{architecture}"));
                }
                continue;
            }
            let span = self.blob(&descriptor.digest)?;
            if descriptor.media_type.contains("image.index")
                || descriptor.media_type.contains("manifest.list")
            {
                let Some(depth) = depth.checked_sub(1) else {
                    return Err(OciError::Malformed("its indexes lie too deep in each other".into()));
                };
                let index: Index = self.json(span, &descriptor.digest)?;
                if let Some(manifest) = self.choose(&index.manifests, depth, found)? {
                    return Ok(Some(manifest));
                }
                continue;
            }
            let manifest: Manifest = self.json(span, &descriptor.digest)?;
            let config: Platform = self.json(self.blob(&manifest.config.digest)?, "its configuration")?;
            if is_ours(&config.os, &config.architecture) {
                return Ok(Some(manifest));
            }
            found.push(format!("{}/{}", config.os, config.architecture));
        }
        Ok(None)
    }

    /// The layers of the image for our platform as `docker save` wrote them before it wrote OCI layouts.
    fn docker_layers(&self) -> Result<Vec<LayerRef>, OciError> {
        let manifests: Vec<DockerManifest> = self.json(self.member("manifest.json")?, "manifest.json")?;
        let mut found = Vec::new();
        for manifest in manifests {
            let config: Platform = self.json(self.member(&manifest.config)?, &manifest.config)?;
            if !is_ours(&config.os, &config.architecture) {
                found.push(format!("{}/{}", config.os, config.architecture));
                continue;
            }
            let layer = |name: String| Ok(LayerRef { span: self.member(&name)?, name });
            return manifest.layers.into_iter().map(layer).collect();
        }
        Err(OciError::OtherPlatform { found: found.join(", ") })
    }

    fn member(&self, path: &str) -> Result<Span, OciError> {
        let missing = || OciError::Malformed(format!("{path:?} is missing in it"));
        self.members.get(path).copied().ok_or_else(missing)
    }

    /// A blob by its digest, which is checked.
    fn blob(&self, digest: &str) -> Result<Span, OciError> {
        let sha256 = digest.strip_prefix("sha256:").filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let sha256 =
            sha256.ok_or_else(|| OciError::Malformed(format!("the digest {digest:?} is not SHA-256")))?;
        let span = self.member(&format!("blobs/sha256/{sha256}"))?;
        let mut content = self.open(span)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match content.read(&mut buffer).map_err(|error| malformed(&error))? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(OciError::Malformed(format!("the blob {digest} is damaged")));
        }
        Ok(span)
    }

    fn json<T: DeserializeOwned>(&self, span: Span, name: &str) -> Result<T, OciError> {
        if span.len > MAX_JSON_LEN {
            return Err(OciError::Malformed(format!("{name} is larger than {MAX_JSON_LEN} bytes")));
        }
        let mut bytes = Vec::new();
        self.open(span)?.read_to_end(&mut bytes).map_err(|error| malformed(&error))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| OciError::Malformed(format!("{name} is malformed: {error}")))
    }

    fn open(&self, span: Span) -> Result<Content, OciError> {
        let mut archive = self.archive.try_clone().map_err(|error| malformed(&error))?;
        archive.seek(SeekFrom::Start(span.offset)).map_err(|error| malformed(&error))?;
        Ok(archive.take(span.len))
    }
}

/// A file in the archive. One at a time is read: all share the archive's position.
type Content = io::Take<File>;

fn malformed(error: &io::Error) -> OciError {
    OciError::Malformed(error.to_string())
}

fn is_ours(os: &str, architecture: &str) -> bool {
    os == OS && architecture == ARCHITECTURE
}

struct LayerRef {
    name: String,
    span: Span,
}

/// What one layer has added: its whiteouts are about lower ones only, wherever in it they stand.
#[derive(Default)]
struct Added {
    paths: HashSet<LayerPath>,
}

impl Added {
    fn place<W: Write + Seek>(
        &mut self,
        builder: &mut LayerBuilder<W>,
        entry: TarEntry<'_>,
    ) -> Result<Placement, BuildError> {
        let name = entry.path.name().unwrap_or_default();
        let parent = entry.path.parent().unwrap_or_else(LayerPath::root);
        if name == OPAQUE {
            self.clear(builder, &parent)?;
            return Ok(Placement::Skip);
        }
        if let Some(gone) = name.strip_prefix(WHITEOUT) {
            let gone = parent.join(gone)?;
            if self.paths.contains(&gone) {
                self.clear(builder, &gone)?;
            } else {
                builder.remove(&gone)?;
            }
            return Ok(Placement::Skip);
        }
        // An upper layer may put anything in the place of anything.
        let is_directory = entry.kind == TarKind::Directory;
        if builder.kind_at(entry.path).is_some_and(|old| (old == EntryKind::Directory) != is_directory) {
            builder.remove(entry.path)?;
        }
        let mut path = Some(entry.path.clone());
        while let Some(added) = path.filter(|path| !self.paths.contains(path)) {
            path = added.parent();
            self.paths.insert(added);
        }
        Ok(Placement::Keep)
    }

    /// Removes what lower layers have in a directory, on a stack of our own: the depth is the archive's to choose.
    fn clear<W: Write + Seek>(
        &self,
        builder: &mut LayerBuilder<W>,
        directory: &LayerPath,
    ) -> Result<(), BuildError> {
        let mut pending = vec![directory.clone()];
        while let Some(directory) = pending.pop() {
            for name in builder.names_in(&directory) {
                let path = directory.join(&name)?;
                if self.paths.contains(&path) {
                    pending.push(path);
                } else {
                    builder.remove(&path)?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The platform that a descriptor or an image's configuration states.
#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerManifest {
    config: String,
    layers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tidemark_sdk::layer::{Layer, layer_from_bytes};

    use super::*;
    use crate::layer_content;

    /// A tar archive: a path that ends in a slash is a directory, `a -> b` a symbolic link.
    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(0);
            if let Some((path, target)) = path.split_once(" -> ") {
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, path, target).expect("memory");
            } else if path.ends_with('/') {
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, path, io::empty()).expect("memory");
            } else {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, *content).expect("memory");
            }
        }
        builder.into_inner().expect("memory")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// An OCI layout with one image a platform, of these layers.
    fn layout(platforms: &[&str], layers: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut add = |bytes: Vec<u8>| {
            let digest = digest(&bytes);
            files.push((format!("blobs/sha256/{digest}"), bytes));
            format!("sha256:{digest}")
        };
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| format!("{{\"mediaType\":\"x\",\"digest\":\"{}\"}}", add(layer.clone())))
            .collect();
        let manifests: Vec<String> = platforms
            .iter()
            .map(|architecture| {
                let platform = format!("{{\"os\":\"linux\",\"architecture\":\"{architecture}\"}}");
                let config = add(platform.clone().into_bytes());
                let manifest =
                    format!("{{\"config\":{{\"digest\":\"{config}\"}},\"layers\":[{}]}}", layers.join(","));
                let manifest = add(manifest.into_bytes());
                format!("{{\"mediaType\":\"m\",\"digest\":\"{manifest}\",\"platform\":{platform}}}")
            })
            .collect();
        let index = format!("{{\"manifests\":[{}]}}", manifests.join(","));
        files.push(("index.json".into(), index.into_bytes()));
        files
    }

    fn archive(files: &[(String, Vec<u8>)]) -> File {
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&tar(&files)).expect("written");
        file
    }

    fn built(file: File) -> Result<Arc<Layer>, String> {
        let image = Image::find(file).expect("readable").ok_or("it is no image")?;
        let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
        image.append(&mut builder).map_err(|error| error.to_string())?;
        let bytes = builder.finish().expect("finished").into_inner();
        Ok(layer_from_bytes(bytes).expect("a layer"))
    }

    fn layers() -> Vec<Vec<u8>> {
        let lower = tar(&[
            ("etc/kept", b"low"),
            ("etc/gone", b"low"),
            ("opaque/old", b"low"),
            ("opaque/sub/old", b"low"),
            ("folder/x", b"low"),
            ("file", b"low"),
        ]);
        let upper = tar(&[
            ("opaque/sub/new", b"up"),
            ("opaque/.wh..wh..opq", b""),
            ("etc/.wh.gone", b""),
            ("folder", b"now a file"),
            ("file/", b""),
            ("link -> etc/kept", b""),
        ]);
        vec![gzip(&lower), upper]
    }

    fn check(layer: &Layer) {
        let text = |path: &str| layer_content::text(layer, path).expect("readable");
        let there = |path: &str| layer_content::find(layer, path).is_some();
        assert_eq!((text("etc/kept").as_str(), text("opaque/sub/new").as_str()), ("low", "up"));
        assert!(!there("etc/gone") && !there("opaque/old") && !there("opaque/sub/old"));
        assert!(!there("etc/.wh.gone") && !there("opaque/.wh..wh..opq"));
        assert_eq!(text("folder"), "now a file");
        assert!(there("file") && there("link"));
    }

    #[test]
    fn layouts_are_taken_apart() {
        check(&built(archive(&layout(&["amd64", "riscv64"], &layers()))).expect("an image"));
    }

    #[test]
    fn what_docker_saved_is_taken_apart() {
        let layers = layers();
        let manifest = b"[{\"Config\":\"c.json\",\"Layers\":[\"a/layer.tar\",\"b/layer.tar\"]}]".to_vec();
        let config = b"{\"os\":\"linux\",\"architecture\":\"riscv64\"}".to_vec();
        let files = [
            ("a/layer.tar".to_owned(), layers[0].clone()),
            ("manifest.json".to_owned(), manifest),
            ("c.json".to_owned(), config),
            ("b/layer.tar".to_owned(), layers[1].clone()),
        ];
        check(&built(archive(&files)).expect("an image"));
    }

    #[test]
    fn another_platform_is_named() {
        let error = built(archive(&layout(&["amd64", "arm64"], &layers()))).expect_err("refused");
        assert!(error.contains("only for linux/amd64, linux/arm64"), "{error}");
    }

    #[test]
    fn damage_is_named() {
        let whole = layout(&["riscv64"], &layers());
        let mut damaged = whole.clone();
        let last = damaged[0].1.len() - 1;
        damaged[0].1[last] ^= 1;
        assert!(built(archive(&damaged)).expect_err("refused").contains("is damaged"));
        assert!(built(archive(&whole[1..])).expect_err("refused").contains("is missing"));
        let climbing = layout(&["riscv64"], &[tar(&[("link -> /etc", b""), ("link/evil", b"x")])]);
        assert!(
            built(archive(&climbing)).expect_err("refused").contains("leads through the symbolic link /link")
        );
        let plain = [("etc/manifest.json".to_owned(), b"{}".to_vec())];
        assert_eq!(built(archive(&plain)).expect_err("refused"), "it is no image");
    }

    proptest! {
        #[test]
        fn damage_anywhere_is_an_error_or_harmless(
            damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let files = layout(&["riscv64"], &[tar(&[("a/b", b"x"), ("a/.wh.c", b""), ("l -> a", b"")])]);
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
            let mut bytes = tar(&files);
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                let mut file = tempfile::tempfile().expect("a file");
                file.write_all(bytes).expect("written");
                if let Ok(Some(image)) = Image::find(file) {
                    let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
                    let _ = image.append(&mut builder);
                }
            }
        }
    }
}
