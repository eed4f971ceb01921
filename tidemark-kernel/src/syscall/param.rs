//! From raw registers to validated arguments, and their names for `--strace`.

use super::Cx;
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::signal::Signal;

/// How a parameter is shown in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// A signed number.
    Signed,
    /// An unsigned number.
    Unsigned,
    /// Bits, in hexadecimal.
    Flags,
    /// Octal permission bits.
    Mode,
    /// A file descriptor.
    Descriptor,
    /// A pointer.
    Address,
    /// A pointer to a NUL-terminated path.
    Path,
    /// A signal number.
    Signal,
}

/// A type that an argument register can be decoded into.
pub trait Param: Sized {
    /// How it is shown.
    const KIND: ParamKind;

    /// Decodes and validates.
    ///
    /// # Errors
    /// The error that the call answers, such as `EBADF` for a descriptor that is not open.
    fn decode(raw: u64, cx: &mut Cx<'_>) -> Result<Self>;
}

macro_rules! plain {
    ($($ty:ty: $kind:ident = |$raw:ident| $value:expr;)*) => {$(
        impl Param for $ty {
            const KIND: ParamKind = ParamKind::$kind;
            fn decode($raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
                Ok($value)
            }
        }
    )*};
}

impl Param for Signal {
    const KIND: ParamKind = ParamKind::Signal;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Signal::new(raw as u32).ok_or(Errno::EINVAL)
    }
}

// The C prototypes' `int` and `unsigned int` take the low half of the register, as the kernel's wrappers do.
plain! {
    i32: Signed = |raw| raw as i32;
    u32: Unsigned = |raw| raw as u32;
    i64: Signed = |raw| raw as i64;
    u64: Unsigned = |raw| raw;
    usize: Unsigned = |raw| usize::try_from(raw).unwrap_or(usize::MAX);
    GuestAddr: Address = |raw| GuestAddr(raw);
}
