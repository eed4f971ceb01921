//! The engine for generated WebAssembly.
//!
//! Owns how generated modules are compiled and called over the shared region. What they contain is the kernel's.

use crate::error::HostError;

/// Compiles and calls generated WebAssembly modules. Worker side: a module that was compiled on one worker can be
/// called on every other; the host instantiates it there when first called.
///
/// A module imports the shared memory as `env.memory` and nothing else, and exports one function `run`, from `i32` to
/// `i64`. Address 0 of that memory is the region's [`base`](crate::SharedMemory::base).
pub trait CodeEngine: Clone + Send + Sync + 'static {
    /// Compiles a module.
    ///
    /// # Errors
    /// - `Unsupported` of [`Code`](crate::Capability::Code).
    /// - `InvalidInput` if the module is not valid or not of the shape above.
    /// - `Exhausted` if the engine holds as many modules as it can.
    ///
    /// # Blocking
    /// Synchronous: tens of microseconds for a module of a few hundred bytes.
    ///
    /// # Cancellation
    /// None: it runs to its end.
    ///
    /// # Checked by
    /// - `capabilities: the code engine is there as declared`
    /// - `code: generated modules compute what the model does`
    /// - `code: modules that are not valid are refused`
    /// - `code: modules of another shape are refused`
    fn compile(&self, module: &[u8]) -> Result<CodeId, HostError>;

    /// Calls the `run` of a compiled module on the calling worker.
    ///
    /// # Errors
    /// - `Unsupported` of [`Code`](crate::Capability::Code).
    /// - `NotFound` if `code` was released or never was.
    /// - `Aborted` if the code trapped; what it had stored by then stays.
    ///
    /// # Blocking
    /// For as long as the code runs.
    ///
    /// # Cancellation
    /// None: the code must end by itself.
    ///
    /// # Checked by
    /// - `code: generated modules compute what the model does`
    /// - `code: the memory is the host's region`
    /// - `code: a trap is told and harms nothing`
    /// - `code: a module compiled on one worker runs on every other`
    fn run(&self, code: CodeId, argument: u32) -> Result<u64, HostError>;

    /// Forgets a module; calls under way finish.
    ///
    /// # Errors
    /// - `Unsupported` of [`Code`](crate::Capability::Code).
    /// - `NotFound` if `code` was released or never was.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// None.
    ///
    /// # Checked by
    /// - `code: a released module is gone and its name not used again`
    fn release(&self, code: CodeId) -> Result<(), HostError>;
}

/// Names a compiled module within its host; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeId(u64);

impl CodeId {
    /// The module that its host counts as number `raw`.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number.
    pub const fn as_raw(self) -> u64 {
        self.0
    }
}
