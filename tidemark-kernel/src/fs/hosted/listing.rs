//! Listing a directory that the host answers for.
//!
//! An open directory keeps the names that it was told when it was first read, until it is read from its beginning again:
//! so positions mean the same throughout, whatever happens at the host.

use std::borrow::Cow;
use std::sync::Arc;

use super::asks::{Effect, Heard};
use super::call::{FileCall, ListedName};
use crate::errno::{Errno, Result};
use crate::fs::node::{FileType, Listed};
use crate::fs::view::View;
use crate::fs::{FileId, Vfs};

/// The names in a directory, as far as they were told.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The parts, as they came.
    parts: Vec<Arc<[ListedName]>>,
    /// Where the next part begins; `None`: that is all.
    next: Option<u64>,
}

impl Listing {
    fn at(&self, index: u64) -> Option<&ListedName> {
        let mut index = usize::try_from(index).ok()?;
        for part in &self.parts {
            match part.get(index) {
                Some(name) => return Some(name),
                None => index -= part.len(),
            }
        }
        None
    }
}

/// `.` and `..` are first.
const DOTS: u64 = 2;

impl Vfs {
    /// Has the names in an open directory brought in; nothing to do for one that the host does not answer for.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn fetch_names(&mut self, file: FileId) -> Result<()> {
        let open = self.file(file)?;
        let (at, is_start) = (open.at, open.position == 0);
        let is_complete = open.listing.as_ref().is_some_and(|listing| listing.next.is_none());
        if !self.is_hosted(at) || (is_complete && !is_start) {
            return Ok(());
        }
        if is_complete || open.listing.is_none() {
            let listing = Listing { parts: Vec::new(), next: Some(0) };
            self.file_mut(file)?.listing = Some(Box::new(listing));
        }
        let path = self.host_directory(at)?;
        while let Some(position) = self.file(file)?.listing.as_ref().and_then(|listing| listing.next) {
            let call = FileCall::List { path: path.clone(), position };
            let Heard::Names { names, next } = self.ask(at, call, Effect::Nothing)? else {
                return Err(Errno::EIO);
            };
            let Some(listing) = &mut self.file_mut(file)?.listing else { return Err(Errno::EIO) };
            listing.parts.push(names);
            // A bridge that goes nowhere would be asked for ever.
            listing.next = next.filter(|next| *next > position);
        }
        Ok(())
    }

    /// The next entry of an open directory at `position` or after.
    ///
    /// # Errors
    /// As [`Vfs::next_entry`].
    pub(crate) fn next_of<'a>(
        &'a self,
        view: &View<'_>,
        file: FileId,
        position: u64,
    ) -> Result<Option<Listed<'a>>> {
        let open = self.file(file)?;
        let (Some(listing), Some(index)) = (&open.listing, position.checked_sub(DOTS)) else {
            return self.next_entry(view, open.at, position);
        };
        let found = listing.at(index);
        Ok(found.map(|found| Listed {
            name: Cow::Borrowed(&*found.name),
            // A number that says nothing, but is not 0: that would be a removed entry (`readdir(3)`).
            ino: if found.ino == 0 { 1 } else { found.ino },
            kind: if found.kind == FileType::Anonymous { FileType::Regular } else { found.kind },
            next: position + 1,
        }))
    }
}
