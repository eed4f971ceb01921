//! The suite's checks of generated code, judged themselves: by a host whose engine interprets WebAssembly (wasmi), and
//! by engines that break one rule each.
//!
//! Interpreting is not what an engine is for; but it is another's reading of the modules that the suite writes.

use std::alloc::{Layout, alloc_zeroed};
use std::collections::BTreeMap;
use std::ops::Range;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidemark_host::conformance::{Options, Part, judge};
use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{
    Capabilities, Capability, CodeEngine, CodeId, Discarded, ErrorKind, Host, HostError, SharedMemory,
};
use tidemark_host_native::{
    NativeClock, NativeConfig, NativeControl, NativeEntropy, NativeFetch, NativeHost, NativeSockets,
    NativeWakeups, NativeWorkers,
};
use wasmi::{Engine, ExternType, Linker, Memory, MemoryType, Module, Store};

/// The region's length, in bytes.
const REGION_BYTES: u64 = 16 << 20;

/// How an engine is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Soundly,
    AddsOne,
    MemoryOfItsOwn,
    SwallowsTraps,
    TakesAnyShape,
    TakesAnything,
    KeepsReleased,
    ReusesNames,
    PerWorker,
}

/// A region that is there from the beginning, for an interpreter takes its memory as a whole.
#[derive(Clone)]
struct Region {
    /// Where the interpreter says that its memory is.
    base: usize,
    committed: Arc<Mutex<u64>>,
}

// SAFETY: the region is never freed nor moved, ranges are handed out once each, and nothing but generated code, at the
// suite's own request, accesses them.
unsafe impl SharedMemory for Region {
    fn base(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.base)
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        let mut committed = lock(&self.committed);
        let end = *committed + bytes.next_multiple_of(GROWTH_STEP_BYTES);
        if end > REGION_BYTES {
            return Err(HostError::new(ErrorKind::Exhausted, "growing memory"));
        }
        let range = *committed..end;
        *committed = end;
        Ok(range)
    }

    fn discard(&self, _range: Range<u64>) -> Result<Discarded, HostError> {
        Ok(Discarded::Kept)
    }

    fn reserved(&self) -> u64 {
        REGION_BYTES
    }

    fn committed(&self) -> u64 {
        *lock(&self.committed)
    }

    fn high_water(&self) -> u64 {
        self.committed()
    }
}

#[derive(Clone)]
struct Interpreter {
    region: Region,
    engine: Engine,
    modules: Arc<Mutex<Modules>>,
    how: How,
}

struct Modules {
    store: Store<()>,
    memory: Memory,
    last: u64,
    /// With the name of the thread that compiled it.
    compiled: BTreeMap<CodeId, (Module, Option<String>)>,
}

impl Interpreter {
    fn new(how: How) -> Self {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let layout = Layout::from_size_align(REGION_BYTES as usize, GROWTH_STEP_BYTES as usize).unwrap();
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(layout) };
        assert!(!start.is_null());
        // SAFETY: freshly allocated at this length and zeroed, never freed, and from here on the interpreter's alone:
        // the region's base is the interpreter's own pointer.
        let bytes = unsafe { slice::from_raw_parts_mut(start, REGION_BYTES as usize) };
        let memory = Memory::new_static(&mut store, memory_type(), bytes).unwrap();
        let base = memory.data_ptr(&store).expose_provenance();
        let modules = Modules { store, memory, last: 0, compiled: BTreeMap::new() };
        let region = Region { base, committed: Arc::default() };
        Self { region, engine, modules: Arc::new(Mutex::new(modules)), how }
    }
}

fn memory_type() -> MemoryType {
    let pages = u32::try_from(REGION_BYTES / GROWTH_STEP_BYTES).unwrap();
    MemoryType::new(pages, Some(pages))
}

impl CodeEngine for Interpreter {
    fn compile(&self, module: &[u8]) -> Result<CodeId, HostError> {
        let invalid = |why: String| HostError::new(ErrorKind::InvalidInput, "compiling").with_source(why);
        let mut module = unshared(module);
        if self.how == How::TakesAnything && Module::new(&self.engine, &module[..]).is_err() {
            module = b"\0asm\x01\0\0\0".to_vec();
        }
        let module = Module::new(&self.engine, &module[..]).map_err(|error| invalid(error.to_string()))?;
        let lax = matches!(self.how, How::TakesAnyShape | How::TakesAnything);
        if !lax && !has_the_shape(&module) {
            return Err(invalid("it is of another shape".to_owned()));
        }
        let mut modules = lock(&self.modules);
        if self.how != How::ReusesNames || !modules.compiled.is_empty() {
            modules.last += 1;
        }
        let id = CodeId::from_raw(modules.last);
        modules.compiled.insert(id, (module, this_thread()));
        Ok(id)
    }

    fn run(&self, code: CodeId, argument: u32) -> Result<u64, HostError> {
        // One at a time, as the interpreter has one store.
        let mut modules = lock(&self.modules);
        let Modules { store, memory, compiled, .. } = &mut *modules;
        let unknown = || HostError::new(ErrorKind::NotFound, "running generated code");
        let (module, compiled_by) = compiled.get(&code).ok_or_else(unknown)?;
        if self.how == How::PerWorker && *compiled_by != this_thread() {
            return Err(unknown());
        }
        let aborted = |error: wasmi::Error| {
            HostError::new(ErrorKind::Aborted, "running generated code").with_source(error)
        };
        let memory = match self.how {
            How::MemoryOfItsOwn => Memory::new(&mut *store, memory_type()).map_err(aborted)?,
            _ => *memory,
        };
        let mut linker = Linker::new(&self.engine);
        linker.define("env", "memory", memory).unwrap();
        let instance = linker.instantiate_and_start(&mut *store, module).map_err(aborted)?;
        let run = instance.get_typed_func::<i32, i64>(&*store, "run").map_err(aborted)?;
        match run.call(&mut *store, argument.cast_signed()) {
            Ok(answer) => Ok(answer.cast_unsigned().wrapping_add(u64::from(self.how == How::AddsOne))),
            Err(_) if self.how == How::SwallowsTraps => Ok(0),
            Err(error) => Err(aborted(error)),
        }
    }

    fn release(&self, code: CodeId) -> Result<(), HostError> {
        let mut modules = lock(&self.modules);
        let known = match self.how {
            How::KeepsReleased => modules.compiled.contains_key(&code),
            _ => modules.compiled.remove(&code).is_some(),
        };
        known.then_some(()).ok_or_else(|| HostError::new(ErrorKind::NotFound, "releasing generated code"))
    }
}

fn this_thread() -> Option<String> {
    Some(format!("{:?}", std::thread::current().id()))
}

/// The same module with its imported memory not shared: the interpreter knows no shared ones.
fn unshared(module: &[u8]) -> Vec<u8> {
    const SHARED: &[u8] = b"\x03env\x06memory\x02\x03";
    let mut module = module.to_vec();
    if let Some(place) = module.windows(SHARED.len()).position(|window| window == SHARED) {
        module[place + SHARED.len() - 1] = 0x01;
    }
    module
}

fn has_the_shape(module: &Module) -> bool {
    let mut imports = module.imports();
    let is_memory = imports.next().is_some_and(|import| {
        import.module() == "env" && import.name() == "memory" && matches!(import.ty(), ExternType::Memory(_))
    });
    let mut exports = module.exports();
    let is_run = exports.next().is_some_and(|export| match export.ty() {
        ExternType::Func(kind) => {
            export.name() == "run"
                && kind.params() == [wasmi::ValType::I32]
                && kind.results() == [wasmi::ValType::I64]
        }
        _ => false,
    });
    is_memory && imports.next().is_none() && is_run && exports.next().is_none()
}

/// A panic under these locks is a failed test already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Interpreted {
    native: NativeHost,
    capabilities: Capabilities,
    code: Interpreter,
}

impl Host for Interpreted {
    type Memory = Region;
    type Workers = NativeWorkers;
    type Wakeups = NativeWakeups;
    type Clock = NativeClock;
    type Entropy = NativeEntropy;
    type Control = NativeControl;
    type Fetch = NativeFetch;
    type Sockets = NativeSockets;
    type Code = Interpreter;

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn memory(&self) -> &Region {
        &self.code.region
    }

    fn workers(&self) -> &NativeWorkers {
        self.native.workers()
    }

    fn wakeups(&self) -> &NativeWakeups {
        self.native.wakeups()
    }

    fn clock(&self) -> &NativeClock {
        self.native.clock()
    }

    fn entropy(&self) -> &NativeEntropy {
        self.native.entropy()
    }

    fn control(&self) -> &NativeControl {
        self.native.control()
    }

    fn code(&self) -> &Interpreter {
        &self.code
    }
}

fn host(how: How) -> Interpreted {
    let native = NativeHost::new(&NativeConfig::default()).unwrap();
    let capabilities = native.capabilities().clone().with(Capability::Code);
    Interpreted { native, capabilities, code: Interpreter::new(how) }
}

#[track_caller]
fn fails(how: How, check: &str) {
    let options = Options { check: Some(check.to_owned()), ..Options::default() };
    let report = judge(&host(how), options);
    assert!(report.has_failed(check), "expected to fail in {check:?}: {report}");
}

#[test]
fn an_interpreter_conforms() {
    let report = judge(&host(How::Soundly), Options { part: Some(Part::Code), ..Options::default() });
    assert!(report.is_success(), "{report}");
    let judged = report.passed.iter().filter(|check| check.starts_with("code: ")).count();
    assert_eq!(judged, 7, "{report}");
}

#[test]
fn computing_something_else() {
    fails(How::AddsOne, "code: generated modules compute what the model does");
}

#[test]
fn a_memory_of_its_own() {
    fails(How::MemoryOfItsOwn, "code: the memory is the host's region");
}

#[test]
fn swallowing_traps() {
    fails(How::SwallowsTraps, "code: a trap is told and harms nothing");
}

#[test]
fn taking_any_shape() {
    fails(How::TakesAnyShape, "code: modules of another shape are refused");
}

#[test]
fn taking_what_is_not_valid() {
    fails(How::TakesAnything, "code: modules that are not valid are refused");
}

#[test]
fn keeping_what_was_released() {
    fails(How::KeepsReleased, "code: a released module is gone and its name not used again");
}

#[test]
fn using_names_again() {
    fails(How::ReusesNames, "code: a released module is gone and its name not used again");
}

#[test]
fn running_only_where_it_was_compiled() {
    fails(How::PerWorker, "code: a module compiled on one worker runs on every other");
}
