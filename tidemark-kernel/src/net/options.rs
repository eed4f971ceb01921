//! Options of `SOL_SOCKET` (`socket(7)`), with asm-generic's numbers.

use std::collections::BTreeMap;

use super::Sockets;
use super::socket::{Socket, SocketId, Stamps};
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Creds};
use crate::time::Timeval;

const DEBUG: u32 = 1;
const TYPE: u32 = 3;
const ERROR: u32 = 4;
const SEND_BUFFER: u32 = 7;
const RECEIVE_BUFFER: u32 = 8;
/// `SO_OOBINLINE`
pub(crate) const URGENT_INLINE: u32 = 10;
const PRIORITY: u32 = 12;
const LINGER: u32 = 13;
/// `SO_BSDCOMPAT`: obsolete.
const BSD_COMPATIBLE: u32 = 14;
/// `SO_REUSEPORT`: for ports only.
const REUSE_PORT: u32 = 15;
/// `SO_PASSCRED`
pub(crate) const PASS_CREDS: u32 = 16;
/// `SO_PEERCRED`
pub(crate) const PEER_CREDS: u32 = 17;
const RECEIVE_LOW: u32 = 18;
const SEND_LOW: u32 = 19;
const RECEIVE_TIMEOUT: u32 = 20;
const SEND_TIMEOUT: u32 = 21;
/// `SO_BINDTODEVICE`
pub(crate) const BIND_TO_DEVICE: u32 = 25;
/// `SO_GET_FILTER` and, for setting, `SO_ATTACH_FILTER`.
const FILTER: u32 = 26;
const DETACH_FILTER: u32 = 27;
/// `SO_PEERNAME`
pub(crate) const PEER_NAME: u32 = 28;
const TIMESTAMP: u32 = 29;
const ACCEPTS: u32 = 30;
const SEND_BUFFER_FORCE: u32 = 32;
const RECEIVE_BUFFER_FORCE: u32 = 33;
/// `SO_PASSSEC`: there are no security labels to be passed.
pub(crate) const PASS_SECURITY: u32 = 34;
const TIMESTAMP_NANOS: u32 = 35;
const MARK: u32 = 36;
const TIMESTAMPING: u32 = 37;
const PROTOCOL: u32 = 38;
const DOMAIN: u32 = 39;
const PEEK_OFFSET: u32 = 42;
const LOCK_FILTER: u32 = 44;
const BUSY_POLL: u32 = 46;
const MAX_PACING_RATE: u32 = 47;
const BPF_EXTENSIONS: u32 = 48;
const INCOMING_CPU: u32 = 49;
const CONNECTION_ADVICE: u32 = 53;
const MEMORY: u32 = 55;
const INCOMING_NAPI: u32 = 56;
const COOKIE: u32 = 57;
/// `SO_PEERGROUPS`
pub(crate) const PEER_GROUPS: u32 = 59;
const ZERO_COPY: u32 = 60;
const TIMESTAMP_NEW: u32 = 63;
const TIMESTAMP_NANOS_NEW: u32 = 64;
const TIMESTAMPING_NEW: u32 = 65;
const PREFER_BUSY_POLL: u32 = 69;
const NAMESPACE_COOKIE: u32 = 71;
const BUFFER_LOCK: u32 = 72;
const RESERVE_MEMORY: u32 = 73;
const RETHINK_HASH: u32 = 74;
/// `SO_PASSPIDFD`
pub(crate) const PASS_PIDFD: u32 = 76;
/// `SO_PEERPIDFD`
pub(crate) const PEER_PIDFD: u32 = 77;

/// Options that are on or off: DEBUG, REUSEADDR, DONTROUTE, BROADCAST, KEEPALIVE, OOBINLINE, NO_CHECK, PASSCRED, PASSSEC,
/// RXQ_OVFL, WIFI_STATUS, NOFCS, LOCK_FILTER, SELECT_ERR_QUEUE, PREFER_BUSY_POLL, RCVMARK, PASSPIDFD. For these families
/// most have no effect; Linux keeps them too.
const SWITCHES: [u32; 17] = [
    DEBUG,
    2,
    5,
    6,
    9,
    URGENT_INLINE,
    11,
    PASS_CREDS,
    PASS_SECURITY,
    40,
    41,
    43,
    LOCK_FILTER,
    45,
    PREFER_BUSY_POLL,
    75,
    PASS_PIDFD,
];
/// Highest priority without privilege (`socket(7)`).
const MAX_PRIORITY: i32 = 6;
/// `SKF_AD_MAX`: what `SO_BPF_EXTENSIONS` tells.
const BPF_EXTENSIONS_MAX: i32 = 64;
/// Fields of `SO_MEMINFO` (`SK_MEMINFO_VARS`).
const MEMORY_FIELDS: usize = 9;
/// Flags of `SO_TIMESTAMPING` (`SOF_TIMESTAMPING_MASK`).
const STAMPING_MASK: i32 = (1 << 18) - 1;
/// Flags of `SO_BUF_LOCK` (`SOCK_BUF_LOCK_MASK`).
const BUFFER_LOCK_MASK: i32 = 3;
/// The initial network namespace's (`SO_NETNS_COOKIE`).
const FIRST_NAMESPACE_COOKIE: u64 = 1;

/// Numbers that are kept and told, without effect on these families.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(BTreeMap<u32, i32>);

impl Kept {
    /// Keeps a number, if the option takes it.
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`; `ENOPROTOOPT` for an option that is not kept.
    fn set(&mut self, option: u32, number: i32, creds: &Creds) -> Result<()> {
        let privileged = creds.can(Capabilities::NET_ADMIN);
        let (valid, allowed) = match option {
            PRIORITY => (true, privileged || (0..=MAX_PRIORITY).contains(&number)),
            MARK => (true, privileged),
            TIMESTAMPING | TIMESTAMPING_NEW => (number & !STAMPING_MASK == 0, true),
            BUSY_POLL => (number >= 0, true),
            MAX_PACING_RATE | INCOMING_CPU => (true, true),
            BUFFER_LOCK => (number & !BUFFER_LOCK_MASK == 0, true),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        match (valid, allowed) {
            (false, _) => Err(Errno::EINVAL),
            (_, false) => Err(Errno::EPERM),
            _ => {
                // Both numbers of one option are the same option.
                let option = if option == TIMESTAMPING_NEW { TIMESTAMPING } else { option };
                self.0.insert(option, number);
                Ok(())
            }
        }
    }

    /// A number as `getsockopt(2)` gives it.
    fn get(&self, option: u32) -> Option<Vec<u8>> {
        let number = |initial: i32| self.0.get(&option).copied().unwrap_or(initial);
        Some(match option {
            PRIORITY | MARK | BUSY_POLL | BUFFER_LOCK => number(0).to_le_bytes().to_vec(),
            INCOMING_CPU => number(-1).to_le_bytes().to_vec(),
            // An unsigned long, of which an int can be set; all ones are 'without limit'.
            MAX_PACING_RATE => match number(-1) {
                -1 => u64::MAX.to_le_bytes().to_vec(),
                rate => u64::from(rate as u32).to_le_bytes().to_vec(),
            },
            // `struct so_timestamping`: flags and a clock.
            TIMESTAMPING => bytes_of(&[number(0), 0]),
            TIMESTAMPING_NEW => return self.get(TIMESTAMPING),
            _ => return None,
        })
    }
}

fn bytes_of(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

impl Stamps {
    /// The option that asked for it, which is also the type of control data that tells it.
    pub(crate) fn option(self) -> u32 {
        match (self.nanos, self.new) {
            (false, false) => TIMESTAMP,
            (true, false) => TIMESTAMP_NANOS,
            (false, true) => TIMESTAMP_NEW,
            (true, true) => TIMESTAMP_NANOS_NEW,
        }
    }

    /// Switches times on or off by one of the options (`sock_set_timestamp`).
    fn set(&mut self, option: u32, on: bool) {
        *self = Stamps {
            on,
            nanos: on && matches!(option, TIMESTAMP_NANOS | TIMESTAMP_NANOS_NEW),
            new: if on { matches!(option, TIMESTAMP_NEW | TIMESTAMP_NANOS_NEW) } else { self.new },
        };
    }
}

fn int(value: &[u8]) -> Result<i32> {
    value.first_chunk::<4>().map(|bytes| i32::from_le_bytes(*bytes)).ok_or(Errno::EINVAL)
}

/// A timeout; zero is none.
fn timeout(value: &[u8]) -> Result<Option<u64>> {
    let bytes: &[u8; 16] = value.first_chunk().ok_or(Errno::EINVAL)?;
    let time = <Timeval as crate::mem::Pod>::from_bytes(bytes);
    if !(0..1_000_000).contains(&time.micros) {
        return Err(Errno::EDOM);
    }
    // A negative time is over at once (`sock_set_timeout`).
    if time.seconds < 0 {
        return Ok(Some(0));
    }
    Ok(Some(time.nanos()?).filter(|nanos| *nanos > 0))
}

impl Sockets {
    /// Sets an option of `SOL_SOCKET`.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for one that is not there or cannot be set, `EINVAL`, `EDOM`, `EPERM`, `EACCES`, `EOPNOTSUPP`,
    /// `ENOENT`.
    pub(crate) fn set_option(
        &mut self,
        id: SocketId,
        option: u32,
        value: &[u8],
        creds: &Creds,
    ) -> Result<()> {
        let most = self.buffer_bytes;
        let options = &mut self.get_mut(id)?.options;
        let number = int(value)?;
        let admin = creds.can(Capabilities::NET_ADMIN);
        match option {
            DEBUG if number != 0 && !admin => return Err(Errno::EACCES),
            PREFER_BUSY_POLL if number != 0 && !admin => return Err(Errno::EPERM),
            LOCK_FILTER if number == 0 && options.is_on(LOCK_FILTER) => return Err(Errno::EPERM),
            option if SWITCHES.contains(&option) => options.switch(option, number != 0),
            TIMESTAMP | TIMESTAMP_NANOS | TIMESTAMP_NEW | TIMESTAMP_NANOS_NEW => {
                options.stamps.set(option, number != 0);
            }
            REUSE_PORT if number != 0 => return Err(Errno::EOPNOTSUPP),
            REUSE_PORT | BSD_COMPATIBLE | CONNECTION_ADVICE => {}
            SEND_BUFFER => options.set_send_buffer(number.try_into().unwrap_or(u32::MAX), most),
            RECEIVE_BUFFER => options.set_receive_buffer(number.try_into().unwrap_or(u32::MAX), most),
            // Even the privileged stay within the sandbox's limit.
            SEND_BUFFER_FORCE | RECEIVE_BUFFER_FORCE if !admin => return Err(Errno::EPERM),
            SEND_BUFFER_FORCE => options.set_send_buffer(number.try_into().unwrap_or(0), most),
            RECEIVE_BUFFER_FORCE => options.set_receive_buffer(number.try_into().unwrap_or(0), most),
            LINGER => {
                let seconds = value.get(4..8).ok_or(Errno::EINVAL).and_then(int)?;
                options.linger = (number != 0, if number != 0 { seconds } else { options.linger.1 });
            }
            RECEIVE_LOW => {
                options.receive_low = match number {
                    0 => 1,
                    number if number < 0 => i32::MAX,
                    number => number,
                };
            }
            RECEIVE_TIMEOUT => options.receive_timeout = timeout(value)?,
            SEND_TIMEOUT => options.send_timeout = timeout(value)?,
            PEEK_OFFSET => options.peek_offset = usize::try_from(number).ok(),
            DETACH_FILTER => return Err(Errno::ENOENT),
            RESERVE_MEMORY if number < 0 => return Err(Errno::EINVAL),
            // For the protocols of networks only.
            ZERO_COPY | RESERVE_MEMORY | RETHINK_HASH => return Err(Errno::EOPNOTSUPP),
            option => options.kept.set(option, number, creds)?,
        }
        Ok(())
    }

    /// The value of an option of `SOL_SOCKET` that is the socket's own, for `room` bytes.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for one that is not there, `EINVAL` for too little room, `EOPNOTSUPP`.
    pub(crate) fn option(&mut self, id: SocketId, option: u32, room: usize) -> Result<Vec<u8>> {
        let socket = self.get_mut(id)?;
        let options = &socket.options;
        let time = |timeout: Option<u64>| {
            let mut bytes = [0; 16];
            crate::mem::Pod::to_bytes(&Timeval::new(timeout.unwrap_or(0)), &mut bytes);
            bytes.to_vec()
        };
        let number = match option {
            option if SWITCHES.contains(&option) => i32::from(options.is_on(option)),
            TIMESTAMP | TIMESTAMP_NANOS | TIMESTAMP_NEW | TIMESTAMP_NANOS_NEW => {
                i32::from(options.stamps.on && options.stamps.option() == option)
            }
            TYPE => socket.kind.number() as i32,
            ERROR => socket.error.take().map_or(0, |error| i32::from(error.number())),
            SEND_BUFFER => options.send_buffer as i32,
            RECEIVE_BUFFER => options.receive_buffer as i32,
            LINGER => {
                let (on, seconds) = options.linger;
                return Ok(bytes_of(&[i32::from(on), seconds]));
            }
            REUSE_PORT | BSD_COMPATIBLE | PROTOCOL | INCOMING_NAPI | ZERO_COPY | RESERVE_MEMORY => 0,
            RECEIVE_LOW => options.receive_low,
            SEND_LOW => 1,
            RECEIVE_TIMEOUT => return Ok(time(options.receive_timeout)),
            SEND_TIMEOUT => return Ok(time(options.send_timeout)),
            // No device, no filter.
            BIND_TO_DEVICE | FILTER => return Ok(Vec::new()),
            ACCEPTS => socket.is_listening().into(),
            DOMAIN => socket.domain().number() as i32,
            PEEK_OFFSET => options.peek_offset.map_or(-1, |offset| i32::try_from(offset).unwrap_or(i32::MAX)),
            BPF_EXTENSIONS => BPF_EXTENSIONS_MAX,
            MEMORY => return Ok(bytes_of(&socket.memory())),
            RETHINK_HASH => return Err(Errno::EOPNOTSUPP),
            COOKIE => return Ok(socket.ino.to_le_bytes().to_vec()),
            NAMESPACE_COOKIE if room != size_of::<u64>() => return Err(Errno::EINVAL),
            NAMESPACE_COOKIE => return Ok(FIRST_NAMESPACE_COOKIE.to_le_bytes().to_vec()),
            PEER_CREDS => {
                let ids = socket.peer_creds().map_or(super::socket::Ucred::NOBODY, |peer| peer.ids);
                return Ok(bytes_of(&[ids.pid, ids.uid as i32, ids.gid as i32]));
            }
            option => return options.kept.get(option).ok_or(Errno::ENOPROTOOPT),
        };
        Ok(number.to_le_bytes().to_vec())
    }
}

impl Socket {
    /// `SO_MEMINFO`: received bytes and their bound, sent ones and theirs; the rest is not kept.
    fn memory(&self) -> [i32; MEMORY_FIELDS] {
        let sent = i32::try_from(self.sent()).unwrap_or(i32::MAX);
        [0, self.options.receive_buffer as i32, sent, self.options.send_buffer as i32, 0, 0, 0, 0, 0]
    }
}
