//! The native host passes the conformance suite.

use std::sync::mpsc::channel;
use std::time::Duration;

use tidemark_host::conformance::{Options, Report, start};
use tidemark_host_native::{NativeConfig, NativeHost};

/// A run takes about two seconds.
const TIME_LIMIT: Duration = Duration::from_secs(120);

fn judge(config: &NativeConfig, options: Options) -> Report {
    let host = NativeHost::new(config).unwrap();
    let (tell, told) = channel();
    let progress = start(&host, options, move |report| tell.send(report).unwrap()).unwrap();
    told.recv_timeout(TIME_LIMIT).unwrap_or_else(|_| progress.snapshot())
}

#[test]
fn the_native_host_conforms() {
    let report = judge(&NativeConfig::default(), Options::default());
    assert!(report.is_success(), "{report}");
}

#[test]
fn a_native_host_with_little_memory_conforms() {
    let config = NativeConfig { reserved_bytes: 64 << 20, ..NativeConfig::default() };
    let report = judge(&config, Options { seed: 1, ..Options::default() });
    assert!(report.is_success(), "{report}");
}
