//! `/proc/sys` (`proc_sys(5)`, `sysctl(8)`): what can be set, and what was.
//!
//! Owns values that are kept because programs set them and read them back; those with an effect are where it is.

use std::collections::BTreeMap;

use crate::errno::{Errno, Result};
use crate::system::System;

/// Numbers that were set, by their entry in the table of fixed files.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    numbers: BTreeMap<u8, i64>,
}

impl Settings {
    /// A number's text.
    pub(super) fn shown(&self, entry: u8, default: i64) -> Vec<u8> {
        format!("{}\n", self.numbers.get(&entry).unwrap_or(&default)).into_bytes()
    }

    pub(super) fn set(&mut self, entry: u8, value: i64) {
        self.numbers.insert(entry, value);
    }
}

/// The number that was written, within its range.
///
/// # Errors
/// `EINVAL`.
pub(super) fn number(bytes: &[u8], least: i64, most: i64) -> Result<i64> {
    let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
    let value: i64 = text.parse().map_err(|_| Errno::EINVAL)?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(Errno::EINVAL) }
}

/// The longest name of a host (`__NEW_UTS_LEN`).
const NAME_BYTES: usize = 64;

pub(super) fn set_hostname(sys: &mut System, text: &[u8]) -> Result<()> {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(text.len());
    sys.hostname = text[..end.min(NAME_BYTES)].to_vec();
    Ok(())
}

pub(super) fn hostname(sys: &mut System) -> Vec<u8> {
    [&sys.hostname[..], b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_within_their_range() {
        assert_eq!(number(b" 10\n", 0, 200), Ok(10));
        assert_eq!(number(b"-1", -1000, 1000), Ok(-1));
        for wrong in [&b"201"[..], b"", b"1 2", b"x", b"-1"] {
            assert_eq!(number(wrong, 0, 200), Err(Errno::EINVAL));
        }
    }
}
