//! Runs one program of a layer and prints what it wrote: `one_program LAYER PROGRAM [ARG...]`.

use std::error::Error;
use std::sync::Arc;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::{Layer, open_layer};
use tidemark_sdk::{Config, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(layer), Some(program)) = (args.next(), args.next()) else {
        return Err("usage: one_program LAYER PROGRAM [ARG...]".into());
    };
    print!("{}", futures::executor::block_on(example(open_layer(layer)?, &program, args))?);
    Ok(())
}

/// What a program of a layer writes, and how it ends.
pub async fn example(
    layer: Arc<Layer>,
    program: &str,
    args: impl Iterator<Item = String>,
) -> Result<String, Box<dyn Error>> {
    // ANCHOR: body
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, Config::default().layer(layer))?;
    let output = tidemark.command(program).args(args).output().await?;
    // ANCHOR_END: body
    Ok(format!("{}{}\n", String::from_utf8_lossy(&output.stdout), output.status))
}
