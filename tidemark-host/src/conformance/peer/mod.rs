//! The peer that a host's fetch and sockets are judged against: servers on this machine's loopback interface.
//!
//! They do what a case asks for, well or badly, and remember what they saw, so that a case can ask later: that an
//! exchange was aborted shows only on this side. Nothing here judges.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::PeerAddresses;

mod http;
mod rude;
mod seen;
mod tcp;
mod web_socket;

use seen::Seen;

/// Connections that may wait to be accepted: the suite opens a thousand at once.
const BACKLOG: u32 = 2_048;

/// Bytes that the platform keeps unsent for a connection that floods: what a case finds sent is then what was read.
const FLOOD_BUFFER_BYTES: usize = 64 << 10;

/// Bytes that a flood offers at most.
pub(super) const FLOOD_BYTES: u64 = 192 << 20;

/// Bytes that a flood sends at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// How long the peer holds what nobody ends.
const HOLD: Duration = Duration::from_secs(60);

/// A running peer; dropping it ends it.
#[derive(Debug)]
pub struct Peer {
    addresses: PeerAddresses,
    _stop: oneshot::Sender<()>,
    /// Bound and not listening, so that nobody else listens there.
    _refused: TcpSocket,
}

impl Peer {
    /// Starts a peer on a thread of its own. On Unix it first raises this process's limit on open descriptors as far
    /// as is allowed: a thousand connections take two thousand where the host lives in the same process.
    ///
    /// # Errors
    /// The platform's, if it has no thread or port left.
    pub fn start() -> io::Result<Self> {
        #[cfg(unix)]
        raise_descriptor_limit();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let _in_runtime = runtime.enter();
        let (http, at_http) = listen()?;
        let (rude, at_rude) = listen()?;
        let (web_socket, at_web_socket) = listen()?;
        let (tcp, at_tcp) = listen()?;
        let refused = TcpSocket::new_v4()?;
        refused.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let addresses = PeerAddresses {
            http: at_http,
            rude: at_rude,
            web_socket: at_web_socket,
            tcp: at_tcp,
            refused: refused.local_addr()?,
            // No TCP connection has a route to a broadcast address (Linux: `tcp_v4_connect`, ENETUNREACH).
            unreachable: SocketAddr::new(IpAddr::V4(Ipv4Addr::BROADCAST), 9),
        };
        drop(_in_runtime);
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let seen = Arc::new(Seen::default());
                tokio::spawn(accept(http, Arc::clone(&seen), http::serve));
                tokio::spawn(accept(rude, Arc::clone(&seen), rude::serve));
                tokio::spawn(accept(web_socket, Arc::clone(&seen), web_socket::serve));
                tokio::spawn(accept(tcp, seen, tcp::serve));
                // An error is the sender's end, which is what is waited for.
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        };
        thread::Builder::new().name("conformance peer".to_owned()).spawn(serve)?;
        Ok(Self { addresses, _stop: stop, _refused: refused })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &PeerAddresses {
        &self.addresses
    }
}

#[cfg(unix)]
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is not allowed after all, the case that needs it says so.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves connection after connection. How one ends is the case's business.
async fn accept<S, F>(listener: TcpListener, seen: Arc<Seen>, serve: S)
where
    S: Fn(TcpStream, Arc<Seen>) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&seen)))),
            // A shortage of descriptors passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Cuts a connection: the other side is sent a reset (RFC 9293, 3.10.7) instead of what is still unsent.
fn reset(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

fn keep_little_unsent(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_send_buffer_size(FLOOD_BUFFER_BYTES)
}

fn keep_little_unread(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_recv_buffer_size(FLOOD_BUFFER_BYTES)
}
