//! The kernel as a WebAssembly module of its own: create, load, run, handle, drain, over one imported memory.
//!
//! What a runtime does with [`Kernel`] in Rust, an embedder in any language does through these exports. Nothing is imported
//! but the memory: whoever holds the module gives it time, inputs and turns, and takes what it says. One thread at a time
//! may call, and there is one worker.
//!
//! The order of calls: [`tidemark_create`] · [`tidemark_load`] · then, until the program's end was drained:
//! [`tidemark_drain`] statuses; [`tidemark_handle`] a runnable thread ([`Input::Dispatch`]); while the answer is
//! [`Output::Run`], [`tidemark_run`] it and [`tidemark_handle`] its trap ([`Input::Trap`]). When nobody is runnable, wait
//! for [`tidemark_deadline`] and handle [`Input::Tick`]. Times are nanoseconds, and never go back.
//!
//! Built by `cargo xtask build kernel`.

#![allow(unsafe_code, reason = "an embedder passes addresses")]

mod memory;

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cpu::code_cache::CodeTable;
use crate::cpu::core::{TickSource, WorkerCore};
use crate::cpu::exit::Exit;
use crate::entropy::SEED_BYTES;
use crate::fs::flags::OpenFlags;
use crate::mem::lend;
use crate::time::Now;
use crate::worker::WorkerId;
use crate::{
    Errno, ExitStatus, Kernel, KernelConfig, Running, SpawnRequest, Status, Step, StreamId, StreamRead,
};

/// Where [`tidemark_load`] puts the program.
const PROGRAM: &[u8] = b"/program";
/// The program's permission bits.
const PROGRAM_MODE: u16 = 0o755;
/// The one worker.
const WORKER: WorkerId = WorkerId(0);

/// A kernel, its one worker, and the thread that is on it.
pub struct Machine {
    kernel: Kernel,
    core: WorkerCore,
    /// The monotonic clock at the latest input.
    latest: Arc<AtomicU64>,
    running: Option<Running>,
    trapped: Option<Exit>,
    /// The last program's standard output and error.
    streams: [Option<StreamId>; 2],
    /// What `tidemark_drain` leaves for its caller.
    record: [i32; RECORD_WORDS],
}

/// Words of a status: what it is, and three numbers.
const RECORD_WORDS: usize = 4;

/// What [`tidemark_handle`] is given.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A runnable thread takes the worker; the argument is its id.
    Dispatch = 0,
    /// What the last [`tidemark_run`] ended with.
    Trap = 1,
    /// The thread on the worker goes on after [`Output::Again`].
    Resume = 2,
    /// The thread on the worker gives its place to another.
    Preempt = 3,
    /// A deadline has come.
    Tick = 4,
}

/// What [`tidemark_handle`] answers.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// The worker is free.
    Released = 0,
    /// Run the thread on the worker.
    Run = 1,
    /// There is more to do: handle [`Input::Resume`].
    Again = 2,
    /// The input makes no sense now; nothing has changed.
    Refused = 3,
}

/// What the first word of a status says; the others follow it.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// A thread can run: its id.
    Runnable = 1,
    /// A process that was loaded ended: its id; its exit code, or -1; the signal that ended it, or 0.
    Exited = 2,
    /// A stream has data, or its writers are gone: its id.
    Readable = 3,
    /// A stream has room, or its readers are gone: its id.
    Writable = 4,
    /// Something that this module has no use for.
    Other = 5,
}

/// `rdtime` reads the moment of the latest call: there is no clock to ask.
struct LatestMoment(Arc<AtomicU64>);

impl TickSource for LatestMoment {
    fn ticks(&self, _instret: u64) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Memory for the caller to write into: `bytes` bytes, which [`tidemark_release`] takes back; 0 if there are none.
#[unsafe(no_mangle)]
pub extern "C" fn tidemark_allocate(bytes: usize) -> *mut u8 {
    let mut memory = Vec::new();
    match memory.try_reserve_exact(bytes) {
        Ok(()) => std::mem::ManuallyDrop::new(memory).as_mut_ptr(),
        Err(_) => std::ptr::null_mut(),
    }
}

/// Takes memory back.
///
/// # Safety
/// `memory` came from [`tidemark_allocate`] with the same `bytes`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_release(memory: *mut u8, bytes: usize) {
    // SAFETY: the caller says that it is such a vector's memory.
    drop(unsafe { Vec::from_raw_parts(memory, 0, bytes) });
}

/// Makes a kernel whose randomness comes from the 32 bytes at `seed`, at the moment given; 0 if there is no memory for it.
///
/// # Safety
/// 32 bytes can be read at `seed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_create(seed: *const u8, monotonic: u64, realtime: u64) -> *mut Machine {
    // SAFETY: the caller says that they can be read; an array of bytes has no alignment.
    let seed = unsafe { seed.cast::<[u8; SEED_BYTES]>().read_unaligned() };
    let lent = lend(memory::LinearMemory::default());
    let latest = Arc::new(AtomicU64::new(monotonic));
    let ticks = Box::new(LatestMoment(Arc::clone(&latest)));
    let core = WorkerCore::new(lent.ram, Arc::new(CodeTable::new()), ticks);
    let mut config = KernelConfig::new(lent, seed);
    config.now = Now { monotonic, realtime };
    match Kernel::new(config) {
        Ok(kernel) => Box::into_raw(Box::new(Machine {
            kernel,
            core,
            latest,
            running: None,
            trapped: None,
            streams: [None; 2],
            record: [0; RECORD_WORDS],
        })),
        Err(_) => std::ptr::null_mut(),
    }
}

/// Ends a kernel.
///
/// # Safety
/// `machine` came from [`tidemark_create`] and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_destroy(machine: *mut Machine) {
    // SAFETY: as the caller says.
    drop(unsafe { Box::from_raw(machine) });
}

/// Starts a program: the ELF file of `file_bytes` bytes at `file`, with the arguments at `arguments`, each ended by a zero
/// byte, its own name first. Its id, or an `errno` below zero. Standard input is closed; the streams of standard output
/// and error are told by [`tidemark_stream`].
///
/// # Safety
/// `machine` came from [`tidemark_create`]; both ranges can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_load(
    machine: *mut Machine,
    file: *const u8,
    file_bytes: usize,
    arguments: *const u8,
    argument_bytes: usize,
    monotonic: u64,
    realtime: u64,
) -> i32 {
    // SAFETY: the caller says so, and nobody else is here meanwhile.
    let machine = unsafe { &mut *machine };
    // SAFETY: the caller says that they can be read.
    let (file, arguments) = unsafe {
        (slice::from_raw_parts(file, file_bytes), slice::from_raw_parts(arguments, argument_bytes))
    };
    let now = Now { monotonic, realtime };
    match machine.load(file, arguments, now) {
        Ok(pid) => pid,
        Err(errno) => -i32::from(errno.number()),
    }
}

/// The stream of a loaded program's standard output (1) or error (2), the last program's; below zero if there is none.
///
/// # Safety
/// `machine` came from [`tidemark_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_stream(machine: *const Machine, number: i32) -> i32 {
    // SAFETY: as the caller says.
    let machine = unsafe { &*machine };
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let stream = index.and_then(|index| machine.streams.get(index).copied().flatten());
    stream.map_or(-1, |stream| word(stream.0))
}

/// Runs the thread on the worker for at most `instructions` instructions; whether there was one. What ended it is kept for
/// [`Input::Trap`].
///
/// # Safety
/// `machine` came from [`tidemark_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_run(machine: *mut Machine, instructions: u64) -> i32 {
    // SAFETY: as the caller says.
    i32::from(unsafe { &mut *machine }.run(instructions))
}

/// Brings an [`Input`] to the kernel; an [`Output`].
///
/// # Safety
/// `machine` came from [`tidemark_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_handle(
    machine: *mut Machine,
    input: i32,
    argument: i32,
    monotonic: u64,
    realtime: u64,
) -> i32 {
    // SAFETY: as the caller says.
    let machine = unsafe { &mut *machine };
    machine.handle(input, argument, Now { monotonic, realtime }) as i32
}

/// Takes the next status: the address of four words ([`Told`] and what goes with it), which stay until the next call; 0 if
/// there is none.
///
/// # Safety
/// `machine` came from [`tidemark_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_drain(machine: *mut Machine) -> *const i32 {
    // SAFETY: as the caller says.
    let machine = unsafe { &mut *machine };
    match machine.kernel.poll_status() {
        Some(status) => {
            machine.record = record_of(&status);
            machine.record.as_ptr()
        }
        None => std::ptr::null(),
    }
}

/// When [`Input::Tick`] is due; all ones for never.
///
/// # Safety
/// `machine` came from [`tidemark_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_deadline(machine: *const Machine) -> u64 {
    // SAFETY: as the caller says.
    unsafe { &*machine }.kernel.next_deadline().unwrap_or(u64::MAX)
}

/// Takes up to `bytes` bytes out of a stream, to `to`: how many; 0 if there is nothing now, -1 if there never will be.
///
/// # Safety
/// `machine` came from [`tidemark_create`]; the range can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidemark_read(
    machine: *mut Machine,
    stream: u32,
    to: *mut u8,
    bytes: usize,
    monotonic: u64,
    realtime: u64,
) -> i32 {
    // SAFETY: as the caller says.
    let (machine, to) = unsafe { (&mut *machine, slice::from_raw_parts_mut(to, bytes)) };
    match machine.kernel.stream_read(StreamId(stream), to, Now { monotonic, realtime }) {
        StreamRead::Data(count) => i32::try_from(count).unwrap_or(i32::MAX),
        StreamRead::Empty => 0,
        StreamRead::Closed => -1,
    }
}

impl Machine {
    fn load(&mut self, file: &[u8], arguments: &[u8], now: Now) -> Result<i32, Errno> {
        let flags = OpenFlags::CREATE.with(OpenFlags::READ_WRITE).with(OpenFlags::TRUNCATE);
        let id = self.kernel.fs_open(PROGRAM, flags, PROGRAM_MODE, now)?;
        let mut written = 0;
        while written < file.len() {
            match self.kernel.fs_write(id, written as u64, &file[written..], now) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(errno) => {
                    self.kernel.fs_close(id, now);
                    return Err(errno);
                }
            }
        }
        self.kernel.fs_close(id, now);
        let mut request = SpawnRequest::default();
        request.program = PROGRAM.to_vec();
        request.argv = arguments.split_inclusive(|byte| *byte == 0).map(without_zero).collect();
        let spawned = self.kernel.spawn(request, now).map_err(|error| match error {
            crate::SpawnError::NotExecutable { errno, .. } => errno,
            crate::SpawnError::Limit(errno) | crate::SpawnError::Group(errno) => errno,
            _ => Errno::ENOENT,
        })?;
        let [input, output, errors] = spawned.streams;
        if let Some(input) = input {
            self.kernel.stream_close(input, now);
        }
        self.streams = [output, errors];
        Ok(word(spawned.pid.get()))
    }

    fn run(&mut self, instructions: u64) -> bool {
        let Some(running) = &mut self.running else { return false };
        let workers = self.kernel.workers();
        let slot = &workers[usize::from(WORKER.0)];
        slot.attention.store(0, Ordering::SeqCst);
        let budget = if running.single_step { 1 } else { instructions.max(1) };
        let space = Arc::clone(&running.space);
        self.trapped = Some(running.hart.run(&mut self.core, &space.view(), budget, &slot.attention));
        true
    }

    fn handle(&mut self, input: i32, argument: i32, now: Now) -> Output {
        self.latest.store(now.monotonic, Ordering::Relaxed);
        let mut step = match (input, self.running.take(), self.trapped.take()) {
            (0, None, _) => {
                let tid = u32::try_from(argument).ok().and_then(crate::task::Tid::new);
                let Some(tid) = tid else { return Output::Refused };
                self.kernel.dispatch(tid, WORKER, now)
            }
            (1, Some(running), Some(exit)) => self.kernel.trap(running, exit, now),
            (2, Some(running), _) => self.kernel.resume(running, now),
            (3, Some(running), _) => self.kernel.preempt(running, now),
            (4, running, trapped) => {
                self.kernel.tick(now);
                (self.running, self.trapped) = (running, trapped);
                return if self.running.is_some() { Output::Run } else { Output::Released };
            }
            (_, running, trapped) => {
                (self.running, self.trapped) = (running, trapped);
                return Output::Refused;
            }
        };
        loop {
            let (running, output) = match step {
                Step::Run(running) => (running, Output::Run),
                Step::Again(running) => (running, Output::Again),
                Step::Released => return Output::Released,
                // There is no other worker whose translations could be old.
                Step::Flush { running, .. } => {
                    step = self.kernel.flushed(running, now);
                    continue;
                }
            };
            self.running = Some(running);
            return output;
        }
    }
}

/// A number that the kernel counts from zero, as what exports and statuses are made of.
fn word(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn without_zero(argument: &[u8]) -> Vec<u8> {
    argument.strip_suffix(&[0]).unwrap_or(argument).to_vec()
}

fn record_of(status: &Status) -> [i32; RECORD_WORDS] {
    match status {
        Status::Runnable { tid, .. } => [Told::Runnable as i32, word(tid.get()), 0, 0],
        Status::Exited { pid, status, .. } => {
            let (code, signal) = match status {
                ExitStatus::Code(code) => (i32::from(*code), 0),
                ExitStatus::Signal { number, .. } => (-1, i32::from(*number)),
            };
            [Told::Exited as i32, word(pid.get()), code, signal]
        }
        Status::StreamReadable(stream) => [Told::Readable as i32, word(stream.0), 0, 0],
        Status::StreamWritable(stream) => [Told::Writable as i32, word(stream.0), 0, 0],
        _ => [Told::Other as i32, 0, 0, 0],
    }
}
