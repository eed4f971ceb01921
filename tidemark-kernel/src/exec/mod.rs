//! Making a program ready to run: from a file, arguments and environment to a new address space.
//!
//! Owns file formats (ELF, `#!` scripts), the image's layout, the first stack and the vDSO. What a process keeps or
//! loses when it executes a program is `task`'s.
//!
//! Nothing of the caller is touched: until a [`NewImage`] is there, everything can fail and the old program goes on.

pub mod elf;
mod image;
pub mod script;
pub mod stack;
pub mod strings;
pub mod vdso;

use self::image::{Base, Elf};
use self::stack::{Contents, Stack, aux};
use self::strings::Strings;
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::limits::STEP_BYTES;
use crate::mem::layout;
use crate::signal::frame::FRAME_BYTES;
use crate::system::System;
use crate::task::{Pid, Resource};

/// The least that arguments and environment may always take, in bytes (`ARG_MAX`, 32 pages).
const ARGUMENTS_MIN: u64 = 128 << 10;

/// Ticks a second in which `times(2)` counts (`AT_CLKTCK`).
const CLOCK_TICKS: u64 = 100;

/// A program to be executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecRequest {
    /// The file, opened for execution. Its reference goes over.
    pub file: FileId,
    /// Its path, as the caller gave it.
    pub path: Vec<u8>,
    /// Arguments; an empty one is put in where there is none, as Linux does.
    pub argv: Strings,
    /// Environment.
    pub envp: Strings,
}

/// Whose program it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Whether it got rights by being executed, so that libraries must not trust its environment (`AT_SECURE`).
    pub secure: bool,
}

/// A program that is ready but for part of its stack's content.
#[derive(Debug)]
pub struct Loading {
    image: NewImage,
    stack: Stack,
    /// Up to here it is written.
    written: u64,
}

/// A program that is ready to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewImage {
    /// Where; it has one user.
    pub space: SpaceId,
    /// Where it starts.
    pub entry: u64,
    /// Its stack pointer.
    pub stack: u64,
    /// The file that runs (`/proc/PID/exe`): a script's interpreter. The reference is the caller's.
    pub program: FileId,
    /// The last part of the path that was executed, for `/proc/PID/comm`.
    pub name: Vec<u8>,
}

/// Bytes that arguments and environment may take together, pointers included (`execve(2)`, "Limits").
pub fn arguments_limit(sys: &System, pid: Pid) -> u64 {
    let stack = sys.tasks.process(pid).map_or(0, |process| process.rlimits.soft(Resource::Stack));
    (stack / 4).min(sys.limits.exec_bytes).max(ARGUMENTS_MIN)
}

impl System {
    /// Begins to load a program for a process, whose root, directory, credentials and limits count. `identify` is
    /// told the file that will run, and says as whom.
    ///
    /// # Errors
    /// As `execve(2)`: `ENOEXEC` for a format that cannot run here, `ELIBBAD` for such an interpreter, `E2BIG`,
    /// `ELOOP` for scripts that interpret each other, `ENOMEM`, what opening an interpreter answers.
    pub fn exec_begin(
        &mut self,
        pid: Pid,
        request: ExecRequest,
        identify: &mut dyn FnMut(&mut System, FileId) -> Identity,
    ) -> Result<Loading> {
        let mut held = vec![request.file];
        let loading = self.exec_load(pid, request, &mut held, identify);
        // A program that is ready keeps the reference on its file.
        let kept = loading.as_ref().ok().map(|loading| loading.image.program);
        if let Some(index) = held.iter().position(|file| Some(*file) == kept) {
            held.swap_remove(index);
        }
        held.into_iter().for_each(|file| self.fs.release(file));
        loading
    }

    /// Goes on loading, one step; the program when it is ready.
    ///
    /// # Errors
    /// `ENOMEM`; everything is undone then.
    pub fn exec_step(&mut self, loading: &mut Loading) -> Result<Option<NewImage>> {
        /// What a piece costs beside its bytes, in bytes copied.
        const PIECE_COST: u64 = 2048;
        let (mut budget, start) = (STEP_BYTES, loading.written);
        while budget > 0 {
            let piece = loading.stack.piece(budget as usize);
            if piece.is_empty() {
                // What follows takes a step of its own, if much was copied in this one.
                if loading.written - start > STEP_BYTES / 4 {
                    return Ok(None);
                }
                return Ok(Some(loading.image.clone()));
            }
            if self.write_space(loading.image.space, GuestAddr(loading.written), &piece).is_err() {
                self.exec_abandon(loading);
                return Err(Errno::ENOMEM);
            }
            loading.written += piece.len() as u64;
            budget = budget.saturating_sub(piece.len() as u64 + PIECE_COST);
        }
        Ok(None)
    }

    /// Gives up a program that is not to run after all.
    pub fn exec_abandon(&mut self, loading: &mut Loading) {
        self.fs.release(loading.image.program);
        self.mem.release_space(loading.image.space);
    }

    /// Everything but the stack's content. Files that were opened are added to `held`.
    fn exec_load(
        &mut self,
        pid: Pid,
        request: ExecRequest,
        held: &mut Vec<FileId>,
        identify: &mut dyn FnMut(&mut System, FileId) -> Identity,
    ) -> Result<Loading> {
        let ExecRequest { file, path, mut argv, envp } = request;
        if argv.is_empty() {
            argv.push(b"");
        }
        let file = self.follow_scripts(pid, file, &path, &mut argv, held)?;
        let program = self.read_elf(file)?;
        let interpreter = self.open_interpreter(pid, &program, held)?;
        let identity = identify(self, file);

        let stack_limit = self.tasks.process(pid).map_or(0, |process| process.rlimits.soft(Resource::Stack));
        let space = self.mem.create_space(stack_limit)?;
        let built = {
            let limit = arguments_limit(self, pid);
            let strings = (&path[..], argv, envp);
            self.build_image(space, &program, interpreter.as_ref(), strings, limit, &identity)
        };
        let (entry, stack) = match built {
            Ok(built) => built,
            Err(errno) => {
                self.mem.release_space(space);
                return Err(errno);
            }
        };
        if let Some(process) = self.tasks.process(pid) {
            let limit = |resource| process.rlimits.soft(resource);
            let limits = (limit(Resource::Stack), limit(Resource::AddressSpace), limit(Resource::Data));
            self.mm(space)?.space_mut().set_limits(limits.0, limits.1, limits.2);
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let image = NewImage { space, entry, stack: stack.sp, program: file, name };
        Ok(Loading { image, written: stack.sp, stack })
    }

    /// What a program names to be run by: a script's first line, or an ELF file.
    pub(crate) fn interpreter_of(&mut self, file: FileId) -> Option<Vec<u8>> {
        let mut head = [0; script::HEAD_BYTES];
        let len = self.read_program(file, 0, &mut head).ok()?;
        if let Some(script) = script::parse(&head[..len]) {
            return Some(script.interpreter.to_vec());
        }
        let program = self.read_elf(file).ok()?;
        self.interpreter_path(&program).ok()?
    }

    /// Whether a file begins like a script.
    pub(crate) fn is_script(&mut self, file: FileId) -> bool {
        let mut head = [0; script::HEAD_BYTES];
        let read = self.read_program(file, 0, &mut head);
        read.is_ok_and(|len| script::parse(&head[..len]).is_some())
    }

    /// From a script to the program that interprets it, with the arguments changed accordingly.
    fn follow_scripts(
        &mut self,
        pid: Pid,
        mut file: FileId,
        path: &[u8],
        argv: &mut Strings,
        held: &mut Vec<FileId>,
    ) -> Result<FileId> {
        let mut path = path.to_vec();
        for _ in 0..=script::MAX_DEPTH {
            let mut head = [0; script::HEAD_BYTES];
            let len = self.read_program(file, 0, &mut head)?;
            let Some(line) = script::parse(&head[..len]) else { return Ok(file) };
            file = self.open_program(pid, line.interpreter)?;
            held.push(file);
            let script = std::mem::replace(&mut path, line.interpreter.to_vec());
            let head = [Some(path.clone()), line.argument.map(<[u8]>::to_vec), Some(script)];
            argv.replace_first(head.into_iter().flatten());
        }
        Err(Errno::ELOOP)
    }

    fn open_interpreter(&mut self, pid: Pid, program: &Elf, held: &mut Vec<FileId>) -> Result<Option<Elf>> {
        let Some(path) = self.interpreter_path(program)? else { return Ok(None) };
        let file = self.open_program(pid, &path)?;
        held.push(file);
        match self.read_elf(file) {
            Ok(elf) => Ok(Some(elf)),
            Err(Errno::ENOEXEC | Errno::EINVAL) => Err(Errno::ELIBBAD),
            Err(errno) => Err(errno),
        }
    }

    /// Opens a file for execution as a process would.
    fn open_program(&mut self, pid: Pid, path: &[u8]) -> Result<FileId> {
        let parts = self.parts(pid, pid.0)?;
        parts.fs.open_exec(&parts.who, parts.who.cwd, path, true)
    }

    /// Maps the program's parts. Where it starts, and its stack.
    fn build_image(
        &mut self,
        space: SpaceId,
        program: &Elf,
        interpreter: Option<&Elf>,
        (path, argv, envp): (&[u8], Strings, Strings),
        limit: u64,
        identity: &Identity,
    ) -> Result<(u64, Stack)> {
        let mapped = self.map_elf(space, program, Base::Program)?;
        let loader = match interpreter {
            Some(interpreter) => Some(self.map_elf(space, interpreter, Base::Anywhere)?),
            None => None,
        };
        let vdso = self.map_vdso(space)?;
        let aux = [
            (aux::SYSINFO_EHDR, vdso),
            (aux::HWCAP, stack::HWCAP),
            (aux::PAGESZ, PAGE_SIZE),
            (aux::CLKTCK, CLOCK_TICKS),
            (aux::PHDR, mapped.segments),
            (aux::PHENT, elf::PROGRAM_HEADER_BYTES as u64),
            (aux::PHNUM, program.image.header.table_count.into()),
            (aux::BASE, loader.map_or(0, |loader| loader.bias)),
            (aux::FLAGS, 0),
            (aux::ENTRY, mapped.entry),
            (aux::UID, identity.uid.into()),
            (aux::EUID, identity.euid.into()),
            (aux::GID, identity.gid.into()),
            (aux::EGID, identity.egid.into()),
            (aux::SECURE, identity.secure.into()),
            (aux::HWCAP2, 0),
            (aux::MINSIGSTKSZ, FRAME_BYTES as u64),
        ];
        let mut random = [0; 16];
        self.entropy.fill(&mut random);
        // Past the count of arguments and both vectors with their null pointers come the pairs, ours and three more.
        let pointers = argv.len() + envp.len() + 3;
        let contents = Contents { argv, envp, path, random, aux: &aux };
        let stack = stack::build(contents, layout::STACK_TOP, limit)?;
        self.map_stack(space, stack.len, program.image.executable_stack)?;

        let mut mm = self.mm(space)?;
        let marks = mm.space_mut().marks_mut();
        (marks.code_start, marks.code_end) = mapped.code;
        (marks.heap_start, marks.heap_end) = (mapped.end, mapped.end);
        (marks.stack_start, marks.arguments, marks.environment) = (stack.sp, stack.args, stack.env);
        let auxiliary = stack.sp + 8 * pointers;
        marks.auxiliary = (auxiliary, auxiliary + 16 * (aux.len() + 3) as u64);
        Ok((loader.map_or(mapped.entry, |loader| loader.entry), stack))
    }
}
