//! The engine for generated WebAssembly.
//!
//! Owns how generated modules are compiled and called over the shared region. What they contain is the kernel's.

use crate::error::HostError;

/// Compiles and calls generated WebAssembly modules. Worker side: a module that was compiled on one worker can be
/// called on every other; the host instantiates it there when first called.
///
/// A module imports the shared memory as `env.memory` and nothing else, and exports one function `run`, from `i32` to
/// `i64`.
pub trait CodeEngine: Clone + Send + Sync + 'static {
    /// Compiles a module. Synchronous: tens of microseconds for a module of a few hundred bytes.
    ///
    /// # Errors
    /// `Unsupported`; `InvalidInput` if the module is not valid or not of the shape above; `Exhausted` if the engine
    /// holds as many modules as it can.
    fn compile(&self, module: &[u8]) -> Result<CodeId, HostError>;

    /// Calls the `run` of a compiled module on the calling worker.
    ///
    /// # Errors
    /// `Unsupported`; `NotFound` if `code` was released or never was; `Aborted` if the code trapped.
    fn run(&self, code: CodeId, argument: u32) -> Result<u64, HostError>;

    /// Forgets a module; calls under way finish.
    ///
    /// # Errors
    /// `Unsupported`; `NotFound` if `code` was released or never was.
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
