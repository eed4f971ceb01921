//! Where the suite's peer is.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the suite's peer listens: what a host's fetch and sockets are judged against.
///
/// `conformance::peer` (feature `conformance-peer`) runs one in this process; its binary, `conformance-peer`, prints
/// these as a line of JSON, for hosts that run elsewhere on the same machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PeerAddresses {
    /// An HTTP server that keeps to the rules.
    pub http: SocketAddr,
    /// A server of HTTP and WebSocket handshakes that does not.
    pub rude: SocketAddr,
    /// A WebSocket server.
    pub web_socket: SocketAddr,
    /// A TCP server; the first line of a connection says what it is to do.
    pub tcp: SocketAddr,
    /// Where connections are refused.
    pub refused: SocketAddr,
    /// Where there is no route to.
    pub unreachable: SocketAddr,
}
