//! Broken fetches.

use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, Uri};
use tidemark_host::{Body, Chunks, ErrorKind, Fetch, HostError, Redirects};
use tidemark_host_native::NativeFetch;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::spawn_local;

use crate::fails;
use crate::net::{How as Net, host};

pub(crate) struct BrokenFetch {
    fetch: Rc<NativeFetch>,
    how: Option<How>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    MergesHeaders,
    KeepsLastRequestHeader,
    CallsEverythingPost,
    ReordersChunks,
    LosesChunks,
    CollectsResponses,
    CollectsRequests,
    ReadsAhead,
    IgnoresDroppedRequests,
    IgnoresDroppedBodies,
    EndsTornUploads,
    EndsTornDownloads,
    FollowsWhenToReturn,
    ReturnsWhenToFollow,
    FollowsWhenToRefuse,
    MistakesErrors,
    AnswersGarbage,
    TakesAnyUri,
    ForgetsTheStatus,
    RefusesToStream,
}

impl BrokenFetch {
    pub(crate) fn new(fetch: NativeFetch, how: Option<How>) -> Self {
        Self { fetch: Rc::new(fetch), how }
    }
}

impl Fetch for BrokenFetch {
    async fn fetch(&self, request: Request<Body>, redirects: Redirects) -> Result<Response<Body>, HostError> {
        let Some(how) = self.how else { return self.fetch.fetch(request, redirects).await };
        let request = break_request(how, request).await?;
        let redirects = match (how, redirects) {
            (How::FollowsWhenToReturn, Redirects::Return) => Redirects::Follow,
            (How::ReturnsWhenToFollow, Redirects::Follow) => Redirects::Return,
            (How::FollowsWhenToRefuse, Redirects::Refuse) => Redirects::Follow,
            (_, redirects) => redirects,
        };
        let answer = match how {
            How::IgnoresDroppedRequests => {
                let fetch = Rc::clone(&self.fetch);
                spawn_local(async move { fetch.fetch(request, redirects).await }).await.unwrap()
            }
            _ => self.fetch.fetch(request, redirects).await,
        };
        break_answer(how, answer).await
    }
}

async fn break_request(how: How, request: Request<Body>) -> Result<Request<Body>, HostError> {
    let (mut head, mut body) = request.into_parts();
    match (how, body) {
        (How::RefusesToStream, Body::Streamed { .. }) => {
            return Err(HostError::unsupported(tidemark_host::Capability::FetchStreamedRequest, "sending"));
        }
        (How::CollectsRequests, Body::Streamed { chunks, .. }) => body = Body::Full(collect(chunks).await?),
        (How::EndsTornUploads, Body::Streamed { length, chunks }) => {
            let chunks = chunks.take_while(|chunk| std::future::ready(chunk.is_ok()));
            body = Body::Streamed { length, chunks: Box::pin(chunks) };
        }
        (_, same) => body = same,
    }
    match how {
        How::CallsEverythingPost if head.method != Method::GET => head.method = Method::POST,
        How::KeepsLastRequestHeader => {
            let mut kept = HeaderMap::new();
            for (name, value) in &head.headers {
                kept.insert(name, value.clone());
            }
            head.headers = kept;
        }
        How::TakesAnyUri if head.uri.scheme_str() != Some("http") => {
            head.uri = Uri::from_static("http://127.0.0.1:9/");
        }
        _ => {}
    }
    Ok(Request::from_parts(head, body))
}

async fn break_answer(
    how: How,
    answer: Result<Response<Body>, HostError>,
) -> Result<Response<Body>, HostError> {
    let response = match (how, answer) {
        (How::MistakesErrors, Err(_)) => return Err(HostError::new(ErrorKind::TimedOut, "guessing")),
        (How::AnswersGarbage, Err(error)) if error.kind() == ErrorKind::Protocol => {
            return Ok(Response::new(Body::Empty));
        }
        (_, answer) => answer?,
    };
    let (mut head, body) = response.into_parts();
    match how {
        How::MergesHeaders => head.headers = merged(&head.headers),
        How::ForgetsTheStatus => head.status = http::StatusCode::OK,
        _ => {}
    }
    let Body::Streamed { length, chunks } = body else { return Ok(Response::from_parts(head, body)) };
    let chunks: Chunks = match how {
        How::CollectsResponses => {
            let bytes = collect(chunks).await?;
            Box::pin(stream::iter([Ok(bytes)]))
        }
        How::ReordersChunks => Box::pin(chunks.chunks(2).flat_map(|mut pair| {
            pair.reverse();
            stream::iter(pair)
        })),
        How::LosesChunks => {
            let kept = chunks.enumerate().filter(|(number, _)| std::future::ready(number % 100 != 99));
            Box::pin(kept.map(|(_, chunk)| chunk))
        }
        How::ReadsAhead => ahead(chunks),
        How::IgnoresDroppedBodies => Box::pin(Undying(Some(chunks))),
        How::EndsTornDownloads => Box::pin(chunks.take_while(|chunk| std::future::ready(chunk.is_ok()))),
        _ => chunks,
    };
    Ok(Response::from_parts(head, Body::Streamed { length, chunks }))
}

async fn collect(mut chunks: Chunks) -> Result<Bytes, HostError> {
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole.into())
}

/// As `Headers.get` of a browser does.
fn merged(headers: &HeaderMap) -> HeaderMap {
    let mut merged = HeaderMap::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        merged.insert(name, values.join(&b", "[..]).try_into().unwrap());
    }
    merged
}

/// Reads as fast as it can.
fn ahead(mut chunks: Chunks) -> Chunks {
    let (to, from) = unbounded_channel();
    spawn_local(async move {
        while let Some(chunk) = chunks.next().await {
            if to.send(chunk).is_err() {
                break;
            }
        }
    });
    Box::pin(stream::unfold(from, |mut from| async move { from.recv().await.map(|chunk| (chunk, from)) }))
}

/// Reads to the end even when it is dropped.
struct Undying(Option<Chunks>);

impl futures_core::Stream for Undying {
    type Item = Result<Bytes, HostError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.as_mut().unwrap().as_mut().poll_next(context)
    }
}

impl Drop for Undying {
    fn drop(&mut self) {
        let mut chunks = self.0.take().unwrap();
        spawn_local(async move { while chunks.next().await.is_some() {} });
    }
}

#[track_caller]
fn breaks(how: How, check: &str) {
    fails(&host(Net { fetch: Some(how), ..Net::default() }), check);
}

const HEADERS: &str = "fetch: repeated headers stay apart and in order";
const GENERATED: &str = "fetch: generated requests and responses";

#[test]
fn merging_headers() {
    breaks(How::MergesHeaders, HEADERS);
    breaks(How::MergesHeaders, GENERATED);
}

#[test]
fn keeping_the_last_of_repeated_headers() {
    breaks(How::KeepsLastRequestHeader, HEADERS);
}

#[test]
fn calling_everything_post() {
    breaks(How::CallsEverythingPost, "fetch: methods reach the peer as they are");
}

#[test]
fn reordering_chunks() {
    breaks(How::ReordersChunks, "fetch: bodies of 64 MiB are streamed both ways");
}

#[test]
fn losing_one_chunk_in_a_hundred() {
    breaks(How::LosesChunks, "fetch: bodies of 64 MiB are streamed both ways");
}

#[test]
fn collecting_responses() {
    breaks(How::CollectsResponses, "fetch: a response's chunks come as the peer sends them");
}

#[test]
fn collecting_requests() {
    breaks(How::CollectsRequests, "fetch: a request's body is pulled no faster than it is sent");
}

#[test]
fn reading_ahead() {
    breaks(How::ReadsAhead, "fetch: a response that is not read is not fetched ahead");
}

#[test]
fn ignoring_an_abort_of_the_request() {
    breaks(How::IgnoresDroppedRequests, "fetch: dropping the request aborts it");
}

#[test]
fn ignoring_an_abort_of_the_body() {
    breaks(How::IgnoresDroppedBodies, "fetch: dropping a response's body aborts it");
}

#[test]
fn ending_an_upload_that_broke_off() {
    breaks(How::EndsTornUploads, "fetch: a request body's error aborts the request");
}

#[test]
fn ending_a_download_that_broke_off() {
    breaks(How::EndsTornDownloads, "fetch: responses that break off are errors");
}

#[test]
fn following_redirects_that_were_to_be_returned() {
    breaks(How::FollowsWhenToReturn, "fetch: redirects are returned to the caller");
}

#[test]
fn returning_redirects_that_were_to_be_followed() {
    breaks(How::ReturnsWhenToFollow, "fetch: redirects are followed");
}

#[test]
fn following_redirects_that_were_to_be_refused() {
    breaks(How::FollowsWhenToRefuse, "fetch: redirects are refused");
}

#[test]
fn mistaking_errors() {
    breaks(How::MistakesErrors, "fetch: a peer that refuses is told");
}

#[test]
fn answering_for_what_is_not_http() {
    breaks(How::AnswersGarbage, "fetch: answers that are not HTTP are errors");
}

#[test]
fn taking_any_uri() {
    breaks(How::TakesAnyUri, "fetch: requests that break the rules are refused");
}

#[test]
fn forgetting_the_status() {
    breaks(How::ForgetsTheStatus, GENERATED);
}

#[test]
fn refusing_to_stream_what_is_declared() {
    breaks(How::RefusesToStream, "capabilities: fetch is there as declared");
}
