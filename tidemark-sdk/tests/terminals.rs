//! Programs on a terminal of the application's: typing, reading the screen, keys that signal, resizing.

mod support;

use futures::executor::block_on;
use support::{ECALL, SPIN, elf, layer, li};
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Child, Config, Stdio, Tidemark};

const A0: u32 = 10;
const A1: u32 = 11;
const A2: u32 = 12;
const A7: u32 = 17;
const STACK: u32 = 2;

/// `addi rd, rs, value`.
const fn addi(rd: u32, rs: u32, value: i32) -> u32 {
    li(rd, value) | (rs << 15)
}

/// `bge x0, a0, offset`, a few instructions on.
const fn unless_positive(instructions: u32) -> u32 {
    (A0 << 20) | (5 << 12) | ((instructions * 2) << 8) | 0x63
}

/// `j` back by so many instructions.
const fn back(instructions: u32) -> u32 {
    let offset = (instructions * 4).wrapping_neg();
    (1 << 31)
        | (((offset >> 1) & 0x3ff) << 21)
        | (((offset >> 11) & 1) << 20)
        | (((offset >> 12) & 0xff) << 12)
        | 0x6f
}

/// After each read of standard input does `then`, until its end.
fn reader(then: &[u32]) -> Vec<u8> {
    let mut code = vec![
        li(A0, 0),
        addi(A1, STACK, -1024),
        li(A2, 64),
        li(A7, 63),
        ECALL,
        unless_positive(then.len() as u32 + 2),
    ];
    code.extend(then);
    code.push(back(code.len() as u32));
    code.extend([li(A0, 0), li(A7, 94), ECALL]);
    elf(&code)
}

/// Writes what it reads.
fn cat() -> Vec<u8> {
    reader(&[addi(A2, A0, 0), li(A0, 1), li(A7, 64), ECALL])
}

/// Writes its terminal's size as `struct winsize` after each line.
fn size() -> Vec<u8> {
    const LUI_A1_TIOCGWINSZ: u32 = (5 << 12) | (A1 << 7) | 0x37;
    reader(&[
        li(A0, 0),
        LUI_A1_TIOCGWINSZ,
        addi(A1, A1, 0x413),
        addi(A2, STACK, -1024),
        li(A7, 29),
        ECALL,
        li(A0, 1),
        addi(A1, STACK, -1024),
        li(A2, 8),
        li(A7, 64),
        ECALL,
    ])
}

fn sandbox() -> Tidemark {
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    let files = [("cat", cat()), ("size", size()), ("spin", elf(&[SPIN]))];
    Tidemark::create(host, Config::default().layer(layer(&files))).unwrap()
}

async fn type_keys(child: &mut Child, keys: &'static [u8]) {
    child.stdin.as_mut().unwrap().write_all(keys).await.unwrap();
}

/// Reads the screen until so many bytes have come.
async fn screen(child: &mut Child, len: usize) -> Vec<u8> {
    let mut shown = Vec::new();
    while shown.len() < len {
        let bytes = child.stdout.as_mut().unwrap().read().await.unwrap();
        assert!(!bytes.is_empty(), "the screen ended after {shown:?}");
        shown.extend_from_slice(&bytes);
    }
    shown
}

#[test]
fn what_is_typed_is_echoed_and_read_by_lines() {
    let tidemark = sandbox();
    block_on(async {
        let mut child = tidemark.command("/cat").terminal(80, 24).spawn().await.unwrap();
        assert!(child.stderr.is_none());
        type_keys(&mut child, b"hellp\x7fo\r").await;
        assert_eq!(screen(&mut child, 18).await, b"hellp\x08 \x08o\r\nhello\r\n");
        // The end of the file.
        type_keys(&mut child, b"\x04").await;
        assert!(child.wait().await.unwrap().success());
        assert!(child.stdout.as_mut().unwrap().read().await.unwrap().is_empty());
        assert!(child.stdin.as_mut().unwrap().write_all(b"x".as_slice()).await.is_err());
    });
}

#[test]
fn the_interrupt_key_ends_a_program() {
    let tidemark = sandbox();
    block_on(async {
        let mut child = tidemark.command("/spin").terminal(80, 24).spawn().await.unwrap();
        type_keys(&mut child, b"\x03").await;
        assert_eq!(child.wait().await.unwrap().signal(), Some(2));
        assert_eq!(screen(&mut child, 2).await, b"^C");
    });
}

#[test]
fn a_terminal_has_the_size_it_is_given() {
    let tidemark = sandbox();
    block_on(async {
        let mut child = tidemark.command("/size").terminal(80, 24).spawn().await.unwrap();
        type_keys(&mut child, b"\n").await;
        assert_eq!(screen(&mut child, 10).await, b"\r\n\x18\0\x50\0\0\0\0\0");
        child.resize(300, 50).await.unwrap();
        type_keys(&mut child, b"\n").await;
        assert_eq!(screen(&mut child, 10).await, b"\r\n\x32\0\x2c\x01\0\0\0\0");
    });
}

#[test]
fn a_stream_can_go_elsewhere() {
    let tidemark = sandbox();
    block_on(async {
        let mut command = tidemark.command("/cat");
        command.terminal(80, 24).stdout(Stdio::piped());
        let mut child = command.spawn().await.unwrap();
        type_keys(&mut child, b"line\r").await;
        // Not processed by a terminal, and not its echo.
        assert_eq!(screen(&mut child, 5).await, b"line\n");
    });
}

#[test]
fn a_terminal_that_nobody_holds_is_hung_up() {
    let tidemark = sandbox();
    block_on(async {
        let child = tidemark.command("/spin").terminal(80, 24).spawn().await.unwrap();
        let path = format!("/proc/{}", child.id());
        let is_there = async || tidemark.files().metadata(&path).await.is_ok();
        assert!(is_there().await);
        drop(child);
        while is_there().await {
            std::thread::yield_now();
        }
    });
}
