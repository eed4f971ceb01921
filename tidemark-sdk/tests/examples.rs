//! The examples do what they say.

mod support;

use futures::executor::block_on;
use support::with_busybox;
use tidemark_sdk::Config;

#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/agent.rs"]
mod agent;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/one_program.rs"]
mod one_program;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/pipeline.rs"]
mod pipeline;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/provider.rs"]
mod provider;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/terminal.rs"]
mod terminal;

#[test]
fn one_program_runs() {
    let layer = support::layer(&[("bin/seven", support::exit_with(7))]);
    let said = block_on(one_program::example(layer, "/bin/seven", std::iter::empty())).unwrap();
    assert_eq!(said, "exit code 7\n");
}

#[test]
fn a_pipeline_runs() {
    let tidemark = with_busybox(Config::default());
    assert_eq!(block_on(pipeline::example(&tidemark)).unwrap(), "1000\n999\n998\n");
}

#[test]
fn a_terminal_is_typed_on() {
    let tidemark = with_busybox(Config::default());
    let session = block_on(terminal::example(&tidemark)).unwrap();
    assert!(session.contains("stty size\r\n") && session.contains("\n43 132\r\n"), "{session}");
    assert!(session.ends_with("\nexit code 7\n"), "{session}");
}

#[test]
fn a_provider_of_ones_own_is_read() {
    let tidemark = with_busybox(Config::default().layer(provider::tables().unwrap()));
    assert_eq!(block_on(provider::example(&tidemark)).unwrap(), "        7000000\n");
}

#[test]
fn an_agents_sandbox_holds() {
    let tidemark = with_busybox(agent::config());
    let report = block_on(agent::example(&tidemark)).unwrap();
    let expected = [
        "exit code 0: 3",
        "apple\npear\nplum\n",
        "timed out: true",
        "signal 9, 10000 bytes kept, truncated: true",
        "a large file: signal 25",
        "0 processes left",
    ];
    assert_eq!(report, expected);
}
