//! Decoding a layer: files that anybody may have written.

use tidemark_kernel::fs::layer::format::{Index, InodeKind, decode};

/// Decodes the bytes as a whole layer, and as an index alone (the digest in the header would let nothing through), and
/// walks what comes of it.
pub fn layer_index(bytes: &[u8]) {
    /// Where contents end, for the index alone: any number that leaves room for some.
    const CONTENTS_END: u64 = 1 << 20;
    // Most of these end at the header, which is then what is tested.
    let _ = decode(bytes);
    if let Ok(index) = Index::decode(bytes, CONTENTS_END) {
        walk(&index);
    }
}

/// Every promise of a decoded index is kept: entries are found by their names, and everything has bounds.
fn walk(index: &Index) {
    let mut ahead = vec![index.root()];
    let mut steps = 0;
    while let Some(number) = ahead.pop() {
        steps += 1;
        assert!(steps <= index.len(), "an index is a tree: nothing is reached twice but by hard links");
        let inode = index.inode(number).expect("what an entry names exists");
        index.xattrs(number).for_each(|(name, _)| assert!(!name.is_empty()));
        match inode.kind {
            InodeKind::Symlink => assert!(index.symlink_target(number).is_some()),
            InodeKind::Directory { .. } => {
                assert_eq!(index.entries(number, 0).count(), index.entry_count(number));
                for entry in index.entries(number, 0) {
                    assert_eq!(index.lookup(number, entry.name), Some(entry.inode));
                    let child = index.inode(entry.inode).expect("what an entry names exists");
                    if matches!(child.kind, InodeKind::Directory { .. }) {
                        ahead.push(entry.inode);
                    }
                }
            }
            _ => {}
        }
    }
}
