//! What `ioctl(2)` asks of terminals (`ioctl_tty(2)`).

use super::device::{MASTER_MAJOR, SLAVE_MAJOR};
use super::job::Permission;
use super::pty::End;
use super::read::interrupted;
use super::termios::{RawTermio, RawTermios, RawTermios2, Special, Termios, WindowSize, control, local};
use super::{News, TerminalFile};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::flags::OpenFlags;
use crate::signal::Signal;
use crate::syscall::{Cx, SysResult};
use crate::task::{Capabilities, Pid};
use crate::wait::Flow;

macro_rules! requests {
    ($($name:ident = $number:literal),* $(,)?) => { $(const $name: u32 = $number;)* };
}

// asm-generic/ioctls.h; the sizes inside the newer ones are their arguments'.
requests! {
    TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404, TCGETA = 0x5405, TCSETA = 0x5406,
    TCSETAW = 0x5407, TCSETAF = 0x5408, TCSBRK = 0x5409, TCXONC = 0x540a, TCFLSH = 0x540b, TIOCEXCL = 0x540c,
    TIOCNXCL = 0x540d, TIOCSCTTY = 0x540e, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCOUTQ = 0x5411,
    TIOCSTI = 0x5412, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCGSOFTCAR = 0x5419, TIOCSSOFTCAR = 0x541a,
    FIONREAD = 0x541b, TIOCPKT = 0x5420, TIOCNOTTY = 0x5422, TIOCSETD = 0x5423, TIOCGETD = 0x5424,
    TCSBRKP = 0x5425, TIOCSBRK = 0x5427, TIOCCBRK = 0x5428, TIOCGSID = 0x5429, TCGETS2 = 0x802c_542a,
    TCSETS2 = 0x402c_542b, TCSETSW2 = 0x402c_542c, TCSETSF2 = 0x402c_542d, TIOCGPTN = 0x8004_5430,
    TIOCSPTLCK = 0x4004_5431, TIOCGDEV = 0x8004_5432, TIOCSIG = 0x4004_5436, TIOCVHANGUP = 0x5437,
    TIOCGLCKTRMIOS = 0x5456, TIOCSLCKTRMIOS = 0x5457,
    TIOCGPKT = 0x8004_5438, TIOCGPTLCK = 0x8004_5439, TIOCGEXCL = 0x8004_5440, TIOCGPTPEER = 0x5441,
}

/// What an end of a terminal answers. Requests that every file answers are not here.
///
/// # Errors
/// `ENOTTY` for what terminals are not asked, and the errors of `ioctl_tty(2)`.
pub(crate) fn ioctl(
    cx: &mut Cx<'_>,
    file: FileId,
    terminal: TerminalFile,
    request: u32,
    arg: GuestAddr,
) -> SysResult {
    let call = Call { file, terminal, arg };
    if !cx.sys.fs.terminals.get(terminal.pty)?.is_alive(terminal.end) {
        return Err(if request == TIOCSPGRP { Errno::ENOTTY } else { Errno::EIO });
    }
    match request {
        TCGETS | TCGETS2 | TCGETA => call.get_termios(cx, request),
        TCSETS | TCSETSW | TCSETS2 | TCSETSW2 | TCSETA | TCSETAW => call.set_termios(cx, request, false),
        TCSETSF | TCSETSF2 | TCSETAF => call.set_termios(cx, request, true),
        TIOCGLCKTRMIOS => {
            let locks = cx.sys.fs.terminals.get(terminal.pty)?.locks;
            cx.write_pod(arg, &locks)?;
            Ok(Flow::Done(0))
        }
        TIOCSLCKTRMIOS => {
            if !cx.can(Capabilities::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            let locks = cx.read_pod(arg)?;
            cx.sys.fs.terminals.get_mut(terminal.pty)?.locks = locks;
            Ok(Flow::Done(0))
        }
        TIOCGWINSZ => {
            let size = cx.sys.fs.terminals.get(terminal.pty)?.size;
            cx.write_pod(arg, &size)?;
            Ok(Flow::Done(0))
        }
        TIOCSWINSZ => {
            let size: WindowSize = cx.read_pod(arg)?;
            cx.sys.fs.resize_terminal(terminal, size)?;
            Ok(Flow::Done(0))
        }
        TCXONC | TCFLSH | TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK | TIOCSETD => call.change(cx, request),
        TIOCSCTTY => {
            let readable = cx.sys.fs.file(file)?.readable;
            cx.sys.set_controlling(cx.pid, terminal.pty, readable, arg.0 == 1)?;
            Ok(Flow::Done(0))
        }
        TIOCNOTTY => {
            if terminal.end == End::Master {
                return Err(Errno::ENOTTY);
            }
            cx.sys.give_up_controlling(cx.pid, terminal.pty)?;
            Ok(Flow::Done(0))
        }
        TIOCGPGRP | TIOCGSID => call.get_owner(cx, request),
        TIOCSPGRP => call.set_group(cx),
        TIOCEXCL | TIOCNXCL => {
            cx.sys.fs.terminals.get_mut(terminal.pty)?.exclusive = request == TIOCEXCL;
            Ok(Flow::Done(0))
        }
        TIOCSSOFTCAR => call.set_soft_carrier(cx),
        FIONREAD | TIOCOUTQ | TIOCGETD | TIOCGEXCL | TIOCGDEV | TIOCGSOFTCAR => call.get_number(cx, request),
        TIOCSTI => call.type_byte(cx),
        TIOCVHANGUP => {
            if !cx.can(Capabilities::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            cx.sys.fs.hang_up(terminal.pty, &mut cx.sys.woken);
            Ok(Flow::Done(0))
        }
        _ if terminal.end == End::Master => call.master(cx, request),
        _ => Err(Errno::ENOTTY),
    }
}

/// One request at one end.
struct Call {
    file: FileId,
    terminal: TerminalFile,
    arg: GuestAddr,
}

impl Call {
    fn get_termios(&self, cx: &mut Cx<'_>, request: u32) -> SysResult {
        let termios = cx.sys.fs.terminals.get(self.terminal.pty)?.discipline.termios.clone();
        match request {
            TCGETS => cx.write_pod(self.arg, &termios.to_raw())?,
            TCGETS2 => cx.write_pod(self.arg, &termios.to_raw2())?,
            _ => cx.write_pod(self.arg, &termios.to_termio())?,
        }
        Ok(Flow::Done(0))
    }

    /// As with `dev.tty.legacy_tiocsti` at 0: only the administrator types for others.
    fn type_byte(&self, cx: &mut Cx<'_>) -> SysResult {
        if self.terminal.end == End::Master || !cx.can(Capabilities::SYS_ADMIN) {
            return Err(Errno::EIO);
        }
        let byte: u8 = cx.read_pod(self.arg)?;
        cx.sys.fs.terminals.get_mut(self.terminal.pty)?.type_byte(byte, &mut cx.sys.woken);
        Ok(Flow::Done(0))
    }

    /// Output has always been sent: a pseudoterminal sends at once.
    fn set_termios(&self, cx: &mut Cx<'_>, request: u32, flush: bool) -> SysResult {
        if let Some(flow) = self.check(cx)? {
            return Ok(flow);
        }
        let old: Termios = cx.sys.fs.terminals.get(self.terminal.pty)?.discipline.termios.clone();
        let new = match request {
            TCSETS | TCSETSW | TCSETSF => old.with_raw(&cx.read_pod::<RawTermios>(self.arg)?),
            TCSETS2 | TCSETSW2 | TCSETSF2 => old.with_raw2(&cx.read_pod::<RawTermios2>(self.arg)?),
            _ => old.with_termio(&cx.read_pod::<RawTermio>(self.arg)?),
        };
        let pty = cx.sys.fs.terminals.get_mut(self.terminal.pty)?;
        if flush {
            pty.flush_input(&mut cx.sys.woken);
        }
        pty.set_termios(new, &mut cx.sys.woken);
        Ok(Flow::Done(0))
    }

    /// Whether the caller may change the terminal: from the background, its group is stopped instead.
    fn check(&self, cx: &mut Cx<'_>) -> Result<Option<Flow>> {
        match cx.sys.check_foreground(cx.tid, self.terminal.pty, Signal::TTOU)? {
            Permission::Granted => Ok(None),
            Permission::Signalled => interrupted(cx).map(Some),
        }
    }

    /// Requests that act on the queues. At a master, what is input is the terminal's output.
    fn change(&self, cx: &mut Cx<'_>, request: u32) -> SysResult {
        const N_TTY: i32 = 0;
        if self.terminal.end != End::Master
            && let Some(flow) = self.check(cx)?
        {
            return Ok(flow);
        }
        match request {
            TCXONC => self.flow(cx),
            TCFLSH => self.flush(cx),
            TIOCSETD => {
                let discipline: i32 = cx.read_pod(self.arg)?;
                if discipline == N_TTY { Ok(Flow::Done(0)) } else { Err(Errno::EINVAL) }
            }
            // There is no line to break.
            _ => Ok(Flow::Done(0)),
        }
    }

    fn flow(&self, cx: &mut Cx<'_>) -> SysResult {
        const TCOOFF: u64 = 0;
        const TCOON: u64 = 1;
        const TCIOFF: u64 = 2;
        const TCION: u64 = 3;
        let pty = cx.sys.fs.terminals.get_mut(self.terminal.pty)?;
        let sent = |special| pty.discipline.termios.character(special);
        let byte = match self.arg.0 {
            TCOOFF | TCOON if self.terminal.end == End::Master => return Ok(Flow::Done(0)),
            TCOOFF => {
                pty.discipline.hold();
                None
            }
            TCOON => {
                pty.discipline.unhold();
                None
            }
            TCIOFF => Some(sent(Special::Stop)),
            TCION => Some(sent(Special::Start)),
            _ => return Err(Errno::EINVAL),
        };
        if let (Some(byte @ 1..), End::Slave { .. }) = (byte, self.terminal.end) {
            pty.discipline.output.write_plain(byte);
        }
        pty.tell(&mut cx.sys.woken);
        Ok(Flow::Done(0))
    }

    fn flush(&self, cx: &mut Cx<'_>) -> SysResult {
        const TCIFLUSH: u64 = 0;
        const TCOFLUSH: u64 = 1;
        const TCIOFLUSH: u64 = 2;
        let pty = cx.sys.fs.terminals.get_mut(self.terminal.pty)?;
        let (incoming, outgoing) = match self.arg.0 {
            TCIFLUSH => (true, false),
            TCOFLUSH => (false, true),
            TCIOFLUSH => (true, true),
            _ => return Err(Errno::EINVAL),
        };
        match self.terminal.end {
            End::Master => {
                if incoming {
                    pty.discipline.output.discard();
                }
                if outgoing {
                    pty.forget_raw();
                }
            }
            End::Slave { .. } => {
                if incoming {
                    pty.flush_input(&mut cx.sys.woken);
                }
                if outgoing {
                    pty.discipline.flush_output();
                }
            }
        }
        pty.tell(&mut cx.sys.woken);
        Ok(Flow::Done(0))
    }

    fn get_owner(&self, cx: &mut Cx<'_>, request: u32) -> SysResult {
        let own = cx.process().terminal;
        let pty = cx.sys.fs.terminals.get(self.terminal.pty)?;
        if self.terminal.end != End::Master && own != Some(self.terminal.pty) {
            return Err(Errno::ENOTTY);
        }
        let number = match request {
            TIOCGSID => pty.session.ok_or(Errno::ENOTTY)?.get(),
            _ => pty.group.map_or(0, Pid::get),
        };
        cx.write_pod(self.arg, &number)?;
        Ok(Flow::Done(0))
    }

    fn set_group(&self, cx: &mut Cx<'_>) -> SysResult {
        match self.check(cx) {
            Ok(None) => {}
            Ok(Some(flow)) => return Ok(flow),
            Err(Errno::EIO) => return Err(Errno::ENOTTY),
            Err(error) => return Err(error),
        }
        let group: i32 = cx.read_pod(self.arg)?;
        cx.sys.set_foreground(cx.pid, self.terminal.pty, group)?;
        Ok(Flow::Done(0))
    }

    fn set_soft_carrier(&self, cx: &mut Cx<'_>) -> SysResult {
        let on: i32 = cx.read_pod(self.arg)?;
        let termios = &mut cx.sys.fs.terminals.get_mut(self.terminal.pty)?.discipline.termios;
        termios.control = termios.control & !control::CLOCAL | if on != 0 { control::CLOCAL } else { 0 };
        Ok(Flow::Done(0))
    }

    fn get_number(&self, cx: &mut Cx<'_>, request: u32) -> SysResult {
        let TerminalFile { pty: id, end } = self.terminal;
        let pty = cx.sys.fs.terminals.get(id)?;
        let number = match request {
            FIONREAD if end == End::Master => pty.discipline.output.len() as u32,
            FIONREAD => pty.discipline.readable_bytes() as u32,
            TIOCGEXCL => pty.exclusive.into(),
            TIOCGSOFTCAR => (pty.discipline.termios.control & control::CLOCAL != 0).into(),
            TIOCGDEV => device_number(if end == End::Master { MASTER_MAJOR } else { SLAVE_MAJOR }, id.0),
            // Output is sent at once; the only discipline is number 0.
            _ => 0,
        };
        cx.write_pod(self.arg, &number)?;
        Ok(Flow::Done(0))
    }

    /// What only a master answers (`pty(7)`).
    fn master(&self, cx: &mut Cx<'_>, request: u32) -> SysResult {
        let id = self.terminal.pty;
        match request {
            TIOCGPTN => cx.write_pod(self.arg, &id.0)?,
            TIOCSPTLCK => {
                let locked: i32 = cx.read_pod(self.arg)?;
                cx.sys.fs.terminals.get_mut(id)?.locked = locked != 0;
            }
            TIOCGPTLCK => {
                let locked = i32::from(cx.sys.fs.terminals.get(id)?.locked);
                cx.write_pod(self.arg, &locked)?;
            }
            TIOCPKT => {
                let on: i32 = cx.read_pod(self.arg)?;
                let pty = cx.sys.fs.terminals.get_mut(id)?;
                if on != 0 && !pty.packets {
                    pty.discipline.status = 0;
                }
                pty.packets = on != 0;
            }
            TIOCGPKT => {
                let on = i32::from(cx.sys.fs.terminals.get(id)?.packets);
                cx.write_pod(self.arg, &on)?;
            }
            TIOCSIG => {
                let signal = Signal::new(self.arg.0 as u32).ok_or(Errno::EINVAL)?;
                if ![Signal::INT, Signal::QUIT, Signal::TSTP].contains(&signal) {
                    return Err(Errno::EINVAL);
                }
                if let Some(group) = cx.sys.fs.terminals.get(id)?.group {
                    cx.sys.signal_group(group, signal);
                }
            }
            TIOCGPTPEER => return self.peer(cx),
            _ => return Err(Errno::ENOTTY),
        }
        Ok(Flow::Done(0))
    }

    fn peer(&self, cx: &mut Cx<'_>) -> SysResult {
        let flags = OpenFlags(self.arg.0 as u32);
        let creds = cx.process().creds.clone();
        let slave = cx.sys.fs.open_peer(&creds, self.terminal.pty, flags.and(OpenFlags::KNOWN))?;
        cx.sys.terminal_opened(cx.pid, slave, flags);
        let fd = cx.install(slave, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
        // The master it belongs to stays open: the caller asked through it.
        debug_assert!(cx.sys.fs.file(self.file).is_ok());
        Ok(Flow::Done(fd.get().into()))
    }
}

/// `new_encode_dev`: a device's numbers as `/proc/PID/stat` and `TIOCGDEV` give them.
fn device_number(major: u32, minor: u32) -> u32 {
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

impl super::PtyId {
    /// The number of the terminal as a device.
    pub(crate) fn device_number(self) -> u32 {
        device_number(SLAVE_MAJOR, self.0)
    }
}

impl super::pty::Pty {
    /// Whether programs in the background are stopped when they write (`TOSTOP`).
    pub(super) fn stops_background(&self) -> bool {
        self.discipline.termios.local(local::TOSTOP)
    }
}

impl crate::fs::Vfs {
    /// Sets a terminal's size; its foreground group is told of a change.
    ///
    /// # Errors
    /// `EIO` for a terminal that is gone.
    pub(super) fn resize_terminal(&mut self, terminal: TerminalFile, size: WindowSize) -> Result<()> {
        let pty = self.terminals.get_mut(terminal.pty)?;
        if std::mem::replace(&mut pty.size, size) != size
            && let Some(group) = pty.group
        {
            self.terminals.news.push(News::Signal { group, signal: Signal::WINCH });
        }
        Ok(())
    }
}
