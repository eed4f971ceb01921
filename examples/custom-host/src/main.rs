//! Runs one static riscv64 program on the custom host: `custom-host PROGRAM [ARGUMENT]…`.

use std::error::Error;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::ExitCode;

use custom_host::CustomHost;
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};
use tidemark_sdk::{Config, Tidemark};

/// Guest memory at the most.
const MEMORY_BYTES: u64 = 256 << 20;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(program) = arguments.next() else {
        return Err("usage: custom-host PROGRAM [ARGUMENT]…, where PROGRAM is a static riscv64 file".into());
    };
    let name = Path::new(&program).file_name().and_then(|name| name.to_str()).ok_or("a file is needed")?;
    let binary = std::fs::read(&program).map_err(|error| format!("{program}: {error}"))?;
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new()))?;
    let mut attributes = Attributes::default();
    attributes.meta.mode = 0o755;
    builder.file(&LayerPath::new(format!("bin/{name}").as_bytes())?, attributes, &mut Cursor::new(binary))?;
    let layer = layer_from_bytes(builder.finish()?.into_inner())?;

    let host = CustomHost::new(MEMORY_BYTES)?;
    let tidemark = Tidemark::create(host.clone(), Config::default().layer(layer))?;
    let output = host.run(async {
        let output = tidemark.command(format!("/bin/{name}")).args(arguments).output().await;
        tidemark.shutdown().await;
        output
    })?;
    std::io::stdout().write_all(&output.stdout)?;
    std::io::stderr().write_all(&output.stderr)?;
    Ok(ExitCode::from(output.status.shell_code()))
}
