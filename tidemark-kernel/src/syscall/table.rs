//! The table of system calls: one row each. It is the compatibility document.
//!
//! From it come dispatch, tracing, the compatibility page and the test that every row has a guest test.
//! Numbers are asm-generic's, as riscv64 uses them.

use super::{Cx, Param, ParamKind, Support, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Its parameters' names and how they are shown.
    pub params: &'static [(&'static str, ParamKind)],
    /// How far it is implemented.
    pub support: Support,
}

macro_rules! syscalls {
    ($($number:literal $name:ident($($arg:ident: $ty:ty),*) => $handler:path, $support:expr;)*) => {
        /// Decodes the arguments of call `number` and runs its handler.
        ///
        /// # Errors
        /// What decoding or the handler answers; `ENOSYS` where there is no row.
        pub fn dispatch(cx: &mut Cx<'_>, number: u64, args: &[u64; 6]) -> SysResult {
            match number {
                $($number => {
                    #[allow(unused_mut, unused_variables)]
                    let mut raw = args.iter().copied();
                    $(let $arg = <$ty as Param>::decode(raw.next().unwrap_or(0), cx)?;)*
                    $handler(cx $(, $arg)*)
                })*
                _ => Err(Errno::ENOSYS),
            }
        }

        /// Every row, by number.
        pub static ROWS: &[Row] = &[$(Row {
            number: $number,
            name: stringify!($name),
            params: &[$((stringify!($arg), <$ty as Param>::KIND)),*],
            support: $support,
        }),*];
    };
}

#[allow(unused_imports)]
use Support::{Full, Partial, Refused};

syscalls! {
    93 exit(status: i32) => super::process::exit, Full;
    94 exit_group(status: i32) => super::process::exit_group, Full;
    160 uname(buf: GuestAddr) => super::misc::uname, Full;
    172 getpid() => super::process::getpid, Full;
    173 getppid() => super::process::getppid, Full;
    174 getuid() => super::id::getuid, Full;
    175 geteuid() => super::id::geteuid, Full;
    176 getgid() => super::id::getgid, Full;
    177 getegid() => super::id::getegid, Full;
    178 gettid() => super::process::gettid, Full;
    278 getrandom(buf: GuestAddr, buflen: usize, flags: u32) => super::misc::getrandom, Full;
}

/// The row of a number.
pub fn row(number: u64) -> Option<&'static Row> {
    ROWS.binary_search_by_key(&number, |row| row.number).ok().map(|index| &ROWS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(ROWS.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
