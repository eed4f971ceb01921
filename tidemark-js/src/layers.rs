//! The files a sandbox begins with, from bytes that JavaScript read: layer files, and tar archives to be packed.

use std::io::Cursor;

use tidemark_sdk::layer::{LayerBuilder, append_tar, decompressed, layer_from_bytes};
use tidemark_sdk::{Config, layer::format};
use wasm_bindgen::JsValue;

use crate::error::js_error;

/// `config` with one more layer on top: `bytes` are a layer file, or a tar archive, compressed or not.
pub(crate) fn with_layer(config: Config, bytes: Vec<u8>, name: &str) -> Result<Config, JsValue> {
    let bytes = if bytes.starts_with(&format::MAGIC) { bytes } else { packed(bytes, name)? };
    layer_from_bytes(bytes).map(|layer| config.layer(layer)).map_err(|error| js_error("LayerError", &error))
}

fn packed(archive: Vec<u8>, name: &str) -> Result<Vec<u8>, JsValue> {
    let failed = |error| js_error("LayerError", &error);
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).map_err(failed)?;
    let archive = decompressed(archive.as_slice()).map_err(|error| js_error("LayerError", &error))?;
    append_tar(&mut builder, archive, name).map_err(failed)?;
    Ok(builder.finish().map_err(failed)?.into_inner())
}
