//! Whom this host trusts: the authorities it is given, for the names they vouch for, by fetch and WebSocket alike.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tidemark_host::{Body, Control, ControlFuture, ErrorKind, Fetch, Host, HostError, Redirects, Sockets};
use tidemark_host_native::{NativeConfig, NativeFetch, NativeHost, NativeSockets};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that an authority vouches for as `localhost`.
struct Server {
    address: SocketAddr,
    /// The authority's certificate, in DER.
    root: Vec<u8>,
}

impl Server {
    /// Answers every request by 200, with the version of HTTP/2's; offers `protocols` (ALPN).
    fn start(protocols: &[&[u8]]) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap().der().to_vec();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();

        let (tell, told) = channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let acceptor = TlsAcceptor::from(Arc::new(config));
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let acceptor = acceptor.clone();
                    // One that distrusts the server ends its connection, which is that client's business.
                    tokio::spawn(async move { serve(acceptor, stream).await.is_ok() });
                }
            });
        });
        Self { address: told.recv_timeout(PATIENCE).unwrap(), root }
    }

    fn trusting_host(&self) -> NativeHost {
        NativeHost::new(&NativeConfig { extra_roots: vec![self.root.clone()], ..NativeConfig::default() })
            .unwrap()
    }
}

async fn serve(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let answer = service_fn(|request: http::Request<Incoming>| async move {
            let version = format!("{:?}", request.version());
            http::Response::builder().header("x-version", version).body(String::from("hello"))
        });
        let connection =
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer);
        return connection.await.map_err(io::Error::other);
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await?;
    stream.shutdown().await
}

/// What `work` answers on the host's control loop.
fn on_loop<T: Send + 'static, F>(
    host: &NativeHost,
    work: impl FnOnce(NativeFetch, NativeSockets) -> F + Send + 'static,
) -> T
where
    F: Future<Output = T> + 'static,
{
    let (tell, told) = channel();
    let task = move |side: tidemark_host::ControlSide<_, _>| -> ControlFuture {
        Box::pin(async move { tell.send(work(side.fetch, side.sockets).await).unwrap() })
    };
    host.control().start(Box::new(task), Box::new(|_| ())).unwrap();
    told.recv_timeout(PATIENCE).unwrap()
}

/// The head of the answer.
fn fetch(host: &NativeHost, uri: String) -> Result<http::Response<()>, HostError> {
    on_loop(host, move |fetch, _| async move {
        let request = http::Request::builder().uri(uri).body(Body::Empty).unwrap();
        fetch.fetch(request, Redirects::Follow).await.map(|response| response.map(drop))
    })
}

#[test]
fn an_authority_that_was_added_is_trusted() {
    let server = Server::start(&[b"http/1.1"]);
    let answer = fetch(&server.trusting_host(), format!("https://localhost:{}/", server.address.port()));
    assert_eq!(answer.unwrap().status(), 200);
}

#[test]
fn http_2_is_spoken_where_it_is_offered() {
    let server = Server::start(&[b"h2", b"http/1.1"]);
    let answer = fetch(&server.trusting_host(), format!("https://localhost:{}/", server.address.port()));
    assert_eq!(answer.unwrap().headers()["x-version"], "HTTP/2.0");
}

#[test]
fn an_unknown_authority_is_not() {
    let server = Server::start(&[b"http/1.1"]);
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    let answer = fetch(&host, format!("https://localhost:{}/", server.address.port()));
    // Where the platform has no certificates at all, that is what is told.
    assert!(matches!(answer.unwrap_err().kind(), ErrorKind::Protocol | ErrorKind::Other));
}

#[test]
fn a_certificate_counts_for_its_names_only() {
    let server = Server::start(&[b"http/1.1"]);
    let answer = fetch(&server.trusting_host(), format!("https://127.0.0.1:{}/", server.address.port()));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn a_root_that_is_no_certificate_is_told_when_it_is_needed() {
    let server = Server::start(&[b"http/1.1"]);
    let config = NativeConfig { extra_roots: vec![b"no certificate".to_vec()], ..NativeConfig::default() };
    let answer =
        fetch(&NativeHost::new(&config).unwrap(), format!("https://localhost:{}/", server.address.port()));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// The handshakes end where TLS does: this server knows nothing of WebSocket.
#[test]
fn web_sockets_trust_whom_fetch_trusts() {
    let server = Server::start(&[]);
    let uri = |host: &str| http::Uri::try_from(format!("wss://{host}:{}/", server.address.port())).unwrap();
    let open = |host: &NativeHost, uri| {
        let kind = on_loop(host, move |_, sockets| async move {
            sockets.web_socket(uri, Vec::new()).await.map(|_| ()).map_err(|error| error.to_string())
        });
        kind.unwrap_err()
    };
    let trusted = open(&server.trusting_host(), uri("localhost"));
    assert_eq!(trusted, "protocol error while opening a WebSocket");
    let config = NativeConfig { extra_roots: vec![b"no certificate".to_vec()], ..NativeConfig::default() };
    let distrusted = open(&NativeHost::new(&config).unwrap(), uri("localhost"));
    assert_eq!(distrusted, "invalid input while loading the certificates to trust");
}
