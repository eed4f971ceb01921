//! Starting, signalling and ending programs through the facade.

mod support;

use futures::executor::block_on;
use support::{ECALL, elf, exit_with, layer, li, spin};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Config, SignalError, SpawnError, Tidemark};

fn sandbox(files: &[(&str, Vec<u8>)]) -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    Tidemark::create(host, Config::default().layer(layer(files))).unwrap()
}

#[test]
fn an_exit_code_comes_back() {
    let tidemark = sandbox(&[("seven", exit_with(7))]);
    let status = block_on(tidemark.command("/seven").output()).unwrap().status;
    assert_eq!((status.code(), status.signal(), status.shell_code()), (Some(7), None, 7));
}

#[test]
fn a_killed_program_reports_its_signal_once_and_for_all() {
    let tidemark = sandbox(&[("spin", spin())]);
    let child = block_on(tidemark.command("/spin").spawn()).unwrap();
    block_on(child.kill()).unwrap();
    for _ in 0..2 {
        assert_eq!(block_on(child.wait()).unwrap().signal(), Some(9));
    }
    assert_eq!(block_on(child.signal(15)), Err(SignalError::Ended));
}

#[test]
fn an_illegal_instruction_ends_the_program_only() {
    let tidemark = sandbox(&[("illegal", elf(&[0])), ("seven", exit_with(7))]);
    let output = block_on(tidemark.command("/illegal").output()).unwrap();
    assert_eq!((output.status.signal(), output.status.shell_code()), (Some(4), 132));
    assert_eq!(block_on(tidemark.command("/seven").output()).unwrap().status.code(), Some(7));
}

#[test]
fn what_cannot_run_says_why() {
    let tidemark = sandbox(&[("text", b"hello".to_vec())]);
    let error = |program: &str| block_on(tidemark.command(program).spawn()).err().unwrap();
    assert!(matches!(error("/absent"), SpawnError::Refused(tidemark_kernel::SpawnError::NotFound { .. })));
    assert!(matches!(error("/text"), SpawnError::Refused(tidemark_kernel::SpawnError::NotExecutable { .. })));
}

#[test]
fn a_shut_down_sandbox_answers_so() {
    let tidemark = sandbox(&[("spin", spin())]);
    let child = block_on(tidemark.command("/spin").spawn()).unwrap();
    block_on(tidemark.shutdown());
    assert!(block_on(child.wait()).is_err());
    assert!(block_on(tidemark.command("/spin").spawn()).is_err());
}

#[test]
fn many_sandboxes_come_and_go() {
    for _ in 0..50 {
        let tidemark = sandbox(&[("zero", elf(&[li(10, 0), li(17, 94), ECALL]))]);
        assert!(block_on(tidemark.command("/zero").output()).unwrap().status.success());
    }
}
