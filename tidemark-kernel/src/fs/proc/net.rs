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

pub(super) fn port_range(_sys: &mut System) -> Vec<u8> {
    line("32768\t60999")
}

/// Interfaces: there is none until there is a network.
pub(super) fn dev(_sys: &mut System) -> Vec<u8> {
    b"Inter-|   Receive                                                |  Transmit\n \
      face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls \
      carrier compressed\n"
        .to_vec()
}

pub(super) fn sockstat(sys: &mut System) -> Vec<u8> {
    let used = sys.fs.sockets.iter().count();
    line(format!(
        "sockets: used {used}\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\n\
         RAW: inuse 0\nFRAG: inuse 0 memory 0"
    ))
}

pub(super) fn sockstat6(_sys: &mut System) -> Vec<u8> {
    line("TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0")
}

pub(super) fn protocols(sys: &mut System) -> Vec<u8> {
    let used = sys.fs.sockets.iter().count();
    let header = "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em";
    let flags = "n  n".to_owned() + &"  n".repeat(17);
    line(format!("{header}\nUNIX      1024 {used:>6}      -1   NI       0   yes  kernel      {flags}"))
}

pub(super) fn tcp(_sys: &mut System) -> Vec<u8> {
    // Rows of this table are 150 characters long, the first among them.
    let header =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    line(format!("{header:<149}"))
}

pub(super) fn tcp6(_sys: &mut System) -> Vec<u8> {
    line(
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr \
         tm->when retrnsmt   uid  timeout inode",
    )
}

pub(super) fn udp(_sys: &mut System) -> Vec<u8> {
    // As of `tcp`: 128 characters.
    let header = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";
    line(format!("{header:<127}"))
}

pub(super) fn udp6(_sys: &mut System) -> Vec<u8> {
    line(
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr \
         tm->when retrnsmt   uid  timeout inode ref pointer drops",
    )
}

pub(super) fn packet(_sys: &mut System) -> Vec<u8> {
    line("sk               RefCnt Type Proto  Iface R Rmem   User   Inode")
}

pub(super) fn netlink(_sys: &mut System) -> Vec<u8> {
    line("sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode")
}

pub(super) fn arp(_sys: &mut System) -> Vec<u8> {
    line("IP address       HW type     Flags       HW address            Mask     Device")
}

pub(super) fn route(_sys: &mut System) -> Vec<u8> {
    let header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    line(format!("{header:<127}"))
}

/// A protocol's counters, all of them zero.
fn counters(name: &str, counters: &str) -> String {
    let zeroes = " 0".repeat(counters.split(' ').count());
    format!("{name}: {counters}\n{name}:{zeroes}\n")
}

pub(super) fn snmp(_sys: &mut System) -> Vec<u8> {
    const UDP: &str = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";
    [
        counters(
            "Ip",
            "Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards \
             InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs \
             FragFails FragCreates OutTransmits",
        ),
        counters(
            "Tcp",
            "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs \
             OutSegs RetransSegs InErrs OutRsts InCsumErrors",
        ),
        counters("Udp", UDP),
        counters("UdpLite", UDP),
    ]
    .concat()
    .into_bytes()
}

pub(super) fn netstat(_sys: &mut System) -> Vec<u8> {
    counters(
        "IpExt",
        "InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets",
    )
    .into_bytes()
}
