//! A program's arguments or environment: strings one after the other, as they will lie on its stack.
//!
//! Owns the list. It is one piece of memory, so that thousands of strings are given up as quickly as one.

/// Strings without NULs, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Strings {
    /// Each string has a NUL after it; one that is being added has none yet.
    text: Vec<u8>,
    count: u64,
}

impl Strings {
    /// Adds a string.
    pub fn push(&mut self, string: &[u8]) {
        self.extend_last(string);
        self.end_last();
    }

    /// Adds to a string that is not whole yet.
    pub fn extend_last(&mut self, piece: &[u8]) {
        self.text.extend_from_slice(piece);
    }

    /// The string that was being added is whole.
    pub fn end_last(&mut self) {
        self.text.push(0);
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

    /// The strings with their NULs.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Puts others in the first one's place.
    pub fn replace_first(&mut self, others: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        let first = self.text.iter().position(|byte| *byte == 0).map_or(0, |nul| nul + 1);
        let mut new: Strings = others.into_iter().collect();
        new.count += self.count.saturating_sub(1);
        self.text.splice(..first, new.text);
        self.count = new.count;
    }

    /// Where the string after the one at `at` begins; the end after the last.
    pub(super) fn after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.iter().position(|byte| *byte == 0).map_or(self.text.len(), |nul| at + nul + 1)
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
        assert_eq!((list.text(), list.len()), (&b"/bin/sh\0-e\0/script\0\0last\0"[..], 5));
        assert_eq!((list.after(0), list.after(19), list.after(20)), (8, 20, 25));
    }
}
