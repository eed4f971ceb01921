//! What the runtime calls before its owner has landed it: each function leaves this file as the real one arrives.
#![allow(missing_docs)]

use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::spawn::{SpawnError, SpawnRequest, Spawned};
use crate::status::{StreamId, StreamRead, StreamWrite};
use crate::task::Pid;
use crate::time::Now;

impl Kernel {
    pub fn spawn(&mut self, _request: SpawnRequest, _now: Now) -> Result<Spawned, SpawnError> {
        Err(SpawnError::Limit(Errno::EAGAIN))
    }

    pub fn signal(&mut self, _pid: Pid, _signal: u8, _now: Now) -> Result<(), Errno> {
        Err(Errno::ESRCH)
    }

    pub fn stream_read(&mut self, _stream: StreamId, _to: &mut [u8], _now: Now) -> StreamRead {
        StreamRead::Closed
    }

    pub fn stream_write(&mut self, _stream: StreamId, _from: &[u8], _now: Now) -> StreamWrite {
        StreamWrite::Closed
    }

    pub fn stream_close(&mut self, _stream: StreamId, _now: Now) {}

    pub fn background_step(&mut self, _now: Now) -> bool {
        false
    }
}
