//! Going on with a finished layer.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::builder::{BuildError, LayerBuilder};
use super::format::{self, HEADER_LEN, Header, Index, InodeKind, Node, NodeKind};

impl<W: Read + Write + Seek> LayerBuilder<W> {
    /// Goes on with the layer in `out`: what is added comes over what is there. Until [`LayerBuilder::finish_sized`], only
    /// the old index is written over; a layer that was opened before can still be read.
    ///
    /// # Errors
    /// [`BuildError::Read`] and [`BuildError::Format`] if `out` holds no whole layer, [`BuildError::Write`].
    pub fn resume(mut out: W) -> Result<Self, BuildError> {
        let unreadable = |source: io::Error| BuildError::Read { what: "the layer".into(), source };
        out.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut header = [0; HEADER_LEN];
        out.read_exact(&mut header).map_err(unreadable)?;
        let header = Header::decode(&header)?;
        out.seek(SeekFrom::Start(header.index_offset)).map_err(unreadable)?;
        let mut index = Vec::new();
        Read::by_ref(&mut out).take(header.index_len).read_to_end(&mut index).map_err(unreadable)?;
        let index = format::decode_index(&header, &index)?;
        Self::go_on(out, nodes_of(&index), header.index_offset)
    }
}

/// The tree of an index in the form that it is built in.
fn nodes_of(index: &Index) -> Vec<Node> {
    let count = u32::try_from(index.len()).unwrap_or(u32::MAX);
    (0..count)
        .filter_map(|number| {
            let inode = index.inode(number)?;
            let kind = match inode.kind {
                InodeKind::File { offset, size } => NodeKind::File { offset, size },
                InodeKind::Directory { .. } => NodeKind::Directory(
                    index.entries(number, 0).map(|entry| (entry.name.to_vec(), entry.inode)).collect(),
                ),
                InodeKind::Symlink => {
                    NodeKind::Symlink(index.symlink_target(number).unwrap_or_default().to_vec())
                }
                InodeKind::CharDevice(device) => NodeKind::CharDevice(device),
                InodeKind::BlockDevice(device) => NodeKind::BlockDevice(device),
                InodeKind::Fifo => NodeKind::Fifo,
                InodeKind::Socket => NodeKind::Socket,
            };
            let xattrs: BTreeMap<_, _> =
                index.xattrs(number).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            Some(Node { meta: inode.meta.clone(), kind, xattrs })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{Attributes, EntryKind, LayerPath, layer_from_bytes};
    use super::*;

    fn path(path: &str) -> LayerPath {
        LayerPath::new(path.as_bytes()).expect("safe")
    }

    fn finished(builder: LayerBuilder<Cursor<Vec<u8>>>) -> Vec<u8> {
        let (out, len) = builder.finish_sized().expect("finished");
        let mut bytes = out.into_inner();
        bytes.truncate(usize::try_from(len).expect("small"));
        bytes
    }

    #[test]
    fn a_layer_is_gone_on_with() {
        let mut first = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
        for (name, content) in [("a/kept", "kept"), ("a/gone", "gone"), ("a/b/deep", "deep"), ("c", "old")] {
            first.file(&path(name), Attributes::default(), &mut content.as_bytes()).expect("added");
        }
        first.hard_link(&path("link"), &path("a/kept")).expect("linked");
        first.symlink(&path("sym"), Attributes::default(), b"a").expect("linked");
        let bytes = finished(first);
        let mut second = LayerBuilder::resume(Cursor::new(bytes)).expect("a layer");
        assert_eq!(second.kind_at(&path("sym")), Some(EntryKind::Symlink(b"a".to_vec())));
        second.remove(&path("a/gone")).expect("removed");
        second.remove(&path("a/b")).expect("removed");
        second.remove(&path("not/there")).expect("nothing to do");
        second.file(&path("c"), Attributes::default(), &mut b"new".as_slice()).expect("replaced");
        let bytes = finished(second);
        let layer = layer_from_bytes(bytes.clone()).expect("a layer");
        let index = layer.index();
        let find =
            |path: &str| path.split('/').try_fold(index.root(), |at, name| index.lookup(at, name.as_bytes()));
        let read = |path: &str| match index.inode(find(path)?)?.kind {
            InodeKind::File { offset, size } => {
                Some(bytes[offset as usize..(offset + size) as usize].to_vec())
            }
            _ => None,
        };
        assert_eq!(read("a/kept").as_deref(), Some(b"kept".as_slice()));
        assert_eq!(find("link"), find("a/kept"));
        assert_eq!(read("c").as_deref(), Some(b"new".as_slice()));
        assert_eq!((find("a/gone"), find("a/b")), (None, None));
    }

    #[test]
    fn what_is_no_layer_is_refused() {
        assert!(LayerBuilder::resume(Cursor::new(b"no layer".to_vec())).is_err());
        let whole = finished(LayerBuilder::new(Cursor::new(Vec::new())).expect("memory"));
        assert!(LayerBuilder::resume(Cursor::new(whole[..whole.len() - 1].to_vec())).is_err());
    }
}
