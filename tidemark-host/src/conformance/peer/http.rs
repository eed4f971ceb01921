//! The HTTP server that keeps to the rules.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::seen::{Seen, Witness};
use super::{CHUNK_BYTES, FLOOD_BYTES, HOLD, keep_little_unread, keep_little_unsent};
use crate::conformance::pattern::{self, Checker};

type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

pub(super) async fn serve(stream: TcpStream, seen: Arc<Seen>) -> io::Result<()> {
    keep_little_unsent(&stream)?;
    keep_little_unread(&stream)?;
    stream.set_nodelay(true)?;
    let answer = service_fn(move |request| {
        let seen = Arc::clone(&seen);
        async move { Ok::<_, Infallible>(answer(request, seen).await.unwrap_or_else(refuse)) }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.map_err(io::Error::other)
}

/// What a request of the suite says in its URI's query.
struct Query(Vec<(String, String)>);

impl Query {
    fn new(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Body>, http::Error> {
    let query = Query::new(request.uri().query());
    let witness = |query: &Query| Witness::new(&seen, query.text("id"));
    match request.uri().path() {
        "/exchange" => exchange(request, &query, witness(&query)).await,
        "/echo" => Response::builder().body(echo(request.into_body())),
        "/flood" => Response::builder().body(flood(witness(&query))),
        "/late" => Response::builder().body(late(seen, query.text("id").to_owned())),
        "/release" => {
            seen.release(query.text("id"));
            Response::builder().body(whole(""))
        }
        // Neither reads the request's body nor answers.
        "/hang" => {
            let _witness = witness(&query);
            let _unread = request;
            tokio::time::sleep(HOLD).await;
            Response::builder().body(whole(""))
        }
        "/seen" => Response::builder().body(whole(&seen.tell(query.text("id")))),
        "/redirect" => redirect(&query),
        _ => Response::builder().status(StatusCode::NOT_FOUND).body(whole("")),
    }
}

fn refuse(error: http::Error) -> Response<Body> {
    let mut response = Response::new(whole(&error.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// Reads and checks the request's body, then answers what the query asks for, telling in headers what was read.
async fn exchange(
    request: Request<Incoming>,
    query: &Query,
    witness: Witness,
) -> Result<Response<Body>, http::Error> {
    let (head, mut body) = request.into_parts();
    let mut checker = Checker::new(query.number("seed"));
    let mut intact = "yes".to_owned();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_trailers)) => continue,
            Err(error) => {
                witness.ended("broken");
                intact = error.to_string().replace(['\r', '\n'], " ");
                break;
            }
        };
        witness.received(data.len());
        if let Err(why) = checker.read(&data) {
            intact = why;
            break;
        }
    }
    let mut response = Response::builder()
        .status(u16::try_from(query.number("status")).unwrap_or(0))
        .header("x-method", head.method.as_str())
        .header("x-received", checker.offset())
        .header("x-intact", intact);
    // In the order of their names, and of each name's values as they came.
    for (name, value) in &head.headers {
        if name.as_str().starts_with("x-test-") {
            response = response.header("x-got", [name.as_str().as_bytes(), b"=", value.as_bytes()].concat());
        }
    }
    for (name, value) in &query.0 {
        if name.starts_with("x-test-") {
            response = response.header(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    let (length, chunk) = (query.number("send"), query.number("chunk"));
    if query.text("length") == "known" {
        response = response.header(CONTENT_LENGTH, length);
    }
    let response = response.body(patterned(query.number("seed"), length, chunk));
    witness.ended("whole");
    response
}

/// `length` bytes of a pattern, `chunk` at a time.
fn patterned(seed: u64, length: u64, chunk: u64) -> Body {
    let chunk = chunk.clamp(1, 1 << 20);
    let chunks = stream::unfold(0_u64, move |offset| async move {
        let next = chunk.min(length - offset);
        let bytes = pattern::bytes(seed, offset, usize::try_from(next).unwrap_or(0));
        (next > 0).then(|| (Ok(Frame::data(bytes)), offset + next))
    });
    StreamBody::new(chunks.boxed())
}

fn whole(text: &str) -> Body {
    let text = Bytes::copy_from_slice(text.as_bytes());
    StreamBody::new(stream::iter([Ok(Frame::data(text))]).boxed())
}

/// The request's body, as it comes.
fn echo(body: Incoming) -> Body {
    let frames = stream::unfold(body, |mut body| async move {
        let frame = body.frame().await?;
        Some((frame.map_err(io::Error::other), body))
    });
    StreamBody::new(frames.boxed())
}

/// As much as is read.
fn flood(witness: Witness) -> Body {
    let chunk = Bytes::from(vec![b'~'; CHUNK_BYTES]);
    let chunks = stream::unfold((witness, 0_u64), move |(witness, sent)| {
        let chunk = chunk.clone();
        async move {
            if sent >= FLOOD_BYTES {
                witness.ended("whole");
                return None;
            }
            witness.sent(chunk.len());
            Some((Ok(Frame::data(chunk)), (witness, sent + CHUNK_BYTES as u64)))
        }
    });
    StreamBody::new(chunks.boxed())
}

/// A first chunk at once, a second when it is released.
fn late(seen: Arc<Seen>, name: String) -> Body {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
    let second = stream::once(async move {
        let released = async {
            while !seen.is_released(&name) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // A host that waits for the whole body before it gives the first chunk is not kept forever.
        let _ = tokio::time::timeout(HOLD, released).await;
        Ok(Frame::data(Bytes::from_static(b"second")))
    });
    StreamBody::new(first.chain(second).boxed())
}

/// Redirects `count` times, and then to `/exchange`.
fn redirect(query: &Query) -> Result<Response<Body>, http::Error> {
    let status = query.number("status");
    let to = match query.number("count") {
        0 | 1 => format!("/exchange?status=200&seed={}", query.number("seed")),
        count => format!("/redirect?status={status}&seed={}&count={}", query.number("seed"), count - 1),
    };
    Response::builder()
        .status(u16::try_from(status).unwrap_or(0))
        .header(LOCATION, to)
        .body(whole("elsewhere"))
}
