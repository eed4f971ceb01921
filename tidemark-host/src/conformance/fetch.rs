//! Checks of [`Fetch`]: what is sent arrives, unchanged, in order, no sooner than it is wanted; what is dropped stops.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use futures_util::stream::{StreamExt as _, unfold};
use http::{HeaderMap, Method, Request, Response};

use super::net::{Told, UNDER_WAY_BYTES, fails_with};
use super::pattern::{self, Checker};
use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::{Body, Capability, ErrorKind, Fetch, Host, HostError, Redirects};

mod exchange;
mod redirects;

/// The size of the largest bodies, in bytes.
const LARGE_BYTES: u64 = 64 << 20;

/// What a streamed body gives at a time where that does not matter, in bytes.
const CHUNK_BYTES: usize = 256 << 10;

pub(super) async fn check<H: Host>(suite: &Suite<H>, fetch: &impl Fetch, progress: &Progress) {
    if !suite.host.capabilities().has(Capability::Fetch) {
        return;
    }
    let client = &Client { suite, fetch };
    progress.record("fetch: methods reach the peer as they are", client.methods()).await;
    progress.record("fetch: repeated headers stay apart and in order", client.repeated_headers()).await;
    progress.record("fetch: generated requests and responses", exchange::generated(client)).await;
    progress.record("fetch: bodies of 64 MiB are streamed both ways", client.large_bodies()).await;
    progress.record("fetch: a response's chunks come as the peer sends them", client.chunks_as_sent()).await;
    progress.record("fetch: a response that is not read is not fetched ahead", client.unread()).await;
    progress.record("fetch: a request's body is pulled no faster than it is sent", client.unsent()).await;
    progress.record("fetch: dropping the request aborts it", client.drops_request()).await;
    progress.record("fetch: dropping a response's body aborts it", client.drops_body()).await;
    progress.record("fetch: a request body's error aborts the request", client.upload_breaks()).await;
    progress.record("fetch: redirects are followed", redirects::followed(client)).await;
    progress.record("fetch: redirects are returned to the caller", redirects::returned(client)).await;
    progress.record("fetch: redirects are refused", redirects::refused(client)).await;
    progress.record("fetch: responses that break off are errors", client.broken_off()).await;
    progress.record("fetch: answers that are not HTTP are errors", client.not_http()).await;
    progress.record("fetch: a peer that refuses is told", client.refused()).await;
    progress.record("fetch: requests that break the rules are refused", client.breaks_rules()).await;
    progress.record("fetch: many requests at once", client.many()).await;
}

/// The host's client under judgement.
struct Client<'a, H, F> {
    suite: &'a Suite<H>,
    fetch: &'a F,
}

impl<H: Host, F: Fetch> Client<'_, H, F> {
    async fn methods(&self) -> Result<(), Failure> {
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"];
        for name in methods {
            let method =
                Method::from_bytes(name.as_bytes()).map_err(|error| Failure::new(error.to_string()))?;
            let request = self.request(method, "/exchange?status=200&send=5&length=known", Body::Empty)?;
            let response = self.send(request, Redirects::Follow).await?;
            let (got, body) = (told(response.headers(), "x-method")?.to_owned(), response.into_body());
            require(got == name, || format!("{name} came as {got}"))?;
            let length = self.read(body, 0).await?;
            let expected = if name == "HEAD" { 0 } else { 5 };
            require(length == expected, || format!("{name}: a body of {length} bytes, expected {expected}"))?;
        }
        Ok(())
    }

    async fn repeated_headers(&self) -> Result<(), Failure> {
        let sent = [("x-test-a", "1"), ("x-test-b", "2"), ("x-test-a", "3, 4"), ("x-test-a", "")];
        let asked = "&x-test-c=5&x-test-d=6&x-test-c=7,8&x-test-c=";
        let mut request = self.request(Method::GET, &format!("/exchange?status=200{asked}"), Body::Empty)?;
        for (name, value) in sent {
            request.headers_mut().append(name, http::HeaderValue::from_static(value));
        }
        let response = self.send(request, Redirects::Follow).await?;
        let headers = response.headers();
        same_values(headers, "x-got", &["x-test-a=1", "x-test-a=3, 4", "x-test-a=", "x-test-b=2"])?;
        same_values(headers, "x-test-c", &["5", "7,8", ""])?;
        same_values(headers, "x-test-d", &["6"])
    }

    async fn large_bodies(&self) -> Result<(), Failure> {
        let path = format!("/exchange?status=200&seed=1&send={LARGE_BYTES}&chunk={CHUNK_BYTES}");
        let body = self.upload(1, LARGE_BYTES, CHUNK_BYTES, Some(LARGE_BYTES));
        let response = self.send(self.request(Method::POST, &path, body)?, Redirects::Follow).await?;
        arrived(response.headers(), LARGE_BYTES)?;
        let length = self.read(response.into_body(), 1).await?;
        require(length == LARGE_BYTES, || format!("{length} of {LARGE_BYTES} bytes came"))
    }

    async fn chunks_as_sent(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let response = self.get(&format!("/late?id={name}")).await?;
        let Body::Streamed { mut chunks, .. } = response.into_body() else {
            return Err(Failure::new("the body of a response that is still being sent is not streamed"));
        };
        let mut came = Vec::new();
        while came.len() < 5 {
            match self.suite.within("the first chunk comes", chunks.next()).await? {
                Some(chunk) => came.extend_from_slice(&chunk?),
                None => return Err(Failure::new(format!("the body ended after {came:?}"))),
            }
        }
        require(came == b"first", || format!("{came:?} came before it was sent"))?;
        self.get(&format!("/release?id={name}")).await?;
        while let Some(chunk) = self.suite.within("the second chunk comes", chunks.next()).await? {
            came.extend_from_slice(&chunk?);
        }
        require(came == b"firstsecond", || format!("{came:?} came"))
    }

    async fn unread(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let response = self.get(&format!("/flood?id={name}")).await?;
        let sent = self.suite.standstill(async || Ok(self.told(&name).await?.sent)).await?;
        drop(response);
        require(sent < UNDER_WAY_BYTES, || format!("{sent} bytes were fetched of a body that nobody reads"))
    }

    async fn unsent(&self) -> Result<(), Failure> {
        if !self.suite.host.capabilities().has(Capability::FetchStreamedRequest) {
            return Ok(());
        }
        let (name, pulled) = (self.suite.exchange_name(), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&pulled);
        let chunk = Bytes::from(vec![b'~'; CHUNK_BYTES]);
        let chunks = unfold((), move |()| {
            let (chunk, counted) = (chunk.clone(), Rc::clone(&counted));
            async move {
                counted.set(counted.get() + chunk.len() as u64);
                (counted.get() < 4 * UNDER_WAY_BYTES).then_some((Ok(chunk), ()))
            }
        });
        let body = Body::Streamed { length: None, chunks: Box::pin(chunks) };
        let request = self.request(Method::POST, &format!("/hang?id={name}"), body)?;
        {
            let exchange = pin!(self.fetch.fetch(request, Redirects::Follow));
            let standstill = pin!(self.suite.standstill(async || Ok(pulled.get())));
            let before = match select(exchange, standstill).await {
                Either::Left((answer, _)) => {
                    return Err(Failure::new(format!("a request that is not answered: {answer:?}")));
                }
                Either::Right((pulled, _)) => pulled?,
            };
            require(before < UNDER_WAY_BYTES, || {
                format!("{before} bytes were pulled from a body that the peer does not read")
            })?;
        }
        let before = pulled.get();
        self.suite.pause(std::time::Duration::from_millis(20)).await;
        let after = pulled.get();
        require(before == after, || format!("dropped after {before} bytes, but {after} were pulled"))
    }

    async fn drops_request(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let request = self.request(Method::GET, &format!("/hang?id={name}"), Body::Empty)?;
        {
            let exchange = pin!(self.fetch.fetch(request, Redirects::Follow));
            let begun = pin!(self.until_told(&name, "the request reaches the peer", |told| told.begun));
            match select(exchange, begun).await {
                Either::Left((answer, _)) => {
                    return Err(Failure::new(format!("a request that is not answered: {answer:?}")));
                }
                Either::Right((begun, _)) => begun?,
            };
        }
        self.is_aborted(&name).await
    }

    async fn drops_body(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let response = self.get(&format!("/flood?id={name}")).await?;
        let Body::Streamed { mut chunks, .. } = response.into_body() else {
            return Err(Failure::new("the body of a response that is still being sent is not streamed"));
        };
        match self.suite.within("a chunk comes", chunks.next()).await? {
            Some(chunk) => drop(chunk?),
            None => return Err(Failure::new("the body ended before its first chunk")),
        }
        drop(chunks);
        self.is_aborted(&name).await
    }

    /// The peer sees the exchange end, soon and before its end.
    async fn is_aborted(&self, name: &str) -> Result<(), Failure> {
        let told = self.until_told(name, "the peer sees the abort", |told| told.end.is_some()).await?;
        let end = told.end.unwrap_or_default();
        require(end == "aborted", || format!("dropped, but the peer saw the exchange end: {end}"))
    }

    async fn upload_breaks(&self) -> Result<(), Failure> {
        if !self.suite.host.capabilities().has(Capability::FetchStreamedRequest) {
            return Ok(());
        }
        let name = self.suite.exchange_name();
        let chunks = unfold(0, |number| async move {
            match number {
                0..3 => Some((Ok(pattern::bytes(0, number * 1_000, 1_000)), number + 1)),
                3 => Some((Err(HostError::new(ErrorKind::Other, "failing on purpose")), number + 1)),
                _ => None,
            }
        });
        let body = Body::Streamed { length: None, chunks: Box::pin(chunks) };
        let request = self.request(Method::POST, &format!("/exchange?status=200&id={name}"), body)?;
        let answer = self.suite.within("the request fails", self.fetch.fetch(request, Redirects::Follow));
        match answer.await? {
            Err(_) => {}
            Ok(response) => {
                return Err(Failure::new(format!("its body broke off, and the answer is {response:?}")));
            }
        }
        // It may have broken off before anything was sent.
        let told = self.told(&name).await?;
        if !told.begun {
            return Ok(());
        }
        let told = self.until_told(&name, "the peer sees the end", |told| told.end.is_some()).await?;
        require(told.end.as_deref() != Some("whole"), || {
            "a body that broke off came as a whole one".to_owned()
        })
    }

    async fn broken_off(&self) -> Result<(), Failure> {
        let peer = self.suite.peer()?;
        for path in
            ["/truncated-head", "/nothing", "/cut-head", "/truncated", "/truncated-chunks", "/cut-body"]
        {
            let answer = self.fetched(&uri(peer.rude, path)).await?;
            fails_with(path, answer, &[ErrorKind::Reset, ErrorKind::Other])?;
        }
        Ok(())
    }

    async fn not_http(&self) -> Result<(), Failure> {
        let peer = self.suite.peer()?;
        for path in ["/garbage", "/bad-chunk", "/two-lengths"] {
            let answer = self.fetched(&uri(peer.rude, path)).await?;
            fails_with(path, answer, &[ErrorKind::Protocol, ErrorKind::Other])?;
        }
        Ok(())
    }

    async fn refused(&self) -> Result<(), Failure> {
        let answer = self.fetched(&uri(self.suite.peer()?.refused, "/")).await?;
        fails_with("nobody listens", answer, &[ErrorKind::Refused, ErrorKind::Other])
    }

    async fn breaks_rules(&self) -> Result<(), Failure> {
        let http = self.suite.peer()?.http;
        let wrong = [
            (Method::GET, "/exchange?status=200".to_owned()),
            (Method::GET, format!("ftp://{http}/exchange?status=200")),
            (Method::CONNECT, uri(http, "/exchange?status=200")),
        ];
        for (method, uri) in wrong {
            let what = format!("{method} {uri}");
            let request = Request::builder().method(method).uri(uri).body(Body::Empty).map_err(broken)?;
            let answer = self.suite.within(&what, self.fetch.fetch(request, Redirects::Follow)).await?;
            fails_with(&what, answer, &[ErrorKind::InvalidInput])?;
        }
        Ok(())
    }

    async fn many(&self) -> Result<(), Failure> {
        const AT_ONCE: u64 = 64;
        let one = async |number: u64| {
            let length = 10_000 + number;
            let path = format!("/exchange?status=200&seed={number}&send={length}&chunk=1000");
            let body = Body::Full(pattern::bytes(number, 0, length as usize));
            let response = self.send(self.request(Method::POST, &path, body)?, Redirects::Follow).await?;
            arrived(response.headers(), length)?;
            let came = self.read(response.into_body(), number).await?;
            require(came == length, || format!("{came} of {length} bytes came"))
        };
        join_all((0..AT_ONCE).map(one)).await.into_iter().collect()
    }

    /// A request to the well-behaved peer.
    fn request(&self, method: Method, path: &str, body: Body) -> Result<Request<Body>, Failure> {
        let uri = uri(self.suite.peer()?.http, path);
        Request::builder().method(method).uri(uri).body(body).map_err(broken)
    }

    async fn get(&self, path: &str) -> Result<Response<Body>, Failure> {
        self.send(self.request(Method::GET, path, Body::Empty)?, Redirects::Follow).await
    }

    /// The answer's head, with patience.
    async fn send(&self, request: Request<Body>, redirects: Redirects) -> Result<Response<Body>, Failure> {
        let what = format!("{} {} is answered", request.method(), request.uri());
        Ok(self.suite.within(&what, self.fetch.fetch(request, redirects)).await??)
    }

    /// An exchange with `uri` to its end: the error of its head or its body.
    async fn fetched(&self, uri: &str) -> Result<Result<(), HostError>, Failure> {
        let request = Request::builder().uri(uri).body(Body::Empty).map_err(broken)?;
        let exchange = async {
            let response = self.fetch.fetch(request, Redirects::Follow).await?;
            if let Body::Streamed { mut chunks, .. } = response.into_body() {
                while let Some(chunk) = chunks.next().await {
                    chunk?;
                }
            }
            Ok(())
        };
        self.suite.within(uri, exchange).await
    }

    /// Reads a body that is the pattern of `seed`; its length.
    async fn read(&self, body: Body, seed: u64) -> Result<u64, Failure> {
        let mut checker = Checker::new(seed);
        match body {
            Body::Empty => {}
            Body::Full(bytes) => checker.read(&bytes).map_err(Failure::new)?,
            Body::Streamed { length, mut chunks } => {
                while let Some(chunk) = self.suite.within("the next chunk comes", chunks.next()).await? {
                    checker.read(&chunk?).map_err(Failure::new)?;
                }
                let came = checker.offset();
                require(length.is_none_or(|said| said == came), || {
                    format!("a body of {length:?} bytes had {came}")
                })?;
            }
        }
        Ok(checker.offset())
    }

    /// A request body: the pattern of `seed`, streamed where the host can.
    fn upload(&self, seed: u64, length: u64, chunk: usize, said: Option<u64>) -> Body {
        if !self.suite.host.capabilities().has(Capability::FetchStreamedRequest) {
            return Body::Full(pattern::bytes(seed, 0, usize::try_from(length).unwrap_or(usize::MAX)));
        }
        let chunk = chunk.max(1);
        let chunks = unfold(0_u64, move |offset| async move {
            let next = (length - offset).min(chunk as u64);
            let bytes = pattern::bytes(seed, offset, usize::try_from(next).unwrap_or(chunk));
            (next > 0).then_some((Ok(bytes), offset + next))
        });
        Body::Streamed { length: said, chunks: Box::pin(chunks) }
    }

    /// What the peer saw of an exchange.
    async fn told(&self, name: &str) -> Result<Told, Failure> {
        let response = self.get(&format!("/seen?id={name}")).await?;
        let mut text = Vec::new();
        match response.into_body() {
            Body::Empty => {}
            Body::Full(bytes) => text.extend_from_slice(&bytes),
            Body::Streamed { mut chunks, .. } => {
                while let Some(chunk) = self.suite.within("the peer's account comes", chunks.next()).await? {
                    text.extend_from_slice(&chunk?);
                }
            }
        }
        String::from_utf8_lossy(&text).parse()
    }

    async fn until_told(
        &self,
        name: &str,
        what: &str,
        happened: impl Fn(&Told) -> bool,
    ) -> Result<Told, Failure> {
        self.suite.until_told(what, async || self.told(name).await, happened).await
    }
}

fn uri(of: SocketAddr, path: &str) -> String {
    format!("http://{of}{path}")
}

fn broken(error: http::Error) -> Failure {
    Failure::new(format!("the suite's own request: {error}"))
}

/// What the peer said in a header.
fn told<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Failure> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| Failure::new(format!("the response has no header {name}: {headers:?}")))
}

/// The peer read the request's body whole and unchanged.
fn arrived(headers: &HeaderMap, length: u64) -> Result<(), Failure> {
    let intact = told(headers, "x-intact")?;
    require(intact == "yes", || format!("the request's body: {intact}"))?;
    let received = told(headers, "x-received")?;
    require(received == length.to_string(), || format!("{received} of {length} bytes reached the peer"))
}

fn same_values(headers: &HeaderMap, name: &str, expected: &[&str]) -> Result<(), Failure> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    require(values == expected, || format!("header {name} came as {values:?}, expected {expected:?}"))
}
