//! One layer over another, made into one.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use super::Layer;
use super::builder::{Attributes, BuildError, EntryKind, LayerBuilder};
use super::format::{Index, InodeKind};
use super::limits::COPY_BUFFER_LEN;
use super::path::LayerPath;

impl<W: Write + Seek> LayerBuilder<W> {
    /// Puts a layer over what is there, as a guest sees the two: what it has replaces what has the same name, directories
    /// are merged unless the upper one is opaque, and its whiteouts remove.
    ///
    /// # Errors
    /// [`BuildError::Read`] if the layer cannot be read, and as [`LayerBuilder::directory`].
    pub fn merge(&mut self, layer: &Layer) -> Result<(), BuildError> {
        let index = layer.index();
        let mut first_names: BTreeMap<u32, LayerPath> = BTreeMap::new();
        let mut pending = vec![(index.root(), LayerPath::root())];
        while let Some((directory, path)) = pending.pop() {
            if index.is_opaque(directory) {
                self.clear(&path)?;
            }
            self.directory(&path, attributes(index, directory))?;
            for entry in index.entries(directory, 0) {
                let path = path.join(entry.name)?;
                if index.is_whiteout(entry.inode) {
                    self.remove(&path)?;
                } else if self.merge_entry(layer, entry.inode, &path, &mut first_names)? {
                    pending.push((entry.inode, path));
                }
            }
        }
        Ok(())
    }

    /// Adds one entry; tells whether it is a directory to go on with.
    fn merge_entry(
        &mut self,
        layer: &Layer,
        number: u32,
        path: &LayerPath,
        first_names: &mut BTreeMap<u32, LayerPath>,
    ) -> Result<bool, BuildError> {
        let index = layer.index();
        let Some(inode) = index.inode(number) else { return Ok(false) };
        let is_directory = matches!(inode.kind, InodeKind::Directory { .. });
        let old = self.kind_at(path);
        if old.is_some_and(|old| (old == EntryKind::Directory) != is_directory) {
            self.remove(path)?;
        }
        if is_directory {
            return Ok(true);
        }
        if let Some(first) = first_names.get(&number) {
            self.hard_link(path, first)?;
            return Ok(false);
        }
        let attributes = attributes(index, number);
        match inode.kind {
            InodeKind::Directory { .. } => {}
            InodeKind::File { offset, size } => {
                self.copy_content(layer, offset, size, path)?;
                self.end_file(path, attributes)?;
            }
            InodeKind::Symlink => {
                self.symlink(path, attributes, index.symlink_target(number).unwrap_or_default())?;
            }
            InodeKind::CharDevice(device) => self.char_device(path, attributes, device)?,
            InodeKind::BlockDevice(device) => self.block_device(path, attributes, device)?,
            InodeKind::Fifo => self.fifo(path, attributes)?,
            InodeKind::Socket => self.socket(path, attributes)?,
        }
        if inode.nlink > 1 {
            first_names.insert(number, path.clone());
        }
        Ok(false)
    }

    fn copy_content(
        &mut self,
        layer: &Layer,
        offset: u64,
        size: u64,
        path: &LayerPath,
    ) -> Result<(), BuildError> {
        let mut buffer = vec![0; COPY_BUFFER_LEN];
        let mut done = 0;
        while done < size {
            let part = &mut buffer[..(size - done).min(COPY_BUFFER_LEN as u64) as usize];
            layer.read_at(offset + done, part).map_err(|unreadable| BuildError::Read {
                what: path.to_string(),
                source: std::io::Error::other(unreadable),
            })?;
            self.append_content(part)?;
            done += part.len() as u64;
        }
        Ok(())
    }
}

/// An inode's attributes but those that steer the merging of layers.
fn attributes(index: &Index, number: u32) -> Attributes {
    let steers = |name: &[u8]| name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.");
    let xattrs = index.xattrs(number).filter(|(name, _)| !steers(name));
    Attributes {
        meta: index.inode(number).map(|inode| inode.meta.clone()).unwrap_or_default(),
        xattrs: xattrs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use super::super::format::{Device, Meta};
    use super::super::layer_from_bytes;
    use super::*;

    fn path(path: &str) -> LayerPath {
        LayerPath::new(path.as_bytes()).expect("safe")
    }

    fn builder() -> LayerBuilder<Cursor<Vec<u8>>> {
        LayerBuilder::new(Cursor::new(Vec::new())).expect("memory")
    }

    fn finished(builder: LayerBuilder<Cursor<Vec<u8>>>) -> Arc<Layer> {
        layer_from_bytes(builder.finish().expect("finished").into_inner()).expect("a layer")
    }

    fn file(builder: &mut LayerBuilder<Cursor<Vec<u8>>>, name: &str, content: &str) {
        builder.file(&path(name), Attributes::default(), &mut content.as_bytes()).expect("added");
    }

    /// A tree as lines of paths, with what they lead to.
    fn listing(layer: &Layer) -> Vec<String> {
        let index = layer.index();
        let mut lines = Vec::new();
        let mut pending = vec![(index.root(), String::new())];
        while let Some((number, path)) = pending.pop() {
            for entry in index.entries(number, 0) {
                let path = format!("{path}/{}", String::from_utf8_lossy(entry.name));
                let inode = index.inode(entry.inode).expect("there");
                match inode.kind {
                    InodeKind::Directory { .. } => pending.push((entry.inode, path)),
                    InodeKind::File { offset, size } => {
                        let mut content = vec![0; size as usize];
                        layer.read_at(offset, &mut content).expect("readable");
                        lines.push(format!("{path}={} x{}", String::from_utf8_lossy(&content), inode.nlink));
                    }
                    _ => lines.push(format!(
                        "{path}->{}",
                        String::from_utf8_lossy(index.symlink_target(entry.inode).unwrap_or_default())
                    )),
                }
            }
        }
        lines.sort();
        lines
    }

    #[test]
    fn the_upper_layer_shows_as_in_a_guest() {
        let mut lower = builder();
        for name in ["kept", "replaced", "gone", "opaque/old", "merged/old", "was_file", "was_folder/x"] {
            file(&mut lower, name, "low");
        }
        let mut upper = builder();
        for name in ["replaced", "opaque/new", "merged/new", "was_file/y", "was_folder", "linked"] {
            file(&mut upper, name, "up");
        }
        upper.hard_link(&path("merged/link"), &path("linked")).expect("linked");
        upper.symlink(&path("sym"), Attributes::default(), b"kept").expect("linked");
        let whiteout = Device { major: 0, minor: 0 };
        upper.char_device(&path("gone"), Attributes::default(), whiteout).expect("added");
        let mut opaque =
            Attributes { meta: Meta { mode: 0o711, ..Meta::default() }, ..Attributes::default() };
        opaque.xattrs.insert(b"trusted.overlay.opaque".to_vec(), b"y".to_vec());
        upper.directory(&path("opaque"), opaque).expect("added");
        lower.merge(&finished(upper)).expect("merged");
        let merged = finished(lower);
        assert_eq!(
            listing(&merged),
            [
                "/kept=low x1",
                "/linked=up x2",
                "/merged/link=up x2",
                "/merged/new=up x1",
                "/merged/old=low x1",
                "/opaque/new=up x1",
                "/replaced=up x1",
                "/sym->kept",
                "/was_file/y=up x1",
                "/was_folder=up x1",
            ]
        );
        let index = merged.index();
        let opaque = index.lookup(index.root(), b"opaque").expect("there");
        assert_eq!(index.inode(opaque).expect("there").meta.mode, 0o711);
        assert_eq!(index.xattrs(opaque).count(), 0, "what steered the merging is gone");
    }
}
