//! What any [`FileBridge`] must do: the same as [`MemoryFiles`] for any sequence of operations.
//!
//! The sequences come from whoever runs the suite: a property test, a fuzzer, a list. Operations name paths and open files
//! by small numbers, so that they meet.

use super::{Access, Changed, FileBridge, MemoryFiles, Rename, Subject};
use tidemark_kernel::Errno;

/// One operation. Paths are numbers of [`PATHS`], open files the order they were opened in; both are taken modulo how many
/// there are.
#[derive(Clone, Debug)]
pub enum Operation {
    /// [`FileBridge::stat`] of a path.
    Stat(u8),
    /// [`FileBridge::stat`] of an open file.
    StatOpen(u8),
    /// [`FileBridge::list`], all parts.
    List(u8),
    /// [`FileBridge::open`], and whether the file is emptied.
    Open(u8, bool),
    /// [`FileBridge::create`], and whether it must be new.
    Create(u8, bool),
    /// [`FileBridge::read`] from an offset on.
    Read(u8, u16),
    /// [`FileBridge::write`] of so many bytes, at an offset or at the end.
    Write(u8, Option<u16>, u8),
    /// [`FileBridge::make_directory`].
    MakeDirectory(u8),
    /// [`FileBridge::symlink`] that leads anywhere.
    Symlink(u8),
    /// [`FileBridge::link`].
    Link(u8, u8),
    /// [`FileBridge::rename`].
    Rename(u8, u8, Rename),
    /// [`FileBridge::remove`].
    Remove(u8, bool),
    /// [`FileBridge::change`] of permissions.
    SetMode(u8, u16),
    /// [`FileBridge::change`] of a path's size.
    SetSize(u8, u16),
    /// [`FileBridge::change`] of an open file's size.
    SetOpenSize(u8, u16),
    /// [`FileBridge::sync`].
    Sync(u8),
    /// [`FileBridge::close`].
    Close(u8),
}

/// The paths that operations use.
pub const PATHS: [&str; 9] = ["a", "b", "d", "e", "d/a", "d/b", "d/e", "d/e/a", "e/c"];

/// A way out that is no link's to follow.
const TARGET: &[u8] = b"../../outside";

/// Runs operations on a bridge that shows nothing yet, and on the model. What they answer must be the same, and so must be
/// all files in the end.
///
/// # Errors
/// The first difference, in words.
pub async fn compare(bridge: &dyn FileBridge, operations: &[Operation]) -> Result<(), String> {
    let model = MemoryFiles::new();
    let (mut tested, mut expected) =
        (Run { bridge, open: Vec::new() }, Run { bridge: &model, open: Vec::new() });
    for (number, operation) in operations.iter().enumerate() {
        let (found, wanted) = (tested.step(operation).await, expected.step(operation).await);
        if !agree(operation, &found, &wanted) {
            return Err(format!("operation {number}, {operation:?}: {found:?}, but expected {wanted:?}"));
        }
    }
    for path in 0..PATHS.len() as u8 {
        for operation in [Operation::Stat(path), Operation::List(path)] {
            let (found, wanted) = (tested.step(&operation).await, expected.step(&operation).await);
            if !agree(&operation, &found, &wanted) {
                return Err(format!("in the end, {operation:?}: {found:?}, but expected {wanted:?}"));
            }
        }
    }
    for handle in tested.open.into_iter().flatten() {
        bridge.close(handle).await;
    }
    Ok(())
}

/// Whether two answers are the same. Which of two paths is found wrong first is up to the bridge.
fn agree(operation: &Operation, found: &Result<String, Errno>, wanted: &Result<String, Errno>) -> bool {
    match (operation, found, wanted) {
        (Operation::Link(..) | Operation::Rename(..), Err(_), Err(_)) => true,
        _ => found == wanted,
    }
}

struct Run<'a> {
    bridge: &'a dyn FileBridge,
    open: Vec<Option<u64>>,
}

impl Run<'_> {
    fn handle(&self, number: u8) -> Result<u64, Errno> {
        if self.open.is_empty() {
            return Err(Errno::EBADF);
        }
        self.open[usize::from(number) % self.open.len()].ok_or(Errno::EBADF)
    }

    /// What an operation answers, in words that are the same for equal answers.
    async fn step(&mut self, operation: &Operation) -> Result<String, Errno> {
        let bridge = self.bridge;
        let both = Access { read: true, write: true, truncate: false };
        Ok(match *operation {
            Operation::Stat(at) => described(&bridge.stat(&Subject::Path(path(at))).await?),
            Operation::StatOpen(file) => described(&bridge.stat(&Subject::Handle(self.handle(file)?)).await?),
            Operation::List(at) => {
                let (mut names, mut position) = (Vec::new(), Some(0));
                while let Some(from) = position {
                    let part = bridge.list(&path(at), from).await?;
                    names.extend(part.names.iter().map(|name| (name.name.clone(), name.kind)));
                    position = part.next;
                }
                names.sort_by(|a, b| a.0.cmp(&b.0));
                format!("{names:?}")
            }
            Operation::Open(at, truncate) => {
                let opened = bridge.open(&path(at), Access { truncate, ..both }).await?;
                self.open.push(Some(opened.handle));
                described(&opened.stat)
            }
            Operation::Create(at, exclusive) => {
                let opened = bridge.create(&path(at), both, exclusive, 0o640, (0, 0)).await?;
                self.open.push(Some(opened.handle));
                described(&opened.stat)
            }
            Operation::Read(file, offset) => {
                let bytes = bridge.read(self.handle(file)?, offset.into(), 300).await?;
                format!("{bytes:?}")
            }
            Operation::Write(file, offset, len) => {
                let data: Vec<u8> = (0..=len).map(|byte| byte ^ file).collect();
                let written = bridge.write(self.handle(file)?, offset.map(u64::from), data.into()).await?;
                format!("{} up to {}, {}", written.count, written.end, described(&written.stat))
            }
            Operation::MakeDirectory(at) => {
                described(&bridge.make_directory(&path(at), 0o750, (0, 0)).await?)
            }
            Operation::Symlink(at) => described(&bridge.symlink(&path(at), TARGET, (0, 0)).await?),
            Operation::Link(from, to) => described(&bridge.link(&path(from), &path(to)).await?),
            Operation::Rename(from, to, how) => {
                bridge.rename(&path(from), &path(to), how).await?;
                "moved".to_owned()
            }
            Operation::Remove(at, directory) => {
                bridge.remove(&path(at), directory).await?;
                "removed".to_owned()
            }
            Operation::SetMode(at, perm) => {
                let to = Changed { perm: Some(perm & 0o777 | 0o600), ..Changed::default() };
                described(&bridge.change(&Subject::Path(path(at)), to).await?)
            }
            Operation::SetSize(at, size) => {
                let to = Changed { size: Some(size.into()), ..Changed::default() };
                described(&bridge.change(&Subject::Path(path(at)), to).await?)
            }
            Operation::SetOpenSize(file, size) => {
                let to = Changed { size: Some(size.into()), ..Changed::default() };
                described(&bridge.change(&Subject::Handle(self.handle(file)?), to).await?)
            }
            Operation::Sync(file) => {
                bridge.sync(self.handle(file)?).await?;
                "synced".to_owned()
            }
            Operation::Close(file) => {
                let handle = self.handle(file)?;
                bridge.close(handle).await;
                self.open.iter_mut().filter(|open| **open == Some(handle)).for_each(|open| *open = None);
                "closed".to_owned()
            }
        })
    }
}

fn path(number: u8) -> Vec<u8> {
    PATHS[usize::from(number) % PATHS.len()].as_bytes().to_vec()
}

/// What bridges agree on: not times, numbers or sizes of directories, nor how directories count their links.
fn described(stat: &super::FileStat) -> String {
    let attr = &stat.attr;
    let is_file = attr.kind == tidemark_kernel::fs::node::FileType::Regular;
    // A symbolic link's permissions mean nothing, and differ between systems.
    let is_link = attr.kind == tidemark_kernel::fs::node::FileType::Symlink;
    format!(
        "{:?} {:o} {}:{} {} {} -> {:?}",
        attr.kind,
        if is_link { 0 } else { attr.perm },
        attr.uid,
        attr.gid,
        if is_file { attr.size } else { 0 },
        if is_file { attr.nlink } else { 0 },
        String::from_utf8_lossy(&stat.target),
    )
}
