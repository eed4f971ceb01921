//! Random numbers and operand values: reproducible from a seed, and fond of the values that break things.

/// SplitMix64 (Steele, Lea, Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A value for an integer register.
    pub(crate) fn integer(&mut self) -> u64 {
        const EDGES: [u64; 12] = [
            0,
            1,
            2,
            u64::MAX,
            1 << 63,
            i64::MAX as u64,
            1 << 31,
            0x7fff_ffff,
            0xffff_ffff,
            0xffff_ffff_8000_0000,
            1 << 32,
            0x0080_0000_00ff_0100,
        ];
        match self.below(5) {
            0 => self.pick(&EDGES),
            1 => self.below(256).wrapping_sub(128),
            2 => self.next() as i32 as u64,
            3 => self.next() >> self.below(64),
            _ => self.next(),
        }
    }

    /// A value for a floating-point register.
    pub(crate) fn float(&mut self) -> u64 {
        if self.one_in(12) {
            self.next()
        } else if self.one_in(2) {
            self.double()
        } else {
            self.boxed_single()
        }
    }

    fn double(&mut self) -> u64 {
        let sign = self.next() << 63;
        let fraction = self.fraction(52);
        let exponent = match self.below(8) {
            0 => 0,
            1 => 0x7ff,
            2 => self.pick(&[1, 2, 0x7fe, 0x7fd]),
            // Around the ranges of singles and of integers.
            3 => 1023 - 152 + self.below(32),
            4 => 1023 + self.pick(&[30, 31, 32, 52, 53, 62, 63, 64, 127, 128]),
            5 => self.below(0x7ff),
            _ => 1023 - 3 + self.below(6),
        };
        sign | exponent << 52 | fraction
    }

    fn boxed_single(&mut self) -> u64 {
        let sign = (self.next() & 1) << 31;
        let fraction = self.fraction(23);
        let exponent = match self.below(8) {
            0 => 0,
            1 => 0xff,
            2 => self.pick(&[1, 2, 0xfe, 0xfd]),
            3 => 127 + self.pick(&[22, 23, 24, 30, 31, 32, 62, 63, 64]),
            4 => self.below(0xff),
            _ => 127 - 3 + self.below(6),
        };
        0xffff_ffff_0000_0000 | sign | exponent << 23 | fraction
    }

    /// A fraction field: all zeros or ones, few bits, or anything.
    fn fraction(&mut self, bits: u64) -> u64 {
        let mask = (1 << bits) - 1;
        match self.below(6) {
            0 => 0,
            1 => mask,
            2 => 1 << self.below(bits),
            3 => mask ^ 1 << self.below(bits),
            4 => self.next() & mask & !((1 << self.below(bits)) - 1),
            _ => self.next() & mask,
        }
    }
}
