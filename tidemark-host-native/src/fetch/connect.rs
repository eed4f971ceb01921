//! Connections for HTTP: names, TCP, TLS.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;

use crate::tls::Tls;

type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Connects to `http` and `https` origins; for the latter it offers HTTP/2 and HTTP/1.1 (ALPN, RFC 7301).
#[derive(Clone, Debug)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Arc<Tls>,
}

impl Connector {
    pub(super) fn new(tls: Arc<Tls>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { tcp, tls }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Connecting<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (mut tcp, tls) = (self.tcp.clone(), Arc::clone(&self.tls));
        Box::pin(async move {
            if to.scheme() != Some(&Scheme::HTTPS) {
                return Ok(MaybeHttpsStream::Http(tcp.call(to).await?));
            }
            let config = tls.client_config().await?;
            let mut https = HttpsConnectorBuilder::new()
                .with_tls_config((*config).clone())
                .https_only()
                .enable_all_versions()
                .wrap_connector(tcp);
            https.call(to).await
        })
    }
}

/// Resolves names by the platform (`getaddrinfo`), and says of a name without an address that it was not found: the
/// platform's own error has no kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Connecting<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // The port is the connector's business.
        Box::pin(async move { resolve(name.as_str(), 0).await.map(Vec::into_iter) })
    }
}

/// The addresses of a name; at least one.
///
/// # Errors
/// `NotFound` if there is none.
pub(crate) async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let not_found = |why: Box<dyn Error + Send + Sync>| io::Error::new(io::ErrorKind::NotFound, why);
    let addresses: Vec<_> =
        lookup_host((name, port)).await.map_err(|error| not_found(error.into()))?.collect();
    if addresses.is_empty() {
        return Err(not_found("the name has no address".into()));
    }
    Ok(addresses)
}
