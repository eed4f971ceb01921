//! A program on a terminal: `terminal LAYER`, where the layer has busybox as `/bin/busybox`. Types to a shell and shows
//! what the screen gets; an application connects its own keyboard and screen instead.

use std::error::Error;

use futures::StreamExt as _;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::open_layer;
use tidemark_sdk::{ChildOutput, Config, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let layer = std::env::args().nth(1).ok_or("usage: terminal LAYER")?;
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, Config::default().layer(open_layer(layer)?))?;
    print!("{}", futures::executor::block_on(example(&tidemark))?);
    Ok(())
}

/// A shell session, as its screen shows it.
pub async fn example(tidemark: &Tidemark) -> Result<String, Box<dyn Error>> {
    // ANCHOR: body
    let mut command = tidemark.command("/bin/busybox");
    command.arg("sh").env("PS1", "$ ").env("TERM", "xterm").terminal(80, 24);
    let mut shell = command.spawn().await?;
    let mut keyboard = shell.stdin.take().ok_or("no keyboard")?;
    let mut screen = shell.stdout.take().ok_or("no screen")?;

    let mut session = shown_until(&mut screen, "$ ").await?;
    shell.resize(132, 43).await?;
    keyboard.write_all("stty size\r").await?;
    session += &shown_until(&mut screen, "43 132\r\n").await?;
    // Ctrl-C ends what runs in the foreground, not the shell. What `cat` answers shows that it does run.
    keyboard.write_all("echo ready; cat\r").await?;
    session += &shown_until(&mut screen, "ready\r\n").await?;
    keyboard.write_all("hello\r").await?;
    session += &shown_until(&mut screen, "hello\r\nhello\r\n").await?;
    keyboard.write_all("\x03").await?;
    session += &shown_until(&mut screen, "$ ").await?;
    keyboard.write_all("exit 7\r").await?;
    let status = shell.wait().await?;
    // ANCHOR_END: body
    Ok(format!("{session}\n{status}\n"))
}

/// What the screen shows, up to something that is waited for.
async fn shown_until(screen: &mut ChildOutput, end: &str) -> Result<String, Box<dyn Error>> {
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains(end) {
        shown.extend_from_slice(&screen.next().await.ok_or("the terminal was closed")??);
    }
    Ok(String::from_utf8_lossy(&shown).into_owned())
}
