//! A program's arguments or environment: strings one after the other, as they will lie on its stack.
//!
//! Owns the list. It is a few pieces of memory, so that thousands of strings are given up as quickly as one.

use core::ffi::CStr;

/// Strings without NULs, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Strings {
    /// Each string has a NUL after it; one that is being added has none yet. In pieces of [`PIECE`] bytes, the last one
    /// perhaps shorter, so that growth moves nothing.
    pieces: Vec<Vec<u8>>,
    count: u64,
}

/// Bytes of text in one piece of memory.
const PIECE: usize = 16 << 10;

impl Strings {
    /// Adds a string.
    pub fn push(&mut self, string: &[u8]) {
        self.extend_last(string);
        self.end_last();
    }

    /// Adds to a string that is not whole yet.
    pub fn extend_last(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
                // Most lists are short.
                let room = if self.pieces.is_empty() { 0 } else { PIECE };
                self.pieces.push(Vec::with_capacity(room));
            }
            let Some(piece) = self.pieces.last_mut() else { return };
            let (fits, rest) = text.split_at(text.len().min(PIECE - piece.len()));
            piece.extend_from_slice(fits);
            text = rest;
        }
    }

    /// The string that was being added is whole.
    pub fn end_last(&mut self) {
        self.extend_last(&[0]);
        self.count += 1;
    }

    /// How many strings there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the strings with their NULs.
    pub fn bytes(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    /// Some of the strings' bytes with their NULs, from `at` on; none at the end.
    pub fn text(&self, at: usize) -> &[u8] {
        self.pieces.get(at / PIECE).and_then(|piece| piece.get(at % PIECE..)).unwrap_or_default()
    }

    /// Puts others in the first one's place.
    pub fn replace_first(&mut self, others: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        let old = core::mem::replace(self, others.into_iter().collect());
        let mut at = old.after(0);
        while at < old.bytes() {
            let text = old.text(at);
            self.extend_last(text);
            at += text.len();
        }
        self.count += old.count.saturating_sub(1);
    }

    /// Where the string after the one at `at` begins; the end after the last.
    pub(super) fn after(&self, mut at: usize) -> usize {
        loop {
            let text = self.text(at);
            match CStr::from_bytes_until_nul(text) {
                Ok(string) => return at + string.count_bytes() + 1,
                Err(_) if text.is_empty() => return at,
                Err(_) => at += text.len(),
            }
        }
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for Strings {
    fn from_iter<I: IntoIterator<Item = S>>(list: I) -> Strings {
        let mut strings = Strings::default();
        list.into_iter().for_each(|string| strings.push(string.as_ref()));
        strings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_s_interpreter_takes_the_first_place() {
        let mut list: Strings = ["script", "", "last"].into_iter().collect();
        list.replace_first(["/bin/sh", "-e", "/script"]);
        assert_eq!((list.text(0), list.len()), (&b"/bin/sh\0-e\0/script\0\0last\0"[..], 5));
        assert_eq!((list.after(0), list.after(19), list.after(20)), (8, 20, 25));
    }

    #[test]
    fn a_string_may_lie_in_several_pieces() {
        let long = vec![b'x'; 2 * PIECE + 5];
        let mut list: Strings = [&b"a"[..], &long, b"b"].into_iter().collect();
        assert_eq!((list.after(0), list.after(2), list.bytes()), (2, 2 * PIECE + 8, 2 * PIECE + 10));
        list.replace_first([b"c"; 3]);
        assert_eq!((list.len(), list.bytes(), list.after(6)), (5, 2 * PIECE + 14, 2 * PIECE + 12));
        assert_eq!(list.text(2 * PIECE + 12), b"b\0");
    }
}
