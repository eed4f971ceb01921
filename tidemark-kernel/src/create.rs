//! Making a kernel: what it is given, and its first state.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::entropy::{Entropy, SEED_BYTES};
use crate::errno::Errno;
use crate::fs::Vfs;
use crate::fs::hosted::MountRequest;
use crate::fs::layer::Layer;
use crate::fs::proc::Settings;
use crate::futex::{Futexes, LockOwners};
use crate::ipc::Ipc;
use crate::kernel::Kernel;
use crate::limits::Limits;
use crate::mem::ram::GuestRam;
use crate::mem::{FrameSupply, Lent, Memory};
use crate::operation::Operation;
use crate::system::System;
use crate::task::{Load, Pace, Tasks};
use crate::time::Now;
use crate::timers::Timers;
use crate::wait::Woken;
use crate::worker::WorkerSlot;

/// What a kernel is made from.
pub struct KernelConfig {
    /// What the guest may use.
    pub limits: Limits,
    /// The region guest memory lies in.
    pub ram: GuestRam,
    /// Where more of it comes from.
    pub supply: Box<dyn FrameSupply>,
    /// The read-only layers of the root file system, lowest first.
    pub layers: Vec<Arc<Layer>>,
    /// What the host answers for, in the order it is mounted.
    pub mounts: Vec<MountRequest>,
    /// Workers that will run harts; also the processors a guest sees. At least one.
    pub workers: u16,
    /// The guest's host name.
    pub hostname: String,
    /// Seeds the guest's randomness.
    pub seed: [u8; SEED_BYTES],
    /// The moment of creation; `CLOCK_MONOTONIC`'s value counts as the uptime's start.
    pub now: Now,
    /// Whether every system call is reported as a [`Status::Trace`](crate::Status::Trace).
    pub trace: bool,
}

impl KernelConfig {
    /// A configuration with default limits, one worker and nothing mounted.
    pub fn new(lent: Lent, seed: [u8; SEED_BYTES]) -> KernelConfig {
        KernelConfig {
            limits: Limits::default(),
            ram: lent.ram,
            supply: lent.supply,
            layers: Vec::new(),
            mounts: Vec::new(),
            workers: 1,
            hostname: "tidemark".to_owned(),
            seed,
            now: Now::default(),
            trace: false,
        }
    }
}

/// Why a kernel cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There must be a worker, and no more than can be told apart.
    #[error("a kernel runs on 1 to {most} workers, not {asked}")]
    Workers {
        /// How many were asked for.
        asked: u16,
        /// How many are possible.
        most: u16,
    },
    /// Something cannot be mounted where it is to be.
    #[error("cannot mount at {path}: {errno}")]
    Mount {
        /// Where.
        path: String,
        /// Why not.
        errno: Errno,
    },
    /// The first process or the first file systems could not be made.
    #[error("the kernel's first state could not be built: {0}")]
    Setup(Errno),
}

impl Kernel {
    /// A kernel without programs. Its file system is empty but for what the kernel itself provides.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn new(config: KernelConfig) -> Result<Kernel, CreateError> {
        let KernelConfig { limits, ram, supply, layers, mounts, workers, hostname, seed, now, trace } =
            config;
        if workers == 0 || u32::from(workers) > u64::BITS {
            return Err(CreateError::Workers { asked: workers, most: u64::BITS as u16 });
        }
        let mut entropy = Entropy::new(seed);
        let memory_bytes = limits.memory_bytes;
        let mut sys = System {
            mem: Memory::new(ram, supply, limits.memory_bytes),
            fs: Vfs::over_layers(&limits, workers, layers).map_err(CreateError::Setup)?,
            limits,
            now,
            boot: now,
            tasks: Tasks::default(),
            timers: Timers::default(),
            woken: Woken::default(),
            statuses: VecDeque::new(),
            workers: (0..workers).map(|_| WorkerSlot::default()).collect::<Arc<[_]>>(),
            current: vec![None; usize::from(workers)].into(),
            deadlines: BTreeMap::new(),
            tell_processes: false,
            futexes: Futexes::new(entropy.next_u64()),
            lock_owners: LockOwners::default(),
            pace: Pace::default(),
            ipc: Ipc::new(memory_bytes),
            entropy,
            load: Load::new(usize::from(workers), now.monotonic),
            settings: Settings::default(),
            hostname: hostname.into_bytes(),
            trace,
            operation: Operation::default(),
        };
        for mount in &mounts {
            sys.fs.mount_bridge(mount).map_err(|errno| CreateError::Mount {
                path: String::from_utf8_lossy(&mount.path).into_owned(),
                errno,
            })?;
        }
        sys.create_init().map_err(CreateError::Setup)?;
        Ok(Kernel { sys })
    }

    /// The words that each worker shares with the kernel, by [`WorkerId`](crate::worker::WorkerId).
    pub fn workers(&self) -> Arc<[WorkerSlot]> {
        Arc::clone(&self.sys.workers)
    }
}
