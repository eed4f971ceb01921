//! Making pipes.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::fs::flags::OpenFlags;
use crate::wait::Flow;

/// `pipe2(2)`
pub fn pipe2(cx: &mut Cx<'_>, fds: GuestAddr, flags: OpenFlags) -> SysResult {
    let known = OpenFlags::CLOSE_ON_EXEC.with(OpenFlags::NON_BLOCK).with(OpenFlags::DIRECT);
    if flags.without(known) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    let kept = OpenFlags::NON_BLOCK.with(OpenFlags::DIRECT);
    let close_on_exec = flags.has(OpenFlags::CLOSE_ON_EXEC);
    let (reader, writer) = cx.sys.fs.open_pipe(flags.and(kept), &mut cx.sys.woken)?;
    let table = cx.fd_table();
    let first = match cx.install(reader, close_on_exec) {
        Ok(fd) => fd,
        Err(error) => {
            cx.sys.fs.release(writer);
            return Err(error);
        }
    };
    let written = cx.install(writer, close_on_exec).and_then(|second| {
        let numbers = [first.get(), second.get()];
        cx.write_pod(fds, &numbers).inspect_err(|_| {
            let _ = cx.sys.fs.close(table, second, &mut cx.sys.woken);
        })
    });
    if let Err(error) = written {
        cx.sys.fs.close(table, first, &mut cx.sys.woken)?;
        return Err(error);
    }
    Ok(Flow::Done(0))
}
