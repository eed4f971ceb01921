//! The rv64 processor: what a guest thread executes until it needs the kernel.
//!
//! rv64imafdc with Zicsr (user counters and floating-point state), Zifencei, Zba, Zbb, Zbs and Zicond, user
//! mode only. Everything here runs on a worker without the kernel's lock.
//!
//! - [`hart`]: a guest thread's registers, plain data that moves between workers.
//! - [`core`]: what belongs to a worker: translation and code look-up caches.
//! - [`exit`]: why a hart stopped. Anything that needs the kernel is one of these.
//!
//! Absent: privileged modes, interrupts, syscalls, signals. The kernel makes those from exits.

pub mod core;
pub mod exit;
pub mod hart;
