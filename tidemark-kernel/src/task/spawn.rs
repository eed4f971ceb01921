//! Programs that the application starts.
//!
//! Owns how such a process comes to be: its identity, directory, standard streams and program. Whatever fails leaves
//! nothing behind.

use super::create::INIT;
use super::thread::{Name, Thread};
use super::{Creds, Pid, Process, ProcessRef, RLimit};
use crate::cpu::hart::Hart;
use crate::errno::{Errno, Result};
use crate::exec::{ExecRequest, NewImage, elf};
use crate::fs::FileId;
use crate::fs::flags::OpenFlags;
use crate::fs::open::How;
use crate::kernel::Kernel;
use crate::spawn::{SpawnError, SpawnRequest, Spawned, Stdio};
use crate::status::{ProcessEvent, Status, StreamId};
use crate::system::System;
use crate::time::Now;
use crate::tty::{PtyId, Role, WindowSize};

/// Where programs are looked for without a `PATH` (`execvp(3)`, glibc's default).
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

const STACK_POINTER: usize = 2;

impl Kernel {
    /// Starts a program in a process of its own, a child of process 1, leader of a new session and group.
    ///
    /// # Errors
    /// [`SpawnError`]; nothing of it is left then.
    pub fn spawn(&mut self, request: SpawnRequest, now: Now) -> Result<Spawned, SpawnError> {
        self.sys.now = now;
        let beside = self.sys.group_beside(&request).map_err(SpawnError::Group)?;
        let pid = self.sys.new_process_id(None).map_err(SpawnError::Limit)?;
        let (process, group) = self.sys.enter_spawned(pid, &request, beside);
        let mut ends = Ends::default();
        let result = self.sys.furnish(pid, &request, &mut ends);
        if result.is_err() {
            self.sys.undo_spawn(pid, &ends);
        }
        self.settle();
        result.map(|()| Spawned { pid, process, group, streams: ends.streams, terminal: ends.window })
    }

    /// Opens a file as a program's standard stream; [`Kernel::fs_close`] ends it. As the superuser, from the root.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn fs_open_stdio(&mut self, path: &[u8], flags: OpenFlags, perm: u16, now: Now) -> Result<FileId> {
        let file = self.fs_open(path, flags, perm, now)?;
        // A request never waits, the program will.
        if let Ok(open) = self.sys.fs.file_mut(file) {
            open.flags = open.flags.without(OpenFlags::NON_BLOCK);
        }
        Ok(file)
    }

    /// A pipe between programs: the ends to read from and to write to. [`Kernel::fs_close`] ends each.
    ///
    /// # Errors
    /// `ENFILE`.
    pub fn new_pipe(&mut self, now: Now) -> Result<(FileId, FileId)> {
        self.sys.now = now;
        self.sys.fs.open_pipe(OpenFlags(0), &mut self.sys.woken)
    }
}

/// The application's ends of what a new process uses.
#[derive(Default)]
struct Ends {
    streams: [Option<StreamId>; 3],
    terminal: Option<PtyId>,
    window: Option<StreamId>,
    has_screen: bool,
}

impl System {
    /// The group and session that it is to join.
    fn group_beside(&self, request: &SpawnRequest) -> Result<Option<(Pid, Pid)>> {
        let Some(beside) = request.beside else { return Ok(None) };
        if request.terminal.is_some() {
            return Err(Errno::EPERM);
        }
        let other = self.tasks.process(beside).filter(|process| process.spawned && !process.is_zombie());
        other.map(|other| Some((other.group, other.session))).ok_or(Errno::ESRCH)
    }

    /// Enters the process, which has no thread yet.
    fn enter_spawned(
        &mut self,
        pid: Pid,
        request: &SpawnRequest,
        beside: Option<(Pid, Pid)>,
    ) -> (ProcessRef, Pid) {
        let (uid, gid) = request.ids;
        let now = self.now.monotonic;
        let mut creds = Creds::user(uid, gid);
        creds.groups = request.groups.clone();
        creds.groups.sort_unstable();
        creds.groups.dedup();
        let mut process = Process::new(pid, Some(INIT), creds, &self.limits, now);
        process.fd_table = Some(self.fs.new_fd_table());
        process.fs_context = Some(self.fs.new_context());
        process.spawned = true;
        for (resource, limit) in &request.rlimits {
            process.rlimits.set(*resource, RLimit { soft: limit.soft.min(limit.hard), hard: limit.hard });
        }
        if let Some((group, session)) = beside {
            (process.group, process.session) = (group, session);
            process.terminal = self.tasks.process(session).and_then(|leader| leader.terminal);
        }
        if let (Some(context), Some(umask)) = (process.fs_context, request.umask) {
            // The context was made just now.
            let _: Result<u16> = self.fs.set_umask(context, umask);
        }
        let entered = (process.reference(), process.group);
        self.tasks.insert_process(Box::new(process));
        self.set_traced(pid, self.trace);
        if let Some(init) = self.tasks.process_mut(INIT) {
            init.children.push(pid);
        }
        entered
    }

    /// Gives it directory, streams and program, and lets it run.
    fn furnish(&mut self, pid: Pid, request: &SpawnRequest, ends: &mut Ends) -> Result<(), SpawnError> {
        self.enter_directory(pid, &request.cwd).map_err(|errno| SpawnError::WorkingDirectory {
            cwd: String::from_utf8_lossy(&request.cwd).into_owned(),
            errno,
        })?;
        if let Some(size) = request.terminal {
            self.open_spawned(pid, size, ends).map_err(SpawnError::Limit)?;
        }
        for (fd, stdio) in request.stdio.iter().enumerate() {
            ends.streams[fd] = self.open_stdio(pid, fd, *stdio, ends).map_err(SpawnError::Limit)?;
        }
        let (file, path) = self.find_program(pid, request).map_err(|errno| refusal(request, errno))?;
        // Kept, to be asked what it needs should that not be there.
        self.fs.retain(file);
        let image = self.load_spawned(pid, request, file, path).map_err(|errno| match errno {
            Errno::ENOENT => self.without_interpreter(request, file),
            Errno::ENOEXEC | Errno::EINVAL | Errno::EIO => self.no_program(request, file, errno),
            errno => refusal(request, errno),
        });
        self.fs.release(file);
        self.begin(pid, image?, request.nice.clamp(-20, 19));
        if let Some(limit) = request.time_limit {
            self.limit_time(pid, limit);
        }
        Ok(())
    }

    /// The program is there, what it is to be run by is not.
    fn without_interpreter(&mut self, request: &SpawnRequest, file: FileId) -> SpawnError {
        let interpreter = self.interpreter_of(file).unwrap_or_default();
        SpawnError::NotExecutable {
            program: String::from_utf8_lossy(&request.program).into_owned(),
            why: format!(
                "it needs {}, which is not there: add the package or the folder that has it",
                String::from_utf8_lossy(&interpreter).escape_debug()
            ),
            errno: Errno::ENOENT,
        }
    }

    /// The file is there, but is no program that runs here: what it is instead.
    fn no_program(&mut self, request: &SpawnRequest, file: FileId, errno: Errno) -> SpawnError {
        let mut head = [0; elf::HEADER_BYTES];
        let len = self.read_program(file, 0, &mut head).unwrap_or(0);
        SpawnError::NotExecutable {
            program: String::from_utf8_lossy(&request.program).into_owned(),
            why: elf::what_else(&head[..len]).to_owned(),
            errno,
        }
    }

    fn enter_directory(&mut self, pid: Pid, cwd: &[u8]) -> Result<()> {
        if cwd.is_empty() {
            return Ok(());
        }
        let parts = self.parts(pid, pid.0)?;
        let at = parts.fs.resolve(&parts.who, parts.who.cwd, cwd, true)?;
        parts.fs.check_search(&parts.who.view, parts.who.creds, at)?;
        let context = self.tasks.process(pid).and_then(|process| process.fs_context).ok_or(Errno::ESRCH)?;
        self.fs.set_cwd(context, at)
    }

    fn open_spawned(&mut self, pid: Pid, size: WindowSize, ends: &mut Ends) -> Result<()> {
        let pty = self.new_spawned_terminal(pid, size)?;
        ends.terminal = Some(pty);
        ends.window = Some(self.fs.open_terminal_stream(pty, Role::Window)?);
        Ok(())
    }

    fn open_stdio(&mut self, pid: Pid, fd: usize, stdio: Stdio, ends: &mut Ends) -> Result<Option<StreamId>> {
        let table = self.tasks.process(pid).and_then(|process| process.fd_table).ok_or(Errno::ESRCH)?;
        let (file, stream) = match (stdio, ends.terminal) {
            (Stdio::Terminal, Some(pty)) => {
                let role = match fd {
                    0 => Some(Role::Keyboard),
                    _ => (!core::mem::replace(&mut ends.has_screen, true)).then_some(Role::Screen),
                };
                let file = self.open_spawned_terminal(pid, pty)?;
                let stream = role.map(|role| self.fs.open_terminal_stream(pty, role)).transpose();
                (file, stream.inspect_err(|_| self.fs.release(file))?)
            }
            (Stdio::Piped | Stdio::Terminal, _) => {
                let (file, stream) = self.fs.open_stream(fd == 0, &mut self.woken)?;
                (file, Some(stream))
            }
            (Stdio::File(file), _) => {
                self.fs.file(file)?;
                self.fs.retain(file);
                (file, None)
            }
            (Stdio::Null, _) => {
                let mut parts = self.parts(pid, pid.0)?;
                let how = How { flags: OpenFlags::READ_WRITE, perm: 0 };
                let root = parts.who.root;
                (parts.fs.open(&parts.who, &mut parts.env, root, b"/dev/null", how)?, None)
            }
            (Stdio::SameAsStdout, _) => {
                let file = self.fs.file_of(table, crate::fs::descriptors::Fd::new(1)?)?;
                self.fs.retain(file);
                (file, None)
            }
        };
        // Descriptors are given out in order: 0, 1, 2.
        if let Err(errno) = self.fs.install(table, file, false, 0, u64::MAX) {
            if let Some(stream) = stream {
                self.fs.stream_close(stream, &mut self.woken);
            }
            return Err(errno);
        }
        Ok(stream)
    }

    fn load_spawned(
        &mut self,
        pid: Pid,
        request: &SpawnRequest,
        file: FileId,
        path: Vec<u8>,
    ) -> Result<NewImage> {
        let argv = match request.argv.is_empty() {
            true => [&request.program].into_iter().collect(),
            false => request.argv.iter().collect(),
        };
        let exec = ExecRequest { file, path, argv, envp: request.env.iter().collect() };
        let mut identity = super::ExecIdentity::default();
        let mut loading = self.exec_begin(pid, exec, &mut |sys, program| {
            identity = sys.exec_identity(pid, program);
            identity.told(sys, pid)
        })?;
        let image = loop {
            if let Some(image) = self.exec_step(&mut loading)? {
                break image;
            }
        };
        if let Some(process) = self.tasks.process_mut(pid) {
            process.creds.euid = identity.euid.unwrap_or(process.creds.euid);
            process.creds.egid = identity.egid.unwrap_or(process.creds.egid);
            process.creds.after_exec();
            process.publish();
        }
        Ok(image)
    }

    /// Opens the program: a path with a slash, or a name in one of the directories of `PATH` (`execvp(3)`).
    fn find_program(&mut self, pid: Pid, request: &SpawnRequest) -> Result<(FileId, Vec<u8>)> {
        let name = &request.program;
        if name.is_empty() {
            return Err(Errno::ENOENT);
        }
        if name.contains(&b'/') {
            return Ok((self.open_to_run(pid, name)?, name.clone()));
        }
        let assigned = request.env.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
        let mut answer = Errno::ENOENT;
        for dir in assigned.unwrap_or(DEFAULT_PATH).split(|byte| *byte == b':') {
            // An empty element is the working directory.
            let dir: &[u8] = if dir.is_empty() { b"." } else { dir };
            let path = [dir, b"/", name.as_slice()].concat();
            match self.open_to_run(pid, &path) {
                Ok(file) => return Ok((file, path)),
                Err(Errno::EACCES) => answer = Errno::EACCES,
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(answer)
    }

    fn open_to_run(&mut self, pid: Pid, path: &[u8]) -> Result<FileId> {
        let parts = self.parts(pid, pid.0)?;
        parts.fs.open_exec(&parts.who, parts.who.cwd, path, true)
    }

    /// Gives the process its memory and first thread.
    fn begin(&mut self, pid: Pid, image: NewImage, nice: i8) {
        let now = self.now.monotonic;
        let Some(process) = self.tasks.process_mut(pid) else { return };
        process.space = image.space;
        process.exe = Some(image.program);
        self.fs.mark_running(image.program);
        process.execed = true;
        process.threads.push(pid.0);
        let mut hart = Box::new(Hart::new());
        hart.set_pc(image.entry);
        hart.set_x(STACK_POINTER, image.stack);
        let mut thread = Thread::new(pid.0, pid, Name::new(&image.name), hart, &process.shared, now);
        thread.scheduling.nice = nice;
        self.tasks.insert_thread(Box::new(thread));
        self.tell_process(|| ProcessEvent::Started { pid, parent: INIT });
        self.tell_process(|| ProcessEvent::Executed {
            pid,
            name: Name::new(&image.name).as_bytes().to_vec(),
        });
        self.statuses.push_back(Status::Runnable { tid: pid.0, sync: false });
    }

    /// Takes back a process that has not begun to run.
    fn undo_spawn(&mut self, pid: Pid, ends: &Ends) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let (table, context) = (process.fd_table.take(), process.fs_context.take());
        if let Some(table) = table {
            // At most three files.
            while !self.release_fd_table(table) {}
        }
        if let Some(context) = context {
            self.release_fs_context(context);
        }
        for stream in ends.streams.into_iter().chain([ends.window]).flatten() {
            self.fs.stream_close(stream, &mut self.woken);
        }
        if let Some(pty) = ends.terminal {
            self.fs.forget_terminal(pty);
        }
        self.reap(pid);
    }
}

/// What an error of `execve` means to the application.
fn refusal(request: &SpawnRequest, errno: Errno) -> SpawnError {
    let program = String::from_utf8_lossy(&request.program).into_owned();
    let why = match errno {
        Errno::ENOENT => return SpawnError::NotFound { program },
        Errno::EAGAIN | Errno::ENOMEM | Errno::ENFILE | Errno::EMFILE => return SpawnError::Limit(errno),
        Errno::EACCES => {
            "it is a directory or another special file, or permissions do not allow it to be executed or a directory \
             above it to be searched"
        }
        Errno::E2BIG => "its arguments and environment are too large",
        Errno::ELOOP => "too many symbolic links or interpreters lead to it",
        Errno::ELIBBAD => "its interpreter is not a riscv64 program",
        _ => "it could not be loaded",
    };
    SpawnError::NotExecutable { program, why: why.to_owned(), errno }
}
