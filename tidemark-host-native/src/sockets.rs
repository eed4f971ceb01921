//! Sockets by tokio and tungstenite, on the control event loop.
//!
//! Owns connecting and listening by TCP. WebSockets are in `sockets/web_socket.rs`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tidemark_host::{Destination, ErrorKind, HostError, Listener, Sockets};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use crate::fetch::resolve;
use crate::tls::Tls;

mod web_socket;

pub use web_socket::NativeWebSocket;

/// A TCP connection.
pub type NativeStream = Compat<TcpStream>;

/// Opens connections of this process.
#[derive(Clone, Debug)]
pub struct NativeSockets {
    tls: Arc<Tls>,
}

impl NativeSockets {
    pub(crate) fn new(tls: Arc<Tls>) -> Self {
        Self { tls }
    }
}

impl Sockets for NativeSockets {
    type Stream = NativeStream;
    type Listener = NativeListener;
    type WebSocket = NativeWebSocket;

    async fn connect(&self, to: Destination) -> Result<NativeStream, HostError> {
        connect(&to).await.map(TcpStream::compat).map_err(|error| failed("connecting by TCP", error))
    }

    async fn listen(&self, address: SocketAddr) -> Result<NativeListener, HostError> {
        let listen = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(NativeListener { listener, address })
        };
        listen.await.map_err(|error| failed("listening for TCP connections", error))
    }

    async fn web_socket(&self, uri: http::Uri, protocols: Vec<String>) -> Result<NativeWebSocket, HostError> {
        web_socket::open(&self.tls, uri, protocols).await
    }
}

/// The connection to the first of the destination's addresses that takes one.
async fn connect(to: &Destination) -> io::Result<TcpStream> {
    let stream = match to {
        Destination::Address(address) => TcpStream::connect(address).await?,
        Destination::Name { name, port } => TcpStream::connect(&*resolve(name, *port).await?).await?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    // What to send together is for those above to decide.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A listening socket of this process.
#[derive(Debug)]
pub struct NativeListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener for NativeListener {
    type Stream = NativeStream;

    fn local_address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(&self) -> Result<(NativeStream, SocketAddr), HostError> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok((stream.compat(), peer));
                }
                // It was given up before it was taken; the next one has nothing to do with it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(failed("accepting a TCP connection", error)),
            }
        }
    }
}

/// The host's error for the platform's; some of its shortages have no kind of their own in `std::io`.
fn failed(doing: &'static str, error: io::Error) -> HostError {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        if Errno::from_io_error(&error).is_some_and(|errno| shortages.contains(&errno)) {
            return HostError::new(ErrorKind::Exhausted, doing).with_source(error);
        }
    }
    HostError::from_io(doing, error)
}
