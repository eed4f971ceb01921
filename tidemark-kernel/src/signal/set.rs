//! Signal numbers and sets of them (`signal(7)`, `sigsetops(3)`; riscv64 uses the asm-generic numbering).

use core::fmt;

/// The highest signal number, `_NSIG`.
pub const SIGNALS: u32 = 64;

/// The first real-time signal as the kernel counts them; the C library takes the first few for itself.
const FIRST_REALTIME: u8 = 32;

/// A signal, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

macro_rules! signals {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl Signal {
            $(#[doc = concat!("`SIG", stringify!($name), "`, see `signal(7)`.")]
            pub const $name: Signal = Signal($number);)*

            const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(concat!("SIG", stringify!($name))),)*
                    _ => None,
                }
            }
        }
    };
}

signals! {
    HUP = 1, INT = 2, QUIT = 3, ILL = 4, TRAP = 5, ABRT = 6, BUS = 7, FPE = 8, KILL = 9, USR1 = 10, SEGV = 11,
    USR2 = 12, PIPE = 13, ALRM = 14, TERM = 15, STKFLT = 16, CHLD = 17, CONT = 18, STOP = 19, TSTP = 20, TTIN = 21,
    TTOU = 22, URG = 23, XCPU = 24, XFSZ = 25, VTALRM = 26, PROF = 27, WINCH = 28, IO = 29, PWR = 30, SYS = 31,
}

/// What happens where there is no handler (`signal(7)`, "Standard signals").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// The process ends.
    Terminate,
    /// The process ends, and Linux would write a core file.
    Core,
    /// Nothing.
    Ignore,
    /// The process stops.
    Stop,
    /// The process goes on if it was stopped.
    Continue,
}

impl Signal {
    /// Checks the range.
    pub const fn new(number: u32) -> Option<Signal> {
        if number >= 1 && number <= SIGNALS { Some(Signal(number as u8)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether more than one can be pending.
    pub const fn is_realtime(self) -> bool {
        self.0 >= FIRST_REALTIME
    }

    /// Whether it can be neither caught, blocked nor ignored.
    pub const fn is_unstoppable(self) -> bool {
        matches!(self, Signal::KILL | Signal::STOP)
    }

    /// What happens where there is no handler.
    pub const fn default_action(self) -> DefaultAction {
        match self {
            Signal::QUIT
            | Signal::ILL
            | Signal::TRAP
            | Signal::ABRT
            | Signal::BUS
            | Signal::FPE
            | Signal::SEGV
            | Signal::XCPU
            | Signal::XFSZ
            | Signal::SYS => DefaultAction::Core,
            Signal::CHLD | Signal::URG | Signal::WINCH => DefaultAction::Ignore,
            Signal::CONT => DefaultAction::Continue,
            Signal::STOP | Signal::TSTP | Signal::TTIN | Signal::TTOU => DefaultAction::Stop,
            _ => DefaultAction::Terminate,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "SIGRT_{}", self.0 - FIRST_REALTIME),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of signals; signal `n` is bit `n - 1`, as in the kernel's `sigset_t`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SigSet(u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: SigSet = SigSet(0);
    /// Every signal.
    pub const ALL: SigSet = SigSet(u64::MAX);
    /// Those that cannot be blocked.
    pub const UNSTOPPABLE: SigSet = SigSet::of(&[Signal::KILL, Signal::STOP]);
    /// Those whose default is to stop the process.
    pub const STOPS: SigSet = SigSet::of(&[Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU]);
    /// Those that a fault of the thread itself raises, delivered before all others.
    pub const SYNCHRONOUS: SigSet =
        SigSet::of(&[Signal::SEGV, Signal::BUS, Signal::ILL, Signal::TRAP, Signal::FPE, Signal::SYS]);

    /// These signals.
    pub const fn of(signals: &[Signal]) -> SigSet {
        let mut bits = 0;
        let mut index = 0;
        while index < signals.len() {
            bits |= 1 << (signals[index].0 - 1);
            index += 1;
        }
        SigSet(bits)
    }

    /// From the guest's eight bytes.
    pub const fn from_bits(bits: u64) -> SigSet {
        SigSet(bits)
    }

    /// The guest's eight bytes.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether it holds `signal`.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & (1 << (signal.0 - 1)) != 0
    }

    /// Adds `signal`.
    pub const fn insert(&mut self, signal: Signal) {
        self.0 |= 1 << (signal.0 - 1);
    }

    /// Takes `signal` out.
    pub const fn remove(&mut self, signal: Signal) {
        self.0 &= !(1 << (signal.0 - 1));
    }

    /// The signals in either.
    pub const fn union(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }

    /// The signals in both.
    pub const fn and(self, other: SigSet) -> SigSet {
        SigSet(self.0 & other.0)
    }

    /// The signals in this but not in `other`.
    pub const fn without(self, other: SigSet) -> SigSet {
        SigSet(self.0 & !other.0)
    }

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lowest signal in it.
    pub const fn first(self) -> Option<Signal> {
        if self.0 == 0 { None } else { Some(Signal(self.0.trailing_zeros() as u8 + 1)) }
    }
}

impl fmt::Debug for SigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        f.debug_set()
            .entries(core::iter::from_fn(|| {
                let signal = rest.first()?;
                rest.remove(signal);
                Some(signal)
            }))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bits() {
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        assert_eq!(SigSet::of(&[Signal::HUP, Signal::KILL]).bits(), 0x101);
        assert_eq!(SigSet::from_bits(1 << 63).first(), Signal::new(64));
        assert_eq!(format!("{:?}", SigSet::UNSTOPPABLE), "{SIGKILL, SIGSTOP}");
    }
}
