//! The rv64 processor: what a guest thread executes until it needs the kernel.
//!
//! rv64imafdc with Zicsr (user counters and floating-point state), Zifencei, Zba, Zbb, Zbs and Zicond, user
//! mode only. Everything here runs on a worker without the kernel's lock.
//!
//! - [`hart`]: a guest thread's registers, plain data that moves between workers.
//! - [`core`]: what belongs to a worker: translation and code look-up caches.
//! - [`decode`]: instruction bits to one clear form.
//! - [`code_cache`]: pre-decoded code, shared by all workers.
//! - [`exit`]: why a hart stopped. Anything that needs the kernel is one of these.
//!
//! Absent: privileged modes, interrupts, syscalls, signals. The kernel makes those from exits.

mod block;
pub mod code_cache;
pub mod core;
pub mod decode;
mod exec;
pub mod exit;
pub mod hart;
mod softfloat;
mod tlb;
