//! The one shared memory: a region that grows and never moves.
//!
//! Owns the contract on the region's address, growth and accounting. It does not own what lies in it (the kernel's
//! frames) nor how guest memory is accessed (one module of the kernel, by raw pointers; never a Rust reference).

#![allow(unsafe_code, reason = "declares the trait on whose implementors the kernel's raw accesses rely")]

use std::ops::Range;

use crate::error::HostError;

/// One region of memory that every worker sees at the same address; guest pages live in it. Worker side.
///
/// Places in it are *offsets* in bytes from [`base`](Self::base). Natively it is a reserved mapping, in WebAssembly the
/// module's own linear memory, whose base is address 0. A handle is cheap to clone; all clones are the same region,
/// which lives at least as long as the last of them.
///
/// # Safety
/// Raw accesses are made on the strength of an implementation's answers. It guarantees, as long as a clone is alive:
/// - [`base`](Self::base) always answers the same address, aligned to
///   [`GROWTH_STEP_BYTES`](crate::limits::GROWTH_STEP_BYTES).
/// - Every byte of a range that [`grow`](Self::grow) returned stays readable and writable from every thread.
/// - No two of these ranges overlap, and the host makes no use of their bytes of its own: it never reads or writes
///   them, allocates from them, or makes a reference to them.
pub unsafe trait SharedMemory: Clone + Send + Sync + 'static {
    /// The address of offset 0. Only offsets within ranges that [`grow`](Self::grow) returned may be accessed.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `memory: generated growth, writes and discards`
    /// - `memory: workers see the same bytes`
    fn base(&self) -> *mut u8;

    /// Adds at least `bytes` bytes of zeroes, rounded up to
    /// [`GROWTH_STEP_BYTES`](crate::limits::GROWTH_STEP_BYTES), and returns their offsets. Both ends are multiples of
    /// the step. Ranges of successive calls need not touch: in WebAssembly the heap grows in the same region.
    /// May be called from several workers at once.
    ///
    /// # Errors
    /// - `InvalidInput` if `bytes` is zero.
    /// - `Exhausted` if the reserved maximum or the platform's memory does not allow it; nothing has changed then, and
    ///   a smaller request may succeed.
    ///
    /// # Blocking
    /// On the platform's memory management only: microseconds to milliseconds, so not under a lock.
    ///
    /// # Checked by
    /// - `memory: the region grows by what is asked for`
    /// - `memory: generated growth, writes and discards`
    /// - `memory: requests that break the rules are refused`
    /// - `memory: workers growing at once get ranges of their own`
    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError>;

    /// Says that the contents of `range` are not needed any more. Its bytes stay accessible.
    ///
    /// # Errors
    /// `InvalidInput` if `range` is empty or reversed, is not within what [`grow`](Self::grow) returned, or its ends are
    /// not multiples of [`GROWTH_STEP_BYTES`](crate::limits::GROWTH_STEP_BYTES).
    ///
    /// # Blocking
    /// As [`grow`](Self::grow).
    ///
    /// # Checked by
    /// - `memory: generated growth, writes and discards`
    /// - `memory: requests that break the rules are refused`
    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError>;

    /// The length that the region cannot exceed, in bytes; the same for the region's whole life.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `memory: generated growth, writes and discards`
    fn reserved(&self) -> u64;

    /// The sum of all ranges that [`grow`](Self::grow) returned, in bytes. Never decreases.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `memory: the region grows by what is asked for`
    /// - `memory: generated growth, writes and discards`
    fn committed(&self) -> u64;

    /// The largest length that the region ever had, in bytes, including what lies in it besides the ranges returned
    /// (in WebAssembly: the module's data, stacks and heap). At least [`committed`](Self::committed), at most
    /// [`reserved`](Self::reserved).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `memory: generated growth, writes and discards`
    fn high_water(&self) -> u64;
}

/// What became of a range after [`SharedMemory::discard`]. Of an answer that it does not know, a caller concludes nothing
/// about the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discarded {
    /// The storage went back to the platform: every byte reads as zero.
    Zeroed,
    /// The platform cannot take storage back: every byte is as it was.
    Kept,
}
