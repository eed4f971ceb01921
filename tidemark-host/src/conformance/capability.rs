//! Checks of [`Capabilities`](crate::Capabilities): what is declared is there, what is not declared is refused.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::stream;

use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::{
    Body, Capability, CodeEngine, ControlSide, Destination, ErrorKind, Fetch, Host, HostError, Redirects,
    Sockets,
};

/// Port 9, "discard" (RFC 863), on this machine: nobody answers, and nothing leaves it.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// The smallest WebAssembly module: magic number and version. It lacks the `run` that a code engine asks for.
const EMPTY_MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

pub(super) async fn check<H: Host>(
    suite: &Suite<H>,
    side: &ControlSide<impl Fetch, impl Sockets>,
    progress: &Progress,
) {
    progress.record("capabilities: the report never changes", never_changes(suite)).await;
    progress.record("capabilities: fetch is there as declared", fetch(suite, &side.fetch)).await;
    progress.record("capabilities: sockets are there as declared", sockets(suite, &side.sockets)).await;
    progress.record("capabilities: the code engine is there as declared", code(suite)).await;
}

async fn never_changes<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (here, host) = (suite.host.capabilities().clone(), suite.host.clone());
    let there = suite.on_worker(move || host.capabilities().clone()).await?;
    require(here == there, || format!("{here} on the control loop, but on a worker {there}"))
}

async fn fetch<H: Host>(suite: &Suite<H>, fetch: &impl Fetch) -> Result<(), Failure> {
    let streamed = Body::Streamed { length: None, chunks: Box::pin(stream::empty()) };
    let cases = [
        (Capability::Fetch, Redirects::Follow, Body::Empty),
        (Capability::FetchRedirects, Redirects::Return, Body::Empty),
        (Capability::FetchStreamedRequest, Redirects::Follow, streamed),
    ];
    for (capability, redirects, body) in cases {
        let mut request = http::Request::new(body);
        // With a body that a method has.
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri("http")?;
        let answer = fetch.fetch(request, redirects).await;
        let error = answer.err();
        // A host without fetch may name either.
        let has_none = !suite.host.capabilities().has(Capability::Fetch);
        let without = error.as_ref().map(HostError::kind) == Some(ErrorKind::Unsupported(Capability::Fetch));
        if !(has_none && without) {
            as_declared(suite, capability, error.as_ref())?;
        }
    }
    Ok(())
}

async fn sockets<H: Host>(suite: &Suite<H>, sockets: &impl Sockets) -> Result<(), Failure> {
    let connected = sockets.connect(Destination::Address(NOBODY)).await;
    as_declared(suite, Capability::TcpConnect, connected.err().as_ref())?;
    let listening = sockets.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    as_declared(suite, Capability::TcpListen, listening.err().as_ref())?;
    let open = sockets.web_socket(uri("ws")?, Vec::new()).await;
    as_declared(suite, Capability::WebSocket, open.err().as_ref())
}

async fn code<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let compiled = suite.host.code().compile(&EMPTY_MODULE);
    as_declared(suite, Capability::Code, compiled.err().as_ref())
}

fn uri(scheme: &str) -> Result<http::Uri, Failure> {
    http::Uri::try_from(format!("{scheme}://{NOBODY}/")).map_err(|error| Failure::new(error.to_string()))
}

/// A part that is not declared answers `Unsupported` with its own name; one that is declared answers anything else.
fn as_declared<H: Host>(
    suite: &Suite<H>,
    capability: Capability,
    error: Option<&HostError>,
) -> Result<(), Failure> {
    let refused = error.map(HostError::kind) == Some(ErrorKind::Unsupported(capability));
    match (suite.host.capabilities().has(capability), refused) {
        (true, true) => {
            Err(Failure::new(format!("{capability}: declared, but answers that it is unsupported")))
        }
        (false, false) => Err(Failure::new(format!("{capability}: not declared, but answers {error:?}"))),
        (true, false) | (false, true) => Ok(()),
    }
}
