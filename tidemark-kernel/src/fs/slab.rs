//! A table of values by small number: what stands behind the ids of open files, pipes and nodes.

/// Values by number; a number is given again once its value was removed. In pieces, so that growth moves nothing.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// Each but the last is full.
    pieces: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
}

/// Bytes of a piece, about: making one costs no more than touching two pages of memory for the first time.
const PIECE_BYTES: usize = 4096;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { pieces: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Values in a piece.
    const PIECE: usize = {
        let size = size_of::<Option<T>>();
        match size {
            0..=64 => 64,
            65..=PIECE_BYTES => PIECE_BYTES / size,
            _ => 1,
        }
    };

    /// Enters a value and answers its number.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(key) = self.free.pop() {
            self.put_back(key, value);
            return key;
        }
        let key = self.room();
        match self.pieces.last_mut().filter(|piece| piece.len() < Self::PIECE) {
            Some(piece) => piece.push(Some(value)),
            None => {
                let mut piece = Vec::with_capacity(Self::PIECE);
                piece.push(Some(value));
                self.pieces.push(piece);
            }
        }
        key as u32
    }

    /// Numbers in use and free.
    pub(crate) fn room(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * Self::PIECE + last.len())
    }

    fn entry(&mut self, key: u32) -> Option<&mut Option<T>> {
        self.pieces.get_mut(key as usize / Self::PIECE)?.get_mut(key as usize % Self::PIECE)
    }

    /// The value of this number.
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        self.pieces.get(key as usize / Self::PIECE)?.get(key as usize % Self::PIECE)?.as_ref()
    }

    /// The value of this number.
    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        self.entry(key)?.as_mut()
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: u32) -> Option<T> {
        let value = self.entry(key)?.take();
        if value.is_some() {
            self.free.push(key);
        }
        value
    }

    /// Takes a value out for a moment; its number stays taken until [`Slab::put_back`].
    pub(crate) fn take(&mut self, key: u32) -> Option<T> {
        self.entry(key)?.take()
    }

    /// Ends a [`Slab::take`].
    pub(crate) fn put_back(&mut self, key: u32, value: T) {
        if let Some(entry) = self.entry(key) {
            *entry = Some(value);
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.room() - self.free.len()
    }

    /// The number after the largest that was ever given.
    pub(crate) fn end(&self) -> u32 {
        self.room() as u32
    }

    /// All values with their numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.pieces.iter().flatten().zip(0..).filter_map(|(entry, key)| Some((key, entry.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_again() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.insert('c'), a);
        assert_eq!(slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), [(a, 'c'), (b, 'b')]);
    }

    #[test]
    fn growth_keeps_every_number() {
        let mut slab = Slab::default();
        let count = 3 * Slab::<u32>::PIECE as u32 + 1;
        assert!((0..count).all(|value| slab.insert(value) == value));
        assert!((0..count).all(|key| slab.get(key) == Some(&key)));
        assert!(slab.iter().map(|(key, _)| key).eq(0..count));
        assert_eq!((slab.len(), slab.get(count)), (count as usize, None));
    }
}
