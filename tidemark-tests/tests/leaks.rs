//! The check for leaks finds what a real sandbox still holds.

use std::io::Cursor;
use std::time::Duration;

use futures::executor::block_on;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::layer::format::Meta;
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};
use tidemark_sdk::{Config, Stdio, Tidemark};
use tidemark_tests::{LEFTOVERS_END, end_without_leaks, left, programs};

/// A sandbox with the guest programs of one family.
fn sandbox(family: &str) -> Tidemark {
    let attributes = || Attributes { meta: Meta { mode: 0o755, ..Meta::default() }, ..Attributes::default() };
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).unwrap();
    for program in programs(family) {
        let path = LayerPath::new(program.name.as_bytes()).unwrap();
        builder.file(&path, attributes(), &mut Cursor::new(program.binary())).unwrap();
    }
    let layer = layer_from_bytes(builder.finish().unwrap().into_inner()).unwrap();
    Tidemark::create(NativeHost::new(&NativeConfig::default()).unwrap(), Config::default().layer(layer))
        .unwrap()
}

#[test]
fn what_runs_and_what_is_open_is_left() {
    let tidemark = sandbox("streams");
    block_on(async {
        let before = tidemark.usage().await.unwrap();
        // It waits for input that does not come; the application holds the other end.
        let child =
            tidemark.command("/streams/tool").arg("copy").stdin(Stdio::piped()).spawn().await.unwrap();
        let told = left(&before, &tidemark.usage().await.unwrap());
        for what in [
            "1 processes",
            "1 threads",
            "1 address spaces",
            "open files",
            "pipes",
            "streams",
            "bytes of memory",
        ] {
            assert!(told.iter().any(|told| told.contains(what)), "{what} is not in {told:?}");
        }
        child.kill().await.unwrap();
        child.wait().await.unwrap();
        // The handle's streams.
        let told = left(&before, &tidemark.usage().await.unwrap());
        assert!(told.iter().any(|told| told.contains("streams")), "{told:?}");
        drop(child);
        end_without_leaks(&tidemark, &before, LEFTOVERS_END).await.unwrap();
        assert_eq!(tidemark.workers(), 0);
    });
}

#[test]
fn a_leak_fails_the_check_by_name() {
    let tidemark = sandbox("streams");
    block_on(async {
        let before = tidemark.usage().await.unwrap();
        let child =
            tidemark.command("/streams/tool").arg("copy").stdin(Stdio::piped()).spawn().await.unwrap();
        let failure =
            end_without_leaks(&tidemark, &before, Duration::from_millis(50)).await.unwrap_err().to_string();
        assert!(failure.starts_with("left behind: 1 processes, ") && failure.contains("tool"), "{failure}");
        drop(child);
        tidemark.shutdown().await;
    });
}
