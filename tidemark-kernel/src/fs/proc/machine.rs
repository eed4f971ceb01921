//! What procfs tells of the machine: processors, time and load (`proc_stat(5)`, `proc_loadavg(5)` and their neighbours).

use super::system::line;
use crate::system::System;
use crate::task::RunState;
use crate::time::{NANOS_PER_SECOND, Nanos, clock_ticks};

/// Nanoseconds since the kernel was made.
fn uptime_nanos(sys: &System) -> Nanos {
    sys.now.monotonic.saturating_sub(sys.boot.monotonic)
}

/// How long each processor was busy.
fn busy(sys: &System) -> Vec<Nanos> {
    let up = uptime_nanos(sys);
    let mut busy = sys.load.busy().to_vec();
    for thread in sys.tasks.threads() {
        if let (RunState::Running(worker), Some(since)) = (thread.state, thread.on_worker_since)
            && let Some(busy) = busy.get_mut(usize::from(worker.0))
        {
            *busy += sys.now.monotonic.saturating_sub(since);
        }
    }
    busy.iter_mut().for_each(|busy| *busy = (*busy).min(up));
    busy
}

/// Threads that run or could.
fn runnable(sys: &System) -> usize {
    sys.tasks
        .threads()
        .filter(|thread| matches!(thread.state, RunState::Runnable | RunState::Running(_)))
        .count()
}

pub(super) fn cpuinfo(sys: &mut System) -> Vec<u8> {
    let processor = |hart| {
        const ISA: &str = "rv64imafdc_zicond_zicsr_zifencei_zba_zbb_zbs";
        format!(
            "processor\t: {hart}\nhart\t\t: {hart}\nisa\t\t: {ISA}\nmmu\t\t: sv48\nuarch\t\t: tidemark\n\
             mvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: {ISA}\n\n"
        )
    };
    (0..sys.workers.len()).map(processor).collect::<String>().into_bytes()
}

pub(super) fn stat(sys: &mut System) -> Vec<u8> {
    let up = uptime_nanos(sys);
    let busy = busy(sys);
    let ticks = |busy: Nanos, all: Nanos| {
        format!("{} 0 0 {} 0 0 0 0 0 0", clock_ticks(busy), clock_ticks(all.saturating_sub(busy)))
    };
    let mut text = format!("cpu  {}\n", ticks(busy.iter().sum(), up * busy.len() as u64));
    for (hart, busy) in busy.iter().enumerate() {
        text += &format!("cpu{hart} {}\n", ticks(*busy, up));
    }
    text += &format!(
        "intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n\
         softirq 0 0 0 0 0 0 0 0 0 0 0\n",
        sys.load.switches(),
        sys.boot.realtime / NANOS_PER_SECOND,
        sys.tasks.created(),
        runnable(sys).max(1)
    );
    text.into_bytes()
}

pub(super) fn loadavg(sys: &mut System) -> Vec<u8> {
    let [one, five, fifteen] = sys.load.averages().map(|average| format!("{average:.2}"));
    let threads = sys.tasks.thread_count();
    line(format!("{one} {five} {fifteen} {}/{threads} {}", runnable(sys), sys.tasks.last_id()))
}

pub(super) fn uptime(sys: &mut System) -> Vec<u8> {
    let hundredths = |nanos: Nanos| {
        let ticks = nanos / (NANOS_PER_SECOND / 100);
        format!("{}.{:02}", ticks / 100, ticks % 100)
    };
    let up = uptime_nanos(sys);
    let busy = busy(sys);
    let idle: Nanos = busy.iter().map(|busy| up.saturating_sub(*busy)).sum();
    line(format!("{} {}", hundredths(up), hundredths(idle)))
}

/// The processors' columns.
fn columns(sys: &System) -> String {
    (0..sys.workers.len()).map(|hart| format!("CPU{hart:<8}")).collect()
}

/// No device interrupts a guest.
pub(super) fn interrupts(sys: &mut System) -> Vec<u8> {
    line(format!("{:11}{}", "", columns(sys)))
}

pub(super) fn softirqs(sys: &mut System) -> Vec<u8> {
    let kinds =
        ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];
    let zeroes = format!(" {:>10}", 0).repeat(sys.workers.len());
    let rows: String = kinds.iter().map(|kind| format!("{kind:>12}:{zeroes}\n")).collect();
    format!("{:20}{}\n{rows}", "", columns(sys)).into_bytes()
}

/// Pressure stall information (Linux's `accounting/psi`): nothing is kept that stalls.
pub(super) fn pressure(_sys: &mut System) -> Vec<u8> {
    line("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0")
}
