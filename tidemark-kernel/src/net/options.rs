//! Options of `SOL_SOCKET` (`socket(7)`), with asm-generic's numbers.

use super::Sockets;
use super::socket::SocketId;
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Creds};
use crate::time::Timeval;

/// `SO_REUSEPORT`: for ports only.
const REUSE_PORT: u32 = 15;
/// `SO_PASSCRED`
pub(crate) const PASS_CREDS: u32 = 16;
/// Options that are on or off: DEBUG, REUSEADDR, DONTROUTE, BROADCAST, KEEPALIVE, OOBINLINE, NO_CHECK, PASSCRED. For
/// these families most have no effect; Linux keeps them too.
const SWITCHES: [u32; 8] = [1, 2, 5, 6, 9, 10, 11, PASS_CREDS];
const TYPE: u32 = 3;
const ERROR: u32 = 4;
const SEND_BUFFER: u32 = 7;
const RECEIVE_BUFFER: u32 = 8;
const PRIORITY: u32 = 12;
const LINGER: u32 = 13;
/// `SO_PEERCRED`
pub(crate) const PEER_CREDS: u32 = 17;
const RECEIVE_LOW: u32 = 18;
const SEND_LOW: u32 = 19;
const RECEIVE_TIMEOUT: u32 = 20;
const SEND_TIMEOUT: u32 = 21;
/// `SO_PEERNAME`
pub(crate) const PEER_NAME: u32 = 28;
const ACCEPTS: u32 = 30;
const SEND_BUFFER_FORCE: u32 = 32;
const RECEIVE_BUFFER_FORCE: u32 = 33;
const PROTOCOL: u32 = 38;
const DOMAIN: u32 = 39;
const COOKIE: u32 = 57;
/// `SO_PEERPIDFD`
pub(crate) const PEER_PIDFD: u32 = 77;

/// Options that can only be read.
const READ_ONLY: [u32; 7] = [TYPE, ERROR, ACCEPTS, PROTOCOL, DOMAIN, PEER_CREDS, COOKIE];
/// Highest priority without privilege (`socket(7)`).
const MAX_PRIORITY: i32 = 6;

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
    /// `ENOPROTOOPT` for one that is not there or cannot be set, `EINVAL`, `EDOM`, `EPERM`, `EOPNOTSUPP`.
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
        match option {
            option if SWITCHES.contains(&option) => options.switch(option, number != 0),
            REUSE_PORT if number != 0 => return Err(Errno::EOPNOTSUPP),
            REUSE_PORT => {}
            SEND_BUFFER => options.set_send_buffer(number.try_into().unwrap_or(u32::MAX), most),
            RECEIVE_BUFFER => options.set_receive_buffer(number.try_into().unwrap_or(u32::MAX), most),
            // Even the privileged stay within the sandbox's limit.
            SEND_BUFFER_FORCE | RECEIVE_BUFFER_FORCE if !creds.can(Capabilities::NET_ADMIN) => {
                return Err(Errno::EPERM);
            }
            SEND_BUFFER_FORCE => options.set_send_buffer(number.try_into().unwrap_or(0), most),
            RECEIVE_BUFFER_FORCE => options.set_receive_buffer(number.try_into().unwrap_or(0), most),
            PRIORITY => {
                if !(0..=MAX_PRIORITY).contains(&number) && !creds.can(Capabilities::NET_ADMIN) {
                    return Err(Errno::EPERM);
                }
                options.priority = number;
            }
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
            option if READ_ONLY.contains(&option) => return Err(Errno::ENOPROTOOPT),
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    /// The value of an option of `SOL_SOCKET` that is the socket's own.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for one that is not there.
    pub(crate) fn option(&mut self, id: SocketId, option: u32) -> Result<Vec<u8>> {
        let socket = self.get_mut(id)?;
        let options = &socket.options;
        let time = |timeout: Option<u64>| {
            let mut bytes = [0; 16];
            crate::mem::Pod::to_bytes(&Timeval::new(timeout.unwrap_or(0)), &mut bytes);
            bytes.to_vec()
        };
        let number = match option {
            option if SWITCHES.contains(&option) => i32::from(options.is_on(option)),
            TYPE => socket.kind.number() as i32,
            ERROR => socket.error.take().map_or(0, |error| i32::from(error.number())),
            SEND_BUFFER => options.send_buffer as i32,
            RECEIVE_BUFFER => options.receive_buffer as i32,
            PRIORITY => options.priority,
            LINGER => {
                let (on, seconds) = options.linger;
                return Ok([i32::from(on).to_le_bytes(), seconds.to_le_bytes()].concat());
            }
            REUSE_PORT | PROTOCOL => 0,
            RECEIVE_LOW => options.receive_low,
            SEND_LOW => 1,
            RECEIVE_TIMEOUT => return Ok(time(options.receive_timeout)),
            SEND_TIMEOUT => return Ok(time(options.send_timeout)),
            ACCEPTS => socket.is_listening().into(),
            DOMAIN => socket.domain().number() as i32,
            COOKIE => return Ok(socket.ino.to_le_bytes().to_vec()),
            PEER_CREDS => {
                let ids = socket.peer_creds().map_or(super::socket::Ucred::NOBODY, |peer| peer.ids);
                return Ok([ids.pid.to_le_bytes(), ids.uid.to_le_bytes(), ids.gid.to_le_bytes()].concat());
            }
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(number.to_le_bytes().to_vec())
    }
}
