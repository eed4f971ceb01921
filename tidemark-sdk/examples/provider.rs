//! A provider of one's own: files that are made when a guest reads them. `provider LAYER`, where the layer has busybox as
//! `/bin/busybox`.

use std::error::Error;
use std::sync::Arc;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::{
    Attributes, ContentId, Layer, LayerPath, Provided, Provider, ProviderError, Unreadable, mount, open_layer,
};
use tidemark_sdk::{Config, Tidemark};

fn main() -> Result<(), Box<dyn Error>> {
    let layer = std::env::args().nth(1).ok_or("usage: provider LAYER")?;
    let host = NativeHost::new(&NativeConfig::default())?;
    let config = Config::default().layer(open_layer(layer)?).layer(tables()?);
    let tidemark = Tidemark::create(host, config)?;
    print!("{}", futures::executor::block_on(example(&tidemark))?);
    Ok(())
}

// ANCHOR: provider
/// Multiplication tables: `/tables/7` has a line for each product of 7, up to a million of them.
struct Tables;

const LINES: u64 = 1_000_000;
/// Bytes of a line, its end included: contents are asked for by offset.
const LINE: u64 = 16;

impl Provider for Tables {
    fn entries(&self) -> Result<Vec<Provided>, ProviderError> {
        let table = |factor: u64| {
            let path = LayerPath::new(format!("tables/{factor}").as_bytes())?;
            Ok(Provided::file(path, Attributes::with_mode(0o444), ContentId(factor), LINES * LINE))
        };
        (1..=10).map(table).collect()
    }

    fn read_at(&self, content: ContentId, offset: u64, to: &mut [u8]) -> Result<(), Unreadable> {
        for (byte, at) in to.iter_mut().zip(offset..) {
            let line = format!("{:>15}\n", content.0 * (at / LINE + 1));
            *byte = line.as_bytes()[(at % LINE) as usize];
        }
        Ok(())
    }
}
// ANCHOR_END: provider

/// The tables as a layer.
pub fn tables() -> Result<Arc<Layer>, ProviderError> {
    mount(Arc::new(Tables))
}

/// The last line of a table, as a program in the guest reads it.
pub async fn example(tidemark: &Tidemark) -> Result<String, Box<dyn Error>> {
    let output = tidemark.command("/bin/busybox").args(["tail", "-n", "1", "/tables/7"]).output().await?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
