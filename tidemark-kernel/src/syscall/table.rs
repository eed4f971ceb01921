//! The table of system calls: one row each. It is the compatibility document.
//!
//! From it come dispatch, tracing, the compatibility page and the test that every row has a guest test.
//! Numbers are asm-generic's, as riscv64 uses them.

use super::files::{DirFd, Mode, PathAddr};
use super::{Cx, Param, ParamKind, Support, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;

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
    5 setxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::setxattr, Full;
    6 lsetxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::lsetxattr, Full;
    7 fsetxattr(fd: Fd, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::fsetxattr, Full;
    8 getxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::getxattr, Full;
    9 lgetxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::lgetxattr, Full;
    10 fgetxattr(fd: Fd, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::fgetxattr, Full;
    11 listxattr(path: PathAddr, list: GuestAddr, size: u64) => super::xattr::listxattr, Full;
    12 llistxattr(path: PathAddr, list: GuestAddr, size: u64) => super::xattr::llistxattr, Full;
    13 flistxattr(fd: Fd, list: GuestAddr, size: u64) => super::xattr::flistxattr, Full;
    14 removexattr(path: PathAddr, name: GuestAddr) => super::xattr::removexattr, Full;
    15 lremovexattr(path: PathAddr, name: GuestAddr) => super::xattr::lremovexattr, Full;
    16 fremovexattr(fd: Fd, name: GuestAddr) => super::xattr::fremovexattr, Full;
    17 getcwd(buf: GuestAddr, size: u64) => super::dir::getcwd, Full;
    23 dup(oldfd: Fd) => super::open::dup, Full;
    24 dup3(oldfd: i32, newfd: i32, flags: OpenFlags) => super::open::dup3, Full;
    25 fcntl(fd: Fd, cmd: u32, arg: u64) => super::fcntl::fcntl, Partial("no SIGIO, leases or directory notification");
    29 ioctl(fd: Fd, request: u32, arg: GuestAddr) => super::fcntl::ioctl, Partial("no terminals");
    32 flock(fd: Fd, operation: u32) => super::fcntl::flock, Full;
    33 mknodat(dirfd: DirFd, path: PathAddr, mode: Mode, dev: u32) => super::dir::mknodat, Full;
    34 mkdirat(dirfd: DirFd, path: PathAddr, mode: Mode) => super::dir::mkdirat, Full;
    35 unlinkat(dirfd: DirFd, path: PathAddr, flags: u32) => super::dir::unlinkat, Full;
    36 symlinkat(target: PathAddr, newdirfd: DirFd, linkpath: PathAddr) => super::dir::symlinkat, Full;
    37 linkat(olddirfd: DirFd, oldpath: PathAddr, newdirfd: DirFd, newpath: PathAddr, flags: u32) => super::dir::linkat, Full;
    43 statfs(path: PathAddr, buf: GuestAddr) => super::stat::statfs, Full;
    44 fstatfs(fd: Fd, buf: GuestAddr) => super::stat::fstatfs, Full;
    45 truncate(path: PathAddr, length: i64) => super::seek::truncate, Full;
    46 ftruncate(fd: Fd, length: i64) => super::seek::ftruncate, Full;
    47 fallocate(fd: Fd, mode: u32, offset: i64, len: i64) => super::seek::fallocate, Partial("no collapsing or inserting of ranges, as on tmpfs");
    48 faccessat(dirfd: DirFd, path: PathAddr, mode: u32) => super::stat::faccessat, Full;
    49 chdir(path: PathAddr) => super::dir::chdir, Full;
    50 fchdir(fd: Fd) => super::dir::fchdir, Full;
    51 chroot(path: PathAddr) => super::dir::chroot, Full;
    52 fchmod(fd: Fd, mode: Mode) => super::dir::fchmod, Full;
    53 fchmodat(dirfd: DirFd, path: PathAddr, mode: Mode) => super::dir::fchmodat, Full;
    54 fchownat(dirfd: DirFd, path: PathAddr, owner: u32, group: u32, flags: u32) => super::dir::fchownat, Full;
    55 fchown(fd: Fd, owner: u32, group: u32) => super::dir::fchown, Full;
    56 openat(dirfd: DirFd, path: PathAddr, flags: OpenFlags, mode: Mode) => super::open::openat, Full;
    57 close(fd: Fd) => super::open::close, Full;
    59 pipe2(pipefd: GuestAddr, flags: OpenFlags) => super::pipe::pipe2, Partial("no packet mode (O_DIRECT)");
    61 getdents64(fd: Fd, dirp: GuestAddr, count: u32) => super::dir::getdents64, Full;
    62 lseek(fd: Fd, offset: i64, whence: u32) => super::seek::lseek, Full;
    63 read(fd: Fd, buf: GuestAddr, count: u64) => super::io::read, Full;
    64 write(fd: Fd, buf: GuestAddr, count: u64) => super::io::write, Full;
    65 readv(fd: Fd, iov: GuestAddr, iovcnt: u64) => super::io::readv, Full;
    66 writev(fd: Fd, iov: GuestAddr, iovcnt: u64) => super::io::writev, Full;
    67 pread64(fd: Fd, buf: GuestAddr, count: u64, offset: i64) => super::io::pread64, Full;
    68 pwrite64(fd: Fd, buf: GuestAddr, count: u64, offset: i64) => super::io::pwrite64, Full;
    69 preadv(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64) => super::io::preadv, Full;
    70 pwritev(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64) => super::io::pwritev, Full;
    78 readlinkat(dirfd: DirFd, path: PathAddr, buf: GuestAddr, bufsiz: i32) => super::stat::readlinkat, Full;
    79 newfstatat(dirfd: DirFd, path: PathAddr, statbuf: GuestAddr, flags: u32) => super::stat::newfstatat, Full;
    80 fstat(fd: Fd, statbuf: GuestAddr) => super::stat::fstat, Full;
    81 sync() => super::seek::sync, Full;
    82 fsync(fd: Fd) => super::seek::fsync, Full;
    83 fdatasync(fd: Fd) => super::seek::fsync, Full;
    84 sync_file_range(fd: Fd, offset: i64, nbytes: i64, flags: u32) => super::seek::sync_file_range, Full;
    88 utimensat(dirfd: DirFd, path: PathAddr, times: GuestAddr, flags: u32) => super::dir::utimensat, Full;
    93 exit(status: i32) => super::process::exit, Full;
    94 exit_group(status: i32) => super::process::exit_group, Full;
    160 uname(buf: GuestAddr) => super::misc::uname, Full;
    166 umask(mask: Mode) => super::dir::umask, Full;
    172 getpid() => super::process::getpid, Full;
    173 getppid() => super::process::getppid, Full;
    174 getuid() => super::id::getuid, Full;
    175 geteuid() => super::id::geteuid, Full;
    176 getgid() => super::id::getgid, Full;
    177 getegid() => super::id::getegid, Full;
    178 gettid() => super::process::gettid, Full;
    213 readahead(fd: Fd, offset: i64, count: u64) => super::seek::readahead, Full;
    223 fadvise64(fd: Fd, offset: i64, len: i64, advice: u32) => super::seek::fadvise64, Full;
    267 syncfs(fd: Fd) => super::seek::syncfs, Full;
    276 renameat2(olddirfd: DirFd, oldpath: PathAddr, newdirfd: DirFd, newpath: PathAddr, flags: u32) => super::dir::renameat2, Partial("no RENAME_WHITEOUT");
    278 getrandom(buf: GuestAddr, buflen: usize, flags: u32) => super::misc::getrandom, Full;
    286 preadv2(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64, flags: u32) => super::io::preadv2, Full;
    287 pwritev2(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64, flags: u32) => super::io::pwritev2, Partial("no RWF_APPEND or RWF_NOAPPEND");
    291 statx(dirfd: DirFd, path: PathAddr, flags: u32, mask: u32, statxbuf: GuestAddr) => super::stat::statx, Full;
    436 close_range(first: u32, last: u32, flags: u32) => super::open::close_range, Full;
    437 openat2(dirfd: DirFd, path: PathAddr, how: GuestAddr, size: u64) => super::open::openat2, Partial("no RESOLVE_ restrictions");
    439 faccessat2(dirfd: DirFd, path: PathAddr, mode: u32, flags: u32) => super::stat::faccessat2, Full;
    452 fchmodat2(dirfd: DirFd, path: PathAddr, mode: Mode, flags: u32) => super::dir::fchmodat2, Full;
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
