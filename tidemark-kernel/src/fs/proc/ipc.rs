//! The limits of System V IPC in `/proc/sys/kernel`, and of POSIX message queues in `/proc/sys/fs/mqueue` (`proc(5)`): shown, and changed by the superuser.

use core::ops::RangeInclusive;

use super::system::line;
use crate::errno::{Errno, Result};
use crate::ipc::limits::{
    MESSAGE_MOST, MQ_MESSAGE_LEAST, MQ_MESSAGE_MOST, MQ_MESSAGES_MOST, OBJECTS_MOST, SEM_OPERATIONS_MOST,
    SEM_TOTAL_MOST,
};
use crate::system::System;

/// The numbers in what was written, all there must be.
///
/// # Errors
/// `EINVAL` for anything else.
fn numbers<const N: usize>(text: &[u8]) -> Result<[u64; N]> {
    let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
    let mut values = [0; N];
    let mut words = text.trim_end_matches('\0').split_ascii_whitespace();
    for value in &mut values {
        *value = words.next().and_then(|word| word.parse().ok()).ok_or(Errno::EINVAL)?;
    }
    if words.next().is_none() { Ok(values) } else { Err(Errno::EINVAL) }
}

/// A number that may be at most `most`.
fn bounded(value: u64, most: u32) -> Result<u32> {
    u32::try_from(value).ok().filter(|value| *value <= most).ok_or(Errno::EINVAL)
}

fn one(text: &[u8], most: u32) -> Result<u32> {
    let [value] = numbers(text)?;
    bounded(value, most)
}

fn within(text: &[u8], range: RangeInclusive<u32>) -> Result<u32> {
    one(text, *range.end())
        .and_then(|value| if value < *range.start() { Err(Errno::EINVAL) } else { Ok(value) })
}

pub(super) fn shm_max(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.shm_max)
}

pub(super) fn set_shm_max(sys: &mut System, text: &[u8]) -> Result<()> {
    [sys.ipc.limits.shm_max] = numbers(text)?;
    Ok(())
}

pub(super) fn shm_all(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.shm_all)
}

pub(super) fn set_shm_all(sys: &mut System, text: &[u8]) -> Result<()> {
    [sys.ipc.limits.shm_all] = numbers(text)?;
    Ok(())
}

pub(super) fn shm_count(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.shm_count)
}

pub(super) fn set_shm_count(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.ipc.limits.shm_count = one(text, OBJECTS_MOST)?;
    Ok(())
}

/// `SEMMSL`, `SEMMNS`, `SEMOPM` and `SEMMNI`.
pub(super) fn sem(sys: &mut System) -> Vec<u8> {
    let limits = &sys.ipc.limits;
    let (per_set, total) = (limits.sem_per_set, limits.sem_total);
    line(format!("{per_set}\t{total}\t{}\t{}", limits.sem_operations, limits.sem_sets))
}

pub(super) fn set_sem(sys: &mut System, text: &[u8]) -> Result<()> {
    /// Semaphores are numbered by 16 bits.
    const PER_SET_MOST: u32 = 65_536;
    let [per_set, total, operations, sets] = numbers(text)?;
    let new = (
        bounded(per_set, PER_SET_MOST)?,
        bounded(total, SEM_TOTAL_MOST)?,
        bounded(operations, SEM_OPERATIONS_MOST)?,
        bounded(sets, OBJECTS_MOST)?,
    );
    let limits = &mut sys.ipc.limits;
    (limits.sem_per_set, limits.sem_total, limits.sem_operations, limits.sem_sets) = new;
    Ok(())
}

pub(super) fn msg_max(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.msg_max)
}

pub(super) fn set_msg_max(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.ipc.limits.msg_max = one(text, MESSAGE_MOST)?;
    Ok(())
}

pub(super) fn msg_queue_bytes(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.msg_queue_bytes)
}

pub(super) fn set_msg_queue_bytes(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.ipc.limits.msg_queue_bytes = one(text, i32::MAX as u32)?;
    Ok(())
}

pub(super) fn msg_queues(sys: &mut System) -> Vec<u8> {
    line(sys.ipc.limits.msg_queues)
}

pub(super) fn set_msg_queues(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.ipc.limits.msg_queues = one(text, OBJECTS_MOST)?;
    Ok(())
}

pub(super) fn mq_messages_usual(sys: &mut System) -> Vec<u8> {
    line(sys.fs.message_queues.limits.messages_usual)
}

pub(super) fn set_mq_messages_usual(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.fs.message_queues.limits.messages_usual = within(text, 1..=MQ_MESSAGES_MOST)?;
    Ok(())
}

pub(super) fn mq_messages(sys: &mut System) -> Vec<u8> {
    line(sys.fs.message_queues.limits.messages)
}

pub(super) fn set_mq_messages(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.fs.message_queues.limits.messages = within(text, 1..=MQ_MESSAGES_MOST)?;
    Ok(())
}

pub(super) fn mq_bytes_usual(sys: &mut System) -> Vec<u8> {
    line(sys.fs.message_queues.limits.message_bytes_usual)
}

pub(super) fn set_mq_bytes_usual(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.fs.message_queues.limits.message_bytes_usual = within(text, MQ_MESSAGE_LEAST..=MQ_MESSAGE_MOST)?;
    Ok(())
}

pub(super) fn mq_bytes(sys: &mut System) -> Vec<u8> {
    line(sys.fs.message_queues.limits.message_bytes)
}

pub(super) fn set_mq_bytes(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.fs.message_queues.limits.message_bytes = within(text, MQ_MESSAGE_LEAST..=MQ_MESSAGE_MOST)?;
    Ok(())
}

pub(super) fn mq_queues(sys: &mut System) -> Vec<u8> {
    line(sys.fs.message_queues.limits.queues)
}

pub(super) fn set_mq_queues(sys: &mut System, text: &[u8]) -> Result<()> {
    sys.fs.message_queues.limits.queues = one(text, OBJECTS_MOST)?;
    Ok(())
}
