//! The vDSO (`vdso(7)`): code that the kernel lends to every program, so that reading a clock needs no system call.
//!
//! Owns the image and what is where in it. It is compiled from `vdso.c` by `build.sh` with a riscv64 compiler and is
//! committed, so that building Tidemark needs none; a test builds it again where one is installed.

use crate::time::Now;

/// The image: an ELF shared object of one segment, one page.
pub const IMAGE: &[u8] = include_bytes!("vdso.so");

/// Offset of `__vdso_rt_sigreturn` in the image, where signal handlers return to.
pub const RT_SIGRETURN: u64 = 0x454;

/// Offset of the sequence number (`u32`, odd while it is being written) in the page before the image.
pub const VVAR_SEQUENCE: u64 = 0;

/// Offset of `CLOCK_REALTIME` minus `CLOCK_MONOTONIC`, in nanoseconds (`u64`), in the same page.
pub const VVAR_REALTIME_OFFSET: u64 = 8;

/// Offset of the keys of `riscv_hwprobe` that are answered (`u64`, a bit each), and of the answers (`u64` each).
pub const VVAR_HWPROBE_KNOWN: u64 = 16;
/// See [`VVAR_HWPROBE_KNOWN`].
pub const VVAR_HWPROBE: u64 = 24;
/// Keys that there is room for.
pub const VVAR_HWPROBE_KEYS: u64 = 16;

/// The number that the clocks' code adds to `rdtime`.
pub const fn realtime_offset(now: Now) -> u64 {
    now.realtime.wrapping_sub(now.monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn fits_a_page_and_returns_from_signals() {
        assert!(IMAGE.len() <= 4096);
        // li a7, 139; ecall
        let code = &IMAGE[RT_SIGRETURN as usize..][..8];
        assert_eq!(code, [0x93, 0x08, 0xb0, 0x08, 0x73, 0x00, 0x00, 0x00]);
    }

    /// The committed image is what its source compiles to, where the compiler it was made with is installed.
    #[test]
    fn is_fresh() {
        const COMPILER: &str = "12.2.0";
        let version = Command::new("riscv64-linux-gnu-gcc").arg("-dumpfullversion").output();
        let same = version.is_ok_and(|output| output.stdout.trim_ascii() == COMPILER.as_bytes());
        if !same {
            eprintln!("vdso: not compared, riscv64-linux-gnu-gcc {COMPILER} is not installed");
            return;
        }
        let out = std::env::temp_dir().join(format!("tidemark-vdso-{}.so", std::process::id()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/exec/vdso/build.sh");
        assert!(Command::new(script).arg(&out).status().unwrap().success());
        let built = std::fs::read(&out).unwrap();
        std::fs::remove_file(&out).unwrap();
        assert!(built == IMAGE, "vdso.so is stale: run tidemark-kernel/src/exec/vdso/build.sh");
    }
}
