//! The texts of procfs that are about sockets (`unix(7)`, `socket(7)`).

use super::system::line;
use crate::net::limits::{BACKLOG, BUFFER_BYTES, CONTROL_BYTES, DATAGRAM_QUEUE};
use crate::net::socket::Socket;
use crate::system::System;

/// `/proc/net/unix` (`proc_pid_net(5)`). The table slot is zero, as Linux shows it to those without privilege.
pub(super) fn unix(sys: &mut System) -> Vec<u8> {
    let mut text = b"Num       RefCount Protocol Flags    Type St Inode Path\n".to_vec();
    for socket in sys.fs.sockets.iter() {
        show(socket, &mut text);
    }
    text
}

fn show(socket: &Socket, text: &mut Vec<u8>) {
    /// `__SO_ACCEPTCON`
    const LISTENS: u32 = 0x1_0000;
    /// `SS_UNCONNECTED` and `SS_CONNECTED`
    const STATES: [u8; 2] = [1, 3];
    let (ino, kind, listens, connected, name) = socket.shown();
    let flags = if listens { LISTENS } else { 0 };
    let state = STATES[usize::from(connected)];
    let row = format!("{:016x}: {:08X} {:08X} {flags:08X} {kind:04X} {state:02X} {ino:5}", 0, 2, 0);
    text.extend_from_slice(row.as_bytes());
    if let Some(name) = name {
        text.push(b' ');
        // Abstract names, and zero bytes in them, are shown with `@`; a path without its NUL.
        let shown =
            if name.first() == Some(&0) { name } else { name.split_last().map_or(name, |(_, path)| path) };
        text.extend(shown.iter().map(|&byte| if byte == 0 { b'@' } else { byte }));
    }
    text.push(b'\n');
}

pub(super) fn backlog(_sys: &mut System) -> Vec<u8> {
    line(BACKLOG)
}

pub(super) fn buffer_default(_sys: &mut System) -> Vec<u8> {
    line(BUFFER_BYTES)
}

pub(super) fn buffer_max(sys: &mut System) -> Vec<u8> {
    line(sys.limits.socket_bytes)
}

pub(super) fn control_max(_sys: &mut System) -> Vec<u8> {
    line(CONTROL_BYTES)
}

pub(super) fn datagram_queue(_sys: &mut System) -> Vec<u8> {
    line(DATAGRAM_QUEUE)
}
