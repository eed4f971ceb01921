//! Programs in a pipeline, and output as it comes: `pipeline LAYER`, where the layer has busybox as `/bin/busybox`.

use std::error::Error;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::open_layer;
use tidemark_sdk::{Config, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let layer = std::env::args().nth(1).ok_or("usage: pipeline LAYER")?;
    let host = NativeHost::new(&NativeConfig::default())?;
    let tidemark = Tidemark::create(host, Config::default().layer(open_layer(layer)?))?;
    print!("{}", futures::executor::block_on(example(&tidemark))?);
    Ok(())
}

/// `seq 1000 | sort -rn | head -n 3`, and what its last program says.
pub async fn example(tidemark: &Tidemark) -> Result<String, Box<dyn Error>> {
    // ANCHOR: body
    let busybox = |tool: &str| {
        let mut command = tidemark.command("/bin/busybox");
        command.arg(tool);
        command
    };
    let (from_seq, to_sort) = tidemark.pipe().await?;
    let (from_sort, to_head) = tidemark.pipe().await?;
    let seq = busybox("seq").arg("1000").stdout(to_sort).spawn().await?;
    let sort = busybox("sort").arg("-rn").stdin(from_seq).stdout(to_head).beside(&seq).spawn().await?;
    let head = busybox("head").args(["-n", "3"]).stdin(from_sort).beside(&seq).output().await?;
    for child in [seq, sort] {
        child.wait().await?;
    }
    // ANCHOR_END: body
    Ok(String::from_utf8_lossy(&head.stdout).into_owned())
}
