//! Reading and writing the files of procfs.
//!
//! Owns what an open file keeps of its text, and which part is made when. What the texts say is told in the files beside
//! this one.

use super::fixed::{FIXED, FixedKind};
use super::process::{self, ENTRIES, EntryKind, Tally};
use super::{Node, settings};
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::file::FileKind;
use crate::system::System;
use crate::task::{Pid, Tid};

/// What an open file shows of a text that is made up.
#[derive(Debug, Default)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    /// The offset of the first byte: not 0 where only what is looked at is made.
    base: u64,
    making: Making,
}

/// How far the making of a text is.
#[derive(Clone, Copy, Debug, Default)]
enum Making {
    /// It was not begun.
    #[default]
    Not,
    /// It goes on here.
    Until(Rest),
    /// It is all there.
    Whole,
}

/// Where the making of a text goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// An address, or whatever else the text goes by.
    pub(super) from: u64,
    /// What was counted so far.
    pub(super) tally: Tally,
}

impl Text {
    /// What there is from an offset on.
    pub(crate) fn at(&self, offset: u64) -> &[u8] {
        let start = offset.checked_sub(self.base).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.bytes.get(start..)).unwrap_or_default()
    }
}

/// What [`System::make_text`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextState {
    /// It is all there, or what is read is.
    Ready,
    /// A part was made, which takes much of a step.
    Made,
    /// A part was made, and what is read comes later: in another step.
    Behind,
}

impl System {
    /// Makes the text of an open file of procfs that is to be read at `position`: anew at its start, else the part that
    /// follows, if it is not all there.
    ///
    /// # Errors
    /// `ESRCH` when its process is gone, `EACCES` for what the reader may not see, `EIO` for memory that is not there.
    pub(crate) fn make_text(
        &mut self,
        file: FileId,
        position: u64,
        caller: Option<(Pid, Tid)>,
    ) -> Result<TextState> {
        let open = self.fs.file(file)?;
        let FileKind::Text(old) = &open.kind else { return Ok(TextState::Ready) };
        let Some(node) = self.proc_node(open.at) else { return Ok(TextState::Ready) };
        if !open.readable {
            return Ok(TextState::Ready);
        }
        if let Node::Entry(owner, entry) = node
            && let EntryKind::Memory(which) = ENTRIES[usize::from(entry)].kind
        {
            let bytes = process::look_at_memory(self, owner, caller, which, position)?;
            self.keep_text(file, Text { bytes, base: position, making: Making::Whole })?;
            return Ok(TextState::Ready);
        }
        let from = match old.making {
            Making::Until(rest) if old.bytes.len() as u64 <= position => rest,
            Making::Not => Rest::default(),
            _ if position == 0 => Rest::default(),
            _ => return Ok(TextState::Ready),
        };
        let goes_on = matches!(old.making, Making::Until(_)) && old.bytes.len() as u64 <= position;
        let (part, rest) = self.make_part(node, caller, from)?;
        let FileKind::Text(text) = &mut self.fs.file_mut(file)?.kind else { return Ok(TextState::Ready) };
        if !goes_on {
            text.bytes.clear();
        }
        text.bytes.extend_from_slice(&part);
        text.making = rest.map_or(Making::Whole, Making::Until);
        Ok(match rest {
            None => TextState::Ready,
            Some(_) if text.bytes.len() as u64 <= position => TextState::Behind,
            Some(_) => TextState::Made,
        })
    }

    fn keep_text(&mut self, file: FileId, text: Text) -> Result<()> {
        if let FileKind::Text(old) = &mut self.fs.file_mut(file)?.kind {
            *old = text;
        }
        Ok(())
    }

    fn make_part(
        &mut self,
        node: Node,
        caller: Option<(Pid, Tid)>,
        from: Rest,
    ) -> Result<(Vec<u8>, Option<Rest>)> {
        match node {
            Node::Fixed(entry) | Node::Net(_, entry) => match FIXED[usize::from(entry)].kind {
                FixedKind::Text(make) => Ok((make(self), None)),
                FixedKind::Setting(setting) => Ok(((setting.show)(self), None)),
                FixedKind::Parts(make) => {
                    let (part, rest) = make(self, from.from);
                    Ok((part, rest.map(|from| Rest { from, ..Rest::default() })))
                }
                FixedKind::Number { default, .. } => Ok((self.settings.shown(entry, default), None)),
                _ => Err(Errno::EINVAL),
            },
            Node::Entry(owner, entry) => match ENTRIES[usize::from(entry)].kind {
                EntryKind::Text(which) => process::text(self, owner, caller, which, from),
                _ => Err(Errno::EINVAL),
            },
            Node::Descriptor { owner, fd, .. } => Ok((self.descriptor_info(owner, fd)?, None)),
            // A file of the namespaces' own: there is nothing to read.
            _ => Err(Errno::EINVAL),
        }
    }

    /// What is written to a file of procfs: how much of it was taken.
    ///
    /// # Errors
    /// `EINVAL` for what the file does not take; `EIO` for one that takes nothing; `ESRCH`, `EPERM`.
    pub(crate) fn write_text(
        &mut self,
        file: FileId,
        caller: (Pid, Tid),
        position: u64,
        bytes: &[u8],
    ) -> Result<usize> {
        match self.proc_node(self.fs.file(file)?.at) {
            Some(Node::Entry(owner, entry)) => match ENTRIES[usize::from(entry)].kind {
                EntryKind::Memory(which) => {
                    process::change_memory(self, owner, caller, which, position, bytes)
                }
                EntryKind::Text(which) => {
                    process::write(self, owner, caller, which, bytes).map(|()| bytes.len())
                }
                _ => Err(Errno::EINVAL),
            },
            Some(Node::Fixed(entry)) => match FIXED[usize::from(entry)].kind {
                FixedKind::Setting(setting) => (setting.set)(self, bytes).map(|()| bytes.len()),
                FixedKind::Number { least, most, .. } => {
                    let value = settings::number(bytes, least, most)?;
                    self.settings.set(entry, value);
                    Ok(bytes.len())
                }
                _ => Err(Errno::EIO),
            },
            _ => Err(Errno::EINVAL),
        }
    }
}
