//! The format against itself: what is encoded comes back, and nothing else is taken for a layer.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn node(kind: NodeKind) -> Node {
    Node { meta: Meta { mode: 0o755, ..Meta::default() }, kind, xattrs: BTreeMap::new() }
}

fn directory<const N: usize>(entries: [(&str, u32); N]) -> Node {
    node(NodeKind::Directory(entries.into_iter().map(|(name, inode)| (name.into(), inode)).collect()))
}

fn file() -> Node {
    node(NodeKind::File { offset: 0, size: 0 })
}

/// Contents of the trees below end here.
const CONTENTS_END: u64 = 64 * PAGE_SIZE;

fn decoded(nodes: &[Node]) -> Result<Index, FormatError> {
    Index::decode(&encode(nodes).expect("encodable"), CONTENTS_END)
}

#[test]
fn a_tree_can_be_walked() {
    let index = decoded(&[
        directory([("bin", 1), ("etc", 2)]),
        directory([("sh", 3), ("ls", 3)]),
        directory([("motd", 4), ("null", 5)]),
        node(NodeKind::File { offset: PAGE_SIZE, size: 5000 }),
        node(NodeKind::Symlink(b"../run/motd".into())),
        node(NodeKind::CharDevice(Device { major: 1, minor: 3 })),
    ])
    .expect("valid");
    let bin = index.lookup(index.root(), b"bin").expect("bin");
    let names: Vec<_> = index.entries(bin, 0).map(|entry| (entry.name, entry.inode)).collect();
    assert_eq!(names, [(b"ls".as_slice(), 3), (b"sh".as_slice(), 3)], "sorted by name");
    assert_eq!(index.inode(3).map(|inode| inode.nlink), Some(2), "two names");
    assert_eq!(index.inode(0).map(|inode| inode.nlink), Some(4), "two and two subdirectories");
    assert_eq!(index.inode(bin).map(|inode| inode.kind.clone()), Some(InodeKind::Directory { parent: 0 }));
    assert_eq!(index.symlink_target(4), Some(b"../run/motd".as_slice()));
    assert_eq!(index.symlink_target(3), None);
    assert_eq!(index.lookup(bin, b"cat"), None);
    assert_eq!(index.lookup(3, b"cat"), None, "not a directory");
    assert_eq!(index.inode(6), None);
    assert_eq!(index.entries(bin, 2).count(), 0);
}

#[test]
fn what_is_not_a_tree_is_refused() {
    let cases: [(&str, Vec<Node>); 7] = [
        ("no root", vec![]),
        ("root is not a directory", vec![file()]),
        ("directory with two parents", vec![directory([("a", 1), ("b", 1)]), directory([])]),
        ("directory with two parents", vec![directory([("a", 1)]), directory([("b", 0)])]),
        ("inode without a name", vec![directory([]), file()]),
        // A cycle that the root does not reach.
        ("inode without a name", vec![directory([]), directory([("a", 2)]), directory([("b", 1)])]),
        ("inode number out of range", vec![directory([("a", 9)])]),
    ];
    for (why, nodes) in cases {
        assert_eq!(decoded(&nodes), Err(FormatError::Invalid(why)));
    }
}

#[test]
fn contents_must_lie_between_header_and_index() {
    let with_file = |offset, size| decoded(&[directory([("f", 1)]), node(NodeKind::File { offset, size })]);
    assert!(with_file(CONTENTS_END - PAGE_SIZE, PAGE_SIZE).is_ok());
    for (offset, size) in [
        (CONTENTS_END - PAGE_SIZE, PAGE_SIZE + 1),
        (0, 1),
        (PAGE_SIZE + 1, 1),
        (PAGE_SIZE, 0),
        (PAGE_SIZE, u64::MAX),
        (u64::MAX - PAGE_SIZE + 1, PAGE_SIZE),
    ] {
        assert_eq!(
            with_file(offset, size),
            Err(FormatError::Invalid("file content out of range")),
            "{size} bytes at {offset}"
        );
    }
}

#[test]
fn names_are_checked_on_both_sides() {
    for bad in ["", ".", "..", "a/b", "a\0b"] {
        assert_eq!(
            encode(&[directory([(bad, 1)]), file()]),
            Err(FormatError::Invalid("file name")),
            "{bad:?}"
        );
    }
    let mut encoded = encode(&[directory([("abc", 1)]), file()]).expect("encodable");
    let at = encoded.len() - 2;
    encoded[at] = b'/';
    assert_eq!(Index::decode(&encoded, CONTENTS_END), Err(FormatError::Invalid("file name")));
}

#[test]
fn entries_out_of_order_are_refused() {
    let mut encoded = encode(&[directory([("a", 1), ("b", 1)]), file()]).expect("encodable");
    let at = encoded.len() - 2;
    encoded[at..].copy_from_slice(b"ba");
    assert_eq!(
        Index::decode(&encoded, CONTENTS_END),
        Err(FormatError::Invalid("order of directory entries"))
    );
    encoded[at..].copy_from_slice(b"aa");
    assert_eq!(
        Index::decode(&encoded, CONTENTS_END),
        Err(FormatError::Invalid("order of directory entries"))
    );
}

fn layer_of(index: &[u8]) -> Vec<u8> {
    let header = Header {
        index_offset: PAGE_SIZE,
        index_len: index.len() as u64,
        file_len: PAGE_SIZE + index.len() as u64,
        index_sha256: Sha256::digest(index).into(),
    };
    let mut layer = header.encode().to_vec();
    layer.resize(PAGE_SIZE as usize, 0);
    layer.extend_from_slice(index);
    layer
}

#[test]
fn a_damaged_file_is_told_from_a_foreign_one() {
    let layer = layer_of(&encode(&[directory([("f", 1)]), file()]).expect("encodable"));
    assert!(decode(&layer).is_ok());
    assert_eq!(decode(b"!<arch>\n"), Err(FormatError::NotALayer));
    assert_eq!(decode(&layer[..layer.len() - 1]), Err(FormatError::Truncated));
    assert_eq!(decode(&layer[..20]), Err(FormatError::Truncated));
    let mut other_version = layer.clone();
    other_version[8] = 2;
    assert_eq!(decode(&other_version), Err(FormatError::Version { found: 2 }));
    let mut flipped = layer.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    assert_eq!(decode(&flipped), Err(FormatError::Digest));
}

#[test]
fn counts_beyond_the_input_allocate_nothing() {
    // Four counts that promise 16 million records each, and no records.
    let mut bytes = Vec::new();
    for _ in 0..4 {
        bytes.extend_from_slice(&(limits::MAX_RECORDS as u32).to_le_bytes());
    }
    assert_eq!(Index::decode(&bytes, CONTENTS_END), Err(FormatError::Truncated));
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..12).prop_filter("not a file name", |name| is_valid_name(name))
}

fn any_leaf() -> impl Strategy<Value = NodeKind> {
    let device = (any::<u32>(), any::<u32>()).prop_map(|(major, minor)| Device { major, minor });
    prop_oneof![
        Just(NodeKind::File { offset: 0, size: 0 }),
        (1..32_u64, 1..32 * PAGE_SIZE)
            .prop_map(|(page, size)| NodeKind::File { offset: page * PAGE_SIZE, size }),
        vec(1..=u8::MAX, 1..20).prop_map(NodeKind::Symlink),
        device.clone().prop_map(NodeKind::CharDevice),
        device.prop_map(NodeKind::BlockDevice),
        Just(NodeKind::Fifo),
        Just(NodeKind::Socket),
    ]
}

fn any_node(kind: impl Strategy<Value = NodeKind>) -> impl Strategy<Value = Node> {
    let time = (any::<i64>(), 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanoseconds)| Timestamp { seconds, nanoseconds });
    let meta = (0..=0o7777_u16, any::<u32>(), any::<u32>(), time).prop_map(|(mode, uid, gid, mtime)| Meta {
        mode,
        uid,
        gid,
        mtime,
    });
    let xattrs = btree_map(vec(1..=u8::MAX, 1..8), vec(any::<u8>(), 0..8), 0..3);
    (meta, kind, xattrs).prop_map(|(meta, kind, xattrs)| Node { meta, kind, xattrs })
}

/// A random tree: directories hang on earlier directories, other inodes have one or two names anywhere.
fn any_tree() -> impl Strategy<Value = Vec<Node>> {
    let empty_directory = Just(NodeKind::Directory(BTreeMap::new()));
    let directories = vec((any_node(empty_directory), any_name(), any::<prop::sample::Index>()), 1..8);
    let leaves = vec((any_node(any_leaf()), vec((any_name(), any::<prop::sample::Index>()), 1..3)), 0..20);
    (directories, leaves).prop_map(|(directories, leaves)| {
        let mut nodes: Vec<Node> = Vec::new();
        let link =
            |nodes: &mut Vec<Node>, parent: usize, name: Vec<u8>, child: usize| match &mut nodes[parent].kind
            {
                NodeKind::Directory(entries) => match entries.entry(name) {
                    std::collections::btree_map::Entry::Occupied(_) => false,
                    std::collections::btree_map::Entry::Vacant(slot) => {
                        slot.insert(child as u32);
                        true
                    }
                },
                _ => false,
            };
        for (node, name, parent) in directories {
            let child = nodes.len();
            if child == 0 || link(&mut nodes, parent.index(child), name, child) {
                nodes.push(node);
            }
        }
        let directory_count = nodes.len();
        for (node, names) in leaves {
            let child = nodes.len();
            let linked = names
                .into_iter()
                .filter(|(name, parent)| link(&mut nodes, parent.index(directory_count), name.clone(), child))
                .count();
            if linked > 0 {
                nodes.push(node);
            }
        }
        nodes
    })
}

/// The node that a decoded inode was encoded from.
fn node_of(index: &Index, number: u32) -> Node {
    let inode = index.inode(number).expect("in range");
    let kind = match &inode.kind {
        InodeKind::File { offset, size } => NodeKind::File { offset: *offset, size: *size },
        InodeKind::Directory { .. } => NodeKind::Directory(
            index.entries(number, 0).map(|entry| (entry.name.to_vec(), entry.inode)).collect(),
        ),
        InodeKind::Symlink => NodeKind::Symlink(index.symlink_target(number).expect("target").to_vec()),
        InodeKind::CharDevice(device) => NodeKind::CharDevice(*device),
        InodeKind::BlockDevice(device) => NodeKind::BlockDevice(*device),
        InodeKind::Fifo => NodeKind::Fifo,
        InodeKind::Socket => NodeKind::Socket,
    };
    let xattrs = index.xattrs(number).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    Node { meta: inode.meta.clone(), kind, xattrs }
}

proptest! {
    #[test]
    fn trees_survive_a_round_trip(nodes in any_tree()) {
        let index = decoded(&nodes).expect("a tree");
        let back: Vec<Node> = (0..index.len() as u32).map(|number| node_of(&index, number)).collect();
        prop_assert_eq!(&back, &nodes);
        for node in 0..index.len() as u32 {
            for entry in index.entries(node, 0) {
                prop_assert_eq!(index.lookup(node, entry.name), Some(entry.inode));
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_another_tree(
        nodes in any_tree(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encode(&nodes).expect("encodable");
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // What still decodes is a tree that encodes; anything else is an error, never a panic.
        if let Ok(index) = Index::decode(&bytes, CONTENTS_END) {
            let back: Vec<Node> = (0..index.len() as u32).map(|number| node_of(&index, number)).collect();
            prop_assert!(encode(&back).is_ok());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Index::decode(&bytes, CONTENTS_END);
        let _ = decode(&layer_of(&bytes));
        let _ = decode(&bytes);
    }
}
