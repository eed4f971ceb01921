//! HTTP by hyper, on the control event loop.
//!
//! Owns how a request becomes an exchange and what a redirect does to it. Connections are made in `fetch/connect.rs`,
//! request bodies travel through `fetch/upload.rs`, and `fetch/failure.rs` says what an error means.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::header::LOCATION;
use http::{Method, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tidemark_host::{Body, ErrorKind, Fetch, HostError, Redirects};
use tower_http::follow_redirect::FollowRedirect;
use tower_http::follow_redirect::policy::{PolicyExt as _, Standard, clone_body_fn};
use tower_service::Service;

use crate::limits::{
    HTTP1_BUFFER_BYTES, HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_STREAM_WINDOW_BYTES, IDLE_CONNECTION_LIFE,
};
use crate::tls::Tls;

mod connect;
mod failure;
mod upload;

use connect::Connector;
pub(crate) use connect::resolve;
use upload::{Pump, Upload};

const DOING: &str = "sending an HTTP request";

/// An HTTP client that keeps connections for the next request. Clones share them.
#[derive(Clone, Debug)]
pub struct NativeFetch {
    client: Rc<Client<Connector, Upload>>,
}

impl NativeFetch {
    /// A client for the tasks of the calling event loop.
    pub(crate) fn new(tls: Arc<Tls>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_LIFE)
            .http1_max_buf_size(HTTP1_BUFFER_BYTES)
            .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .build(Connector::new(tls));
        Self { client: Rc::new(client) }
    }
}

impl Fetch for NativeFetch {
    async fn fetch(
        &self,
        request: http::Request<Body>,
        redirects: Redirects,
    ) -> Result<http::Response<Body>, HostError> {
        check(&request)?;
        let (mut head, body) = request.into_parts();
        // What the connection speaks is negotiated.
        head.version = Version::HTTP_11;
        let (upload, pump) = Upload::new(body)?;
        let request = http::Request::from_parts(head, upload);
        let response = match redirects {
            Redirects::Follow => self.follow(request).await,
            Redirects::Return | Redirects::Refuse => self.client.request(request).await,
            _ => {
                let why = "what this host does not know was asked for redirects";
                return Err(HostError::new(ErrorKind::InvalidInput, DOING).with_source(why));
            }
        };
        let response =
            response.map_err(|error| pump.failure().unwrap_or_else(|| failure::of(DOING, error)))?;
        if redirects != Redirects::Return && is_redirect(&response) {
            let why = match redirects {
                Redirects::Refuse => "the answer is a redirect, which the caller refuses",
                _ => "the redirect leads nowhere, needs the streamed body again, or is one of too many",
            };
            return Err(HostError::new(ErrorKind::Aborted, DOING).with_source(why));
        }
        Ok(response.map(|body| Download::body(body, pump)))
    }
}

impl NativeFetch {
    /// Follows redirects as the Fetch standard says (WHATWG Fetch, 4.4 "HTTP-redirect fetch"): at most twenty, without
    /// credentials to another origin. What is not followed is the answer.
    async fn follow(&self, request: http::Request<Upload>) -> Result<http::Response<Incoming>, ClientError> {
        let policy = Standard::default().and::<_, Upload, ClientError>(clone_body_fn(Upload::try_clone));
        FollowRedirect::with_policy((*self.client).clone(), policy).call(request).await
    }
}

/// What the contract gives to the caller.
fn check<B>(request: &http::Request<B>) -> Result<(), HostError> {
    let uri = request.uri();
    let is_http = matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
    let why = match (is_http, request.method()) {
        (false, _) => "the URI is not an absolute one of http or https",
        (true, &Method::CONNECT) => "CONNECT opens a tunnel and has no response",
        (true, _) => return Ok(()),
    };
    Err(HostError::new(ErrorKind::InvalidInput, DOING).with_source(why))
}

/// Whether it is one of the redirects that are followed (WHATWG Fetch, "redirect status") and says where to.
fn is_redirect<B>(response: &http::Response<B>) -> bool {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    redirects.contains(&response.status()) && response.headers().contains_key(LOCATION)
}

/// A response's body as it comes. Dropping it aborts the exchange, the upload included.
struct Download {
    body: Incoming,
    pump: Pump,
}

impl Download {
    fn body(body: Incoming, pump: Pump) -> Body {
        if body.is_end_stream() && pump.is_done() {
            return Body::Empty;
        }
        let length = body.size_hint().exact();
        Body::Streamed { length, chunks: Box::pin(Self { body, pump }) }
    }
}

impl Stream for Download {
    type Item = Result<Bytes, HostError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
            return Poll::Ready(match frame {
                None => None,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => Some(Ok(data)),
                    // Trailers, which the contract has no place for.
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    let doing = "reading an HTTP response's body";
                    Some(Err(self.pump.failure().unwrap_or_else(|| failure::of(doing, error))))
                }
            });
        }
    }
}
