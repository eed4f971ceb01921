//! `fdinfo`: what is told of one open file (`proc_pid_fdinfo(5)`).

use super::super::Owner;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::system::System;
use crate::tty::pty::End;

impl System {
    /// The text of `/proc/PID/fdinfo/FD`.
    pub(in super::super) fn descriptor_info(&self, owner: Owner, fd: u16) -> Result<Vec<u8>> {
        let process = self.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
        let table = self.fs.table(process.fd_table.ok_or(Errno::ESRCH)?)?;
        let slot = table.get(Fd::new(fd.into())?).map_err(|_| Errno::ENOENT)?;
        let file = self.fs.file(slot.file)?;
        let close_on_exec = if slot.close_on_exec { OpenFlags::CLOSE_ON_EXEC } else { OpenFlags(0) };
        let flags = file.flags.shown().with(close_on_exec);
        let ino = self.fs.attr(file.at).map_or(0, |attr| attr.ino);
        let mut text = format!(
            "pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{ino}\n",
            file.position, flags.0, file.at.mount.0
        );
        match &file.kind {
            FileKind::Counter(counter) => text += &format!("eventfd-count: {:16x}\n", counter.count()),
            FileKind::Signals(set) => text += &format!("sigmask:\t{:016x}\n", set.bits()),
            FileKind::Process(process) => {
                let pid = self.tasks.referred(*process).map_or(-1, |process| i64::from(process.pid.get()));
                text += &format!("Pid:\t{pid}\nNSpid:\t{pid}\n");
            }
            FileKind::Timer(timer) => text += &timer.shown(self.now),
            FileKind::Epoll(epoll) => text += &epoll.shown(),
            FileKind::Terminal(terminal) if terminal.end == End::Master => {
                text += &format!("tty-index:\t{}\n", terminal.pty.0);
            }
            FileKind::Inotify(inotify) => {
                for (id, watch) in inotify.watches() {
                    text += &self.fs.watch_line(id, watch);
                }
            }
            _ => {}
        }
        Ok(text.into_bytes())
    }
}
