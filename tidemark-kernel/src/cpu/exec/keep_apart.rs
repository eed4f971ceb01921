//! One trick against the optimiser.

/// Keeps the compiler from merging the ends of the loop's arms, which are much alike: each merged end costs a jump
/// for every instruction executed, a fifth of the speed. An empty piece of assembly, different in each arm, does that.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! keep_apart {
    () => {
        // SAFETY: a comment does nothing.
        unsafe { std::arch::asm!(concat!("/* ", line!(), " */"), options(nomem, nostack, preserves_flags)) }
    };
}

/// WebAssembly engines compile arms as they are.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
macro_rules! keep_apart {
    () => {};
}

pub(super) use keep_apart;
