//! Checks of [`CodeEngine`]: generated modules compute what they say, over the host's own memory, on every worker.

#![allow(unsafe_code, reason = "reads and writes the region that generated code shares")]

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

use super::generate::for_all;
use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::limits::GROWTH_STEP_BYTES;
use crate::{Capability, CodeEngine, CodeId, ErrorKind, Host, HostError, SharedMemory};

mod module;

use module::{Module, Op, SLOTS};

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    if !suite.host.capabilities().has(Capability::Code) {
        return;
    }
    progress.record("code: generated modules compute what the model does", generated(suite)).await;
    progress.record("code: the memory is the host's region", shares_memory(suite)).await;
    progress.record("code: a module compiled on one worker runs on every other", every_worker(suite)).await;
    progress.record("code: a trap is told and harms nothing", traps(suite)).await;
    progress.record("code: modules that are not valid are refused", invalid(suite)).await;
    progress.record("code: modules of another shape are refused", misshapen(suite)).await;
    progress.record("code: a released module is gone and its name not used again", released(suite)).await;
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        any::<i64>().prop_map(Op::Add),
        any::<i64>().prop_map(Op::Multiply),
        any::<i64>().prop_map(Op::Xor),
        any::<u8>().prop_map(Op::Rotate),
        (0..SLOTS).prop_map(Op::Load),
        (0..SLOTS).prop_map(Op::Store),
    ];
    vec(op, 0..40)
}

async fn generated<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let base = suite.host.memory().grow(GROWTH_STEP_BYTES)?.start;
    for_all(suite, (ops(), vec(any::<u32>(), 1..4)), async |(ops, arguments)| {
        clear(suite.host.memory(), base);
        let code = suite.host.code().compile(&Module::of(&ops, base).bytes())?;
        let mut slots = [0; SLOTS];
        for argument in arguments {
            let expected = module::run(&ops, &mut slots, argument);
            let (host, ran) = (suite.host.clone(), move |host: &H| host.code().run(code, argument));
            let found = suite.on_worker(move || ran(&host).map_err(Failure::from)).await??;
            require(found == expected, || format!("run({argument}) is {found:#x}, expected {expected:#x}"))?;
            let stored = slots_at(suite.host.memory(), base);
            require(stored == slots, || format!("run({argument}) left {stored:x?}, expected {slots:x?}"))?;
        }
        Ok(suite.host.code().release(code)?)
    })
    .await
}

async fn shares_memory<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let base = suite.host.memory().grow(GROWTH_STEP_BYTES)?.start;
    let code =
        suite.host.code().compile(&Module::of(&[Op::Load(0), Op::Add(1), Op::Store(1)], base).bytes())?;
    store(suite.host.memory(), base, 41);
    let sum = run_on_worker(suite, code, 0).await??;
    require(sum == 42, || format!("41 was in memory, and with one more it is {sum}"))?;
    let stored = slots_at(suite.host.memory(), base)[1];
    require(stored == 42, || format!("42 was stored by generated code, {stored} is there"))?;

    // Memory that was added after the module was compiled, and first called, is there too.
    let later = suite.host.memory().grow(GROWTH_STEP_BYTES)?.start;
    store(suite.host.memory(), later, 6);
    let code = suite.host.code().compile(&Module::of(&[Op::Load(0), Op::Multiply(7)], later).bytes())?;
    let product = run_on_worker(suite, code, 0).await??;
    require(product == 42, || format!("6 was in memory that was added later, and 7 times that is {product}"))
}

async fn every_worker<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let host = suite.host.clone();
    let compile = move || host.code().compile(&Module::of(&[Op::Add(5)], 0).bytes()).map_err(Failure::from);
    let code = suite.on_worker(compile).await??;
    let running = (0..4).map(|number| run_on_worker(suite, code, number));
    for (number, sum) in futures_util::future::join_all(running).await.into_iter().enumerate() {
        let (sum, expected) = (sum??, number as u64 + 5);
        require(sum == expected, || format!("run({number}) on a worker of its own: {sum}"))?;
    }
    Ok(())
}

async fn traps<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let base = suite.host.memory().grow(GROWTH_STEP_BYTES)?.start;
    clear(suite.host.memory(), base);
    let traps = [
        ("unreachable", Module::of(&[Op::Add(9), Op::Store(0), Op::Trap], base)),
        ("a division by zero", Module::of(&[Op::DivideByZero], base)),
        ("a load beyond the memory", Module::of(&[Op::LoadBeyond], base)),
    ];
    let sound = suite.host.code().compile(&Module::of(&[Op::Add(1)], base).bytes())?;
    for (what, module) in traps {
        let code = suite.host.code().compile(&module.bytes())?;
        for _ in 0..2 {
            let kind = run_on_worker(suite, code, 0).await?.map_err(|error| error.kind());
            require(kind == Err(ErrorKind::Aborted), || format!("{what}: {kind:?}"))?;
        }
        let after = run_on_worker(suite, sound, 1).await??;
        require(after == 2, || format!("after {what}, 1 and 1 is {after}"))?;
    }
    let stored = slots_at(suite.host.memory(), base)[0];
    require(stored == 9, || format!("9 was stored before the trap, {stored} is there"))
}

async fn invalid<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let sound = Module::of(&[Op::Add(1)], 0).bytes();
    let mut cases = vec![("nothing", Vec::new()), ("no magic number", b"\0elf\x01\0\0\0".to_vec())];
    cases.push(("a module that is cut off", sound[..sound.len() - 3].to_vec()));
    cases.push(("an instruction of the wrong type", Module::of(&[Op::WrongType], 0).bytes()));
    for (what, bytes) in cases {
        refuses(suite, what, &bytes)?;
    }
    Ok(())
}

async fn misshapen<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let module = || Module::of(&[Op::Add(1)], 0);
    let cases = [
        ("no export", module().without_export()),
        ("an export of another name", module().exporting("walk")),
        ("a run of another type", module().returning_i32()),
        ("an import besides the memory", module().importing_a_function()),
        ("a memory of its own", module().with_own_memory()),
    ];
    for (what, module) in cases {
        refuses(suite, what, &module.bytes())?;
    }
    Ok(())
}

fn refuses<H: Host>(suite: &Suite<H>, what: &str, module: &[u8]) -> Result<(), Failure> {
    let kind = suite.host.code().compile(module).map_err(|error| error.kind());
    require(kind == Err(ErrorKind::InvalidInput), || format!("{what}: {kind:?}"))
}

async fn released<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let engine = suite.host.code();
    let mut ids = Vec::new();
    for number in 0..4 {
        let code = engine.compile(&Module::of(&[Op::Add(number)], 0).bytes())?;
        ids.push(code);
        run_on_worker(suite, code, 0).await??;
        engine.release(code)?;
        let gone = run_on_worker(suite, code, 0).await?.map_err(|error| error.kind());
        require(gone == Err(ErrorKind::NotFound), || format!("running a released module: {gone:?}"))?;
        let again = engine.release(code).map_err(|error| error.kind());
        require(again == Err(ErrorKind::NotFound), || format!("releasing a released module: {again:?}"))?;
    }
    ids.sort_unstable();
    require(ids.windows(2).all(|pair| pair[0] != pair[1]), || format!("names {ids:?}"))?;
    let never = CodeId::from_raw(u64::MAX);
    let kind = run_on_worker(suite, never, 0).await?.map_err(|error| error.kind());
    require(kind == Err(ErrorKind::NotFound), || format!("running what never was: {kind:?}"))
}

async fn run_on_worker<H: Host>(
    suite: &Suite<H>,
    code: CodeId,
    argument: u32,
) -> Result<Result<u64, HostError>, Failure> {
    let host = suite.host.clone();
    // Errors are not `Clone`; what went wrong is told by the kind.
    let ran = suite.on_worker(move || host.code().run(code, argument).map_err(|error| error.kind())).await?;
    Ok(ran.map_err(|kind| HostError::new(kind, "running generated code")))
}

/// The slots that generated code stores to: the first bytes of a range that `grow` returned.
fn slots_at(memory: &impl SharedMemory, base: u64) -> [u64; SLOTS] {
    std::array::from_fn(|slot| {
        // SAFETY: `base` begins a range of at least a growth step that `grow` returned; slots are within it and
        // aligned, and while the suite looks nobody runs generated code.
        u64::from_le(unsafe { slot_address(memory, base, slot).read_volatile() })
    })
}

fn store(memory: &impl SharedMemory, base: u64, value: u64) {
    // SAFETY: as in `slots_at`.
    unsafe { slot_address(memory, base, 0).write_volatile(value.to_le()) };
}

fn clear(memory: &impl SharedMemory, base: u64) {
    for slot in 0..SLOTS {
        // SAFETY: as in `slots_at`.
        unsafe { slot_address(memory, base, slot).write_volatile(0) };
    }
}

fn slot_address(memory: &impl SharedMemory, base: u64, slot: usize) -> *mut u64 {
    let offset = usize::try_from(base).unwrap_or(usize::MAX);
    memory.base().wrapping_add(offset).cast::<u64>().wrapping_add(slot)
}
