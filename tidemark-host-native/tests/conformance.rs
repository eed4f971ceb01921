//! The native host passes the conformance suite.

use std::sync::LazyLock;

use tidemark_host::conformance::peer::Peer;
use tidemark_host::conformance::{Options, Part, assert_success, judge};
use tidemark_host_native::{NativeConfig, NativeHost};

/// One for all tests: every exchange has a name of its own.
static PEER: LazyLock<Peer> = LazyLock::new(|| Peer::start().unwrap());

fn host(config: &NativeConfig) -> NativeHost {
    NativeHost::new(config).unwrap()
}

fn options() -> Options {
    Options { peer: Some(PEER.addresses().clone()), ..Options::from_environment() }
}

mod native_host {
    tidemark_host::conformance_tests! {
        host: super::host(&Default::default()),
        options: super::options(),
    }
}

/// The suite as tests that are awaited, as in a browser: what is judged is the macro, so few cases do.
mod awaited {
    tidemark_host::conformance_tests! {
        #[tokio::test]
        host: super::host(&Default::default()),
        options: tidemark_host::conformance::Options { cases: 2, ..super::options() },
    }
}

#[test]
fn a_native_host_with_little_memory_conforms() {
    let config = NativeConfig { reserved_bytes: 64 << 20, ..NativeConfig::default() };
    let options = Options { seed: 1, part: Some(Part::Memory), ..options() };
    assert_success(&judge(&host(&config), options.clone()), &options);
}
