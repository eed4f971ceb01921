//! Runs one program of a layer and prints what it wrote: `one_program LAYER PROGRAM [ARG...]`.

use std::error::Error;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::open_layer;
use tidemark_sdk::{Config, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(layer), Some(program)) = (args.next(), args.next()) else {
        return Err("usage: one_program LAYER PROGRAM [ARG...]".into());
    };
    futures::executor::block_on(run(&layer, &program, args))
}

async fn run(layer: &str, program: &str, args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    // ANCHOR: body
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, Config::default().layer(open_layer(layer)?))?;
    let output = tidemark.command(program).args(args).output().await?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", output.status);
    // ANCHOR_END: body
    Ok(())
}
