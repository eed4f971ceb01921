//! Processes, threads, signals and futexes as small guests see them, on a runtime of one thread.

use crate::harness::asm::{A0, Arg, Asm, S0, S1, S2, SP, T0, T1, ZERO};
use crate::harness::{DATA, Machine, STACK, run};
use crate::limits::Limits;
use crate::signal::Signal;
use crate::status::ExitStatus;

const CLONE: i64 = 220;
const EXIT: i64 = 93;
const FUTEX: i64 = 98;
const GETPID: i64 = 172;
const GETPPID: i64 = 173;
const KILL: i64 = 129;
const NANOSLEEP: i64 = 101;
const RT_SIGACTION: i64 = 134;
const RT_SIGPROCMASK: i64 = 135;
const RT_SIGRETURN: i64 = 139;
const RT_SIGTIMEDWAIT: i64 = 137;
const SETITIMER: i64 = 103;
const SETPGID: i64 = 154;
const WAIT4: i64 = 260;

const SIGCHLD: i64 = 17;
/// glibc's `pthread_create`.
const PTHREAD: i64 = 0x3d0f00;
const VM_VFORK: i64 = 0x4111;

fn value(value: i64) -> Arg {
    Arg::Value(value)
}

const NULL: Arg = Arg::Value(0);

#[test]
fn a_program_ends_with_its_code() {
    assert_eq!(run(&Asm::new().exit_group(42).words()), ExitStatus::Code(42));
    assert_eq!(run(&Asm::new().call(EXIT, &[value(7)]).words()), ExitStatus::Code(7));
}

#[test]
fn faults_end_with_their_signals() {
    let killed = |number| ExitStatus::Signal { number, core: false };
    assert_eq!(run(&Asm::new().lw(A0, ZERO, 0).words()), killed(11));
    // All zeroes is defined to be illegal.
    assert_eq!(run(&[0]), killed(4));
    assert_eq!(run(&[0x0010_0073]), killed(5));
}

#[test]
fn fork_wait_and_the_status_of_the_child() {
    let words = Asm::new()
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .call(GETPPID, &[])
        .expect(A0, 2, 1)
        .exit_group(33)
        .label("parent")
        .mv(S0, A0)
        .call(WAIT4, &[value(-1), value(DATA as i64), NULL, NULL])
        .expect(A0, 3, 2)
        .li(S1, DATA as i64)
        .lw(S2, S1, 0)
        .expect(S2, 33 << 8, 3)
        // No child is left: ECHILD.
        .call(WAIT4, &[value(-1), NULL, NULL, NULL])
        .expect(A0, -10, 4)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn memory_after_fork_is_each_ones_own() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .li(T1, 5)
        .sw(T1, S0, 0)
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .lw(S1, S0, 0)
        .expect(S1, 5, 1)
        .li(T1, 6)
        .sw(T1, S0, 0)
        .exit_group(0)
        .label("parent")
        .call(WAIT4, &[value(-1), value(DATA as i64 + 8), NULL, NULL])
        .lw(S1, S0, 8)
        .expect(S1, 0, 2)
        .lw(S1, S0, 0)
        .expect(S1, 5, 3)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn vfork_shares_memory_and_holds_the_parent() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .call(CLONE, &[value(VM_VFORK), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .li(T1, 9)
        // The parent does not run while the child sleeps.
        .li(T0, 1_000_000)
        .sd(T0, S0, 24)
        .call(NANOSLEEP, &[value(DATA as i64 + 16), NULL])
        .sw(T1, S0, 0)
        .exit_group(0)
        .label("parent")
        .lw(S1, S0, 0)
        .expect(S1, 9, 1)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn a_thread_is_joined_by_its_cleared_id() {
    let tid_word = DATA as i64 + 64;
    let words = Asm::new()
        .li(S0, DATA as i64)
        .call(CLONE, &[value(PTHREAD), value(STACK as i64 - 4096), value(tid_word), NULL, value(tid_word)])
        .bne(A0, ZERO, "main")
        .li(T1, 77)
        .sw(T1, S0, 0)
        .call(EXIT, &[value(3)])
        .label("main")
        .mv(S1, A0)
        .label("join")
        .lw(S2, S0, 64)
        .beq(S2, ZERO, "joined")
        .call(FUTEX, &[value(tid_word), value(0), Arg::Reg(S2), NULL, NULL, NULL])
        .jump("join")
        .label("joined")
        .lw(S2, S0, 0)
        .expect(S2, 77, 1)
        .call(GETPID, &[])
        .expect(A0, 2, 2)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn exit_group_ends_threads_that_wait() {
    let words = Asm::new()
        .call(CLONE, &[value(PTHREAD), value(STACK as i64 - 4096), value(DATA as i64), NULL, NULL])
        .bne(A0, ZERO, "main")
        .call(FUTEX, &[value(DATA as i64 + 128), value(0), value(0), NULL, NULL, NULL])
        .exit_group(1)
        .label("main")
        .li(S0, DATA as i64)
        .li(T0, 1000)
        .sd(T0, S0, 24)
        .call(NANOSLEEP, &[value(DATA as i64 + 16), NULL])
        .exit_group(5)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(5));
}

#[test]
fn a_futex_wait_times_out_and_refuses_another_value() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .li(T0, 5000)
        .sd(T0, S0, 8)
        .call(FUTEX, &[value(DATA as i64 + 64), value(128), value(0), value(DATA as i64), NULL, NULL])
        .expect(A0, -110, 1)
        .call(FUTEX, &[value(DATA as i64 + 64), value(128), value(1), NULL, NULL, NULL])
        .expect(A0, -11, 2)
        .call(FUTEX, &[value(DATA as i64 + 66), value(128), value(0), NULL, NULL, NULL])
        .expect(A0, -22, 3)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

/// A program whose `sigaction` struct for `handler` lies at `DATA + 512`, with these flags.
fn install(asm: &mut Asm, signal: i64, flags: i64) -> &mut Asm {
    asm.li(S0, DATA as i64)
        .la(T1, "handler")
        .sd(T1, S0, 512)
        .li(T1, flags)
        .sd(T1, S0, 520)
        .call(RT_SIGACTION, &[value(signal), value(DATA as i64 + 512), NULL, value(8)])
        .expect(A0, 0, 100)
}

/// The handler: counts at `DATA + 256`, keeps the signal at `DATA + 264`, returns by the frame. There is no vDSO here.
fn handler(asm: &mut Asm) -> &mut Asm {
    asm.label("handler")
        .li(T0, DATA as i64 + 256)
        .li(T1, 1)
        .amoadd(ZERO, T1, T0)
        .sd(A0, T0, 8)
        .call(RT_SIGRETURN, &[])
}

#[test]
fn a_handler_runs_and_returns_to_what_it_interrupted() {
    let mut asm = Asm::new();
    install(&mut asm, 10, 0)
        .li(S1, 1234)
        .mv(S2, SP)
        .call(GETPID, &[])
        .mv(S0, A0)
        .call(KILL, &[Arg::Reg(S0), value(10)])
        .expect(A0, 0, 1)
        .expect(S1, 1234, 2)
        .li(S0, DATA as i64)
        .lw(T1, S0, 256)
        .expect(T1, 1, 3)
        .lw(T1, S0, 264)
        .expect(T1, 10, 4)
        .bne(SP, S2, "bad")
        .exit_group(0)
        .label("bad")
        .exit_group(5);
    assert_eq!(run(&handler(&mut asm).words()), ExitStatus::Code(0));
}

#[test]
fn a_blocked_signal_waits_until_it_is_unblocked() {
    let mut asm = Asm::new();
    install(&mut asm, 10, 0)
        .li(T1, 1 << 9)
        .sd(T1, S0, 0)
        .call(RT_SIGPROCMASK, &[value(0), value(DATA as i64), NULL, value(8)])
        .call(KILL, &[value(0), value(10)])
        .lw(T1, S0, 256)
        .expect(T1, 0, 1)
        .call(RT_SIGPROCMASK, &[value(1), value(DATA as i64), NULL, value(8)])
        .expect(A0, 0, 2)
        .lw(T1, S0, 256)
        .expect(T1, 1, 3)
        .exit_group(0);
    assert_eq!(run(&handler(&mut asm).words()), ExitStatus::Code(0));
}

#[test]
fn sigtimedwait_takes_a_blocked_signal() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .li(T1, 1 << 9)
        .sd(T1, S0, 0)
        .call(RT_SIGPROCMASK, &[value(0), value(DATA as i64), NULL, value(8)])
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .call(GETPPID, &[])
        .mv(S1, A0)
        .call(KILL, &[Arg::Reg(S1), value(10)])
        .exit_group(0)
        .label("parent")
        .call(RT_SIGTIMEDWAIT, &[value(DATA as i64), value(DATA as i64 + 1024), NULL, value(8)])
        .expect(A0, 10, 1)
        // si_pid is the child's.
        .lw(T1, S0, 1024 + 16)
        .expect(T1, 3, 2)
        .call(WAIT4, &[value(-1), NULL, NULL, NULL])
        .expect(A0, 3, 3)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn a_sleep_is_interrupted_by_a_handler_and_a_wait_is_made_again() {
    // A timer of 50 µs; the sleep of 1 s ends with EINTR, and what is left is told.
    let mut asm = Asm::new();
    install(&mut asm, 14, 0x1000_0000)
        .li(T1, 50)
        .sd(T1, S0, 24)
        .call(SETITIMER, &[value(0), value(DATA as i64), NULL])
        .li(T1, 1)
        .sd(T1, S0, 64)
        .call(NANOSLEEP, &[value(DATA as i64 + 64), value(DATA as i64 + 96)])
        .expect(A0, -4, 1)
        .ld(T1, S0, 104)
        .beq(T1, ZERO, "bad")
        // Again: now waiting for a child that sleeps longer than the timer.
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .li(T1, 0)
        .sd(T1, S0, 64)
        .li(T1, 900_000)
        .sd(T1, S0, 72)
        .call(NANOSLEEP, &[value(DATA as i64 + 64), NULL])
        .exit_group(0)
        .label("parent")
        .call(SETITIMER, &[value(0), value(DATA as i64), NULL])
        .call(WAIT4, &[value(-1), NULL, NULL, NULL])
        .expect(A0, 3, 2)
        .lw(T1, S0, 256)
        .expect(T1, 2, 3)
        .exit_group(0)
        .label("bad")
        .exit_group(9);
    assert_eq!(run(&handler(&mut asm).words()), ExitStatus::Code(0));
}

#[test]
fn stop_and_continue_are_told_to_the_parent() {
    const WUNTRACED: i64 = 2;
    const WCONTINUED: i64 = 8;
    let words = Asm::new()
        .li(S0, DATA as i64)
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .call(GETPID, &[])
        .mv(S1, A0)
        .call(KILL, &[Arg::Reg(S1), value(19)])
        .label("spin")
        .jump("spin")
        .label("parent")
        .mv(S1, A0)
        .call(WAIT4, &[Arg::Reg(S1), value(DATA as i64), value(WUNTRACED), NULL])
        .lw(S2, S0, 0)
        .expect(S2, 0x137f, 1)
        .call(KILL, &[Arg::Reg(S1), value(18)])
        .call(WAIT4, &[Arg::Reg(S1), value(DATA as i64), value(WCONTINUED), NULL])
        .lw(S2, S0, 0)
        .expect(S2, 0xffff, 2)
        .call(KILL, &[Arg::Reg(S1), value(19)])
        .call(WAIT4, &[Arg::Reg(S1), value(DATA as i64), value(WUNTRACED), NULL])
        .call(KILL, &[Arg::Reg(S1), value(9)])
        .call(WAIT4, &[Arg::Reg(S1), value(DATA as i64), NULL, NULL])
        .lw(S2, S0, 0)
        .expect(S2, 9, 3)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn groups_are_joined_and_signalled() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .label("spin")
        .jump("spin")
        .label("parent")
        .mv(S1, A0)
        .call(SETPGID, &[Arg::Reg(S1), NULL])
        .expect(A0, 0, 1)
        .call(KILL, &[value(-3), value(15)])
        .expect(A0, 0, 2)
        .call(WAIT4, &[value(-3), value(DATA as i64), NULL, NULL])
        .expect(A0, 3, 3)
        .lw(S2, S0, 0)
        .expect(S2, 15, 4)
        // The group is gone, and the caller, a session leader, cannot leave its own.
        .call(KILL, &[value(-3), value(15)])
        .expect(A0, -3, 5)
        .call(SETPGID, &[NULL, NULL])
        .expect(A0, -1, 6)
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}

#[test]
fn forks_meet_the_limit_and_everybody_is_reaped() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .li(T1, 1)
        .sd(T1, S0, 0)
        .label("fork")
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .beq(A0, ZERO, "child")
        .addi(S1, S1, 1)
        .li(T0, -11)
        .bne(A0, T0, "fork")
        .label("reap")
        .call(WAIT4, &[value(-1), NULL, NULL, NULL])
        .li(T0, -10)
        .bne(A0, T0, "reap")
        // What failed was counted too.
        .addi(S1, S1, -1)
        .exit_group_reg(S1)
        .label("child")
        .call(NANOSLEEP, &[value(DATA as i64), NULL])
        .exit_group(0)
        .words();
    let mut machine = Machine::new(Limits { processes: 40, ..Limits::default() });
    let pid = machine.start(&words, 0);
    machine.run();
    machine.assert_nothing_is_left();
    assert_eq!(machine.exited, [(pid, ExitStatus::Code(39))]);
}

#[test]
fn the_application_can_end_a_guest_that_spins() {
    let mut machine = Machine::new(Limits::default());
    let pid = machine.start(&Asm::new().label("spin").jump("spin").words(), 0);
    let process = machine.kernel.sys.tasks.process(pid).unwrap().reference();
    machine.kernel.signal(process, Signal::TERM.number(), crate::time::Now::default()).unwrap();
    machine.run();
    assert_eq!(machine.exited, [(pid, ExitStatus::Signal { number: 15, core: false })]);
    assert!(machine.kernel.signal(process, 15, crate::time::Now::default()).is_err());
}

#[test]
fn calls_are_traced_with_arguments_and_result() {
    let mut machine = Machine::new(Limits::default());
    let words = Asm::new().call(KILL, &[value(-3), value(15)]).exit_group(0).words();
    machine.start(&words, 0);
    machine.run();
    assert_eq!(
        machine.trace,
        [
            "[pid 2] kill(-3, SIGTERM) = -1 ESRCH (No such process)",
            "[pid 2] exit_group(0) = ?",
            "[pid 2] +++ exited with 0 +++",
        ]
    );
}

#[test]
fn a_reader_waits_for_the_writer() {
    let words = Asm::new()
        .li(S0, DATA as i64)
        .call(59, &[value(DATA as i64), NULL])
        .expect(A0, 0, 1)
        .call(CLONE, &[value(SIGCHLD), NULL, NULL, NULL, NULL])
        .bne(A0, ZERO, "parent")
        .li(T1, 500_000)
        .sd(T1, S0, 24)
        .call(NANOSLEEP, &[value(DATA as i64 + 16), NULL])
        .lw(S1, S0, 4)
        .call(64, &[Arg::Reg(S1), value(DATA as i64), value(5)])
        .exit_group(0)
        .label("parent")
        .lw(S1, S0, 0)
        .call(63, &[Arg::Reg(S1), value(DATA as i64 + 64), value(10)])
        .expect(A0, 5, 2)
        .call(WAIT4, &[value(-1), NULL, NULL, NULL])
        .exit_group(0)
        .words();
    assert_eq!(run(&words), ExitStatus::Code(0));
}
