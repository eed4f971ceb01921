//! User and group ids and groups (`credentials(7)`).

use super::{Cx, SysResult};
use crate::wait::Flow;

/// `getuid(2)`.
pub fn getuid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.uid)))
}

/// `geteuid(2)`.
pub fn geteuid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.euid)))
}

/// `getgid(2)`.
pub fn getgid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.gid)))
}

/// `getegid(2)`.
pub fn getegid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.egid)))
}
