//! Request bodies on their way to the client's connection tasks.
//!
//! A body of the contract stays where it was made; hyper's connections want one that may move between threads. So a
//! streamed body is pulled by a task of this loop, a chunk at a time, whenever the connection has taken the one before.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Frame, SizeHint};
use tidemark_host::{Body, Chunks, ErrorKind, HostError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, spawn_local};

const DOING: &str = "sending an HTTP request's body";

/// A request's body, for hyper. Nothing by default.
#[derive(Debug, Default)]
pub(super) struct Upload(Content);

#[derive(Debug, Default)]
enum Content {
    #[default]
    Nothing,
    Whole(Bytes),
    Streamed {
        chunks: Receiver<Result<Bytes, Broken>>,
        /// Bytes still to come, where that is known.
        left: Option<u64>,
    },
}

impl Upload {
    /// The body, and what pulls it if it is streamed.
    ///
    /// # Errors
    /// `InvalidInput` for a kind of body that is not known here.
    pub(super) fn new(body: Body) -> Result<(Self, Pump), HostError> {
        Ok(match body {
            Body::Empty => (Self(Content::Nothing), Pump::default()),
            Body::Full(bytes) => (Self(Content::Whole(bytes)), Pump::default()),
            Body::Streamed { length, chunks } => {
                // One chunk waits while another is sent.
                let (sender, receiver) = channel(1);
                let pump = Pump::start(chunks, length, sender);
                (Self(Content::Streamed { chunks: receiver, left: length }), pump)
            }
            _ => return Err(HostError::new(ErrorKind::InvalidInput, DOING)),
        })
    }

    /// The same body once more, for a redirect; a streamed one comes only once.
    pub(super) fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Content::Nothing => Some(Self(Content::Nothing)),
            Content::Whole(bytes) => Some(Self(Content::Whole(bytes.clone()))),
            Content::Streamed { .. } => None,
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Content::Nothing => Poll::Ready(None),
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Content::Nothing;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Streamed { chunks, left } => {
                let chunk = std::task::ready!(chunks.poll_recv(context));
                if let (Some(left), Some(Ok(chunk))) = (left, &chunk) {
                    *left = left.saturating_sub(chunk.len() as u64);
                }
                Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Nothing => true,
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Streamed { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Nothing => SizeHint::with_exact(0),
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Streamed { left: Some(left), .. } => SizeHint::with_exact(*left),
            Content::Streamed { left: None, .. } => SizeHint::default(),
        }
    }
}

/// What pulls a streamed body. Dropping it stops the pulling, and the connection sees the body break off.
#[derive(Debug, Default)]
pub(super) struct Pump {
    task: Option<AbortHandle>,
    failure: Rc<RefCell<Option<HostError>>>,
}

impl Pump {
    fn start(chunks: Chunks, length: Option<u64>, to: Sender<Result<Bytes, Broken>>) -> Self {
        let failure = Rc::default();
        let task = spawn_local(pull(chunks, length, to, Rc::clone(&failure)));
        Self { task: Some(task.abort_handle()), failure }
    }

    /// Whether there is nothing left to pull.
    pub(super) fn is_done(&self) -> bool {
        self.task.as_ref().is_none_or(AbortHandle::is_finished)
    }

    /// Why the body broke off, once.
    pub(super) fn failure(&self) -> Option<HostError> {
        self.failure.take()
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Pulls chunk after chunk as the connection takes them.
async fn pull(
    mut chunks: Chunks,
    length: Option<u64>,
    to: Sender<Result<Bytes, Broken>>,
    failure: Rc<RefCell<Option<HostError>>>,
) {
    let mut sent = 0_u64;
    let error = loop {
        // Not pulled before there is room for it; without a connection any more, not at all.
        let Ok(room) = to.reserve().await else { return };
        match chunks.next().await {
            Some(Ok(chunk)) if chunk.is_empty() => {}
            Some(Ok(chunk)) => {
                sent = sent.saturating_add(chunk.len() as u64);
                if length.is_some_and(|length| sent > length) {
                    break mismatch("it is longer than was said");
                }
                room.send(Ok(chunk));
            }
            Some(Err(error)) => break error,
            None if length.is_some_and(|length| sent < length) => {
                break mismatch("it is shorter than was said");
            }
            None => return,
        }
    };
    *failure.borrow_mut() = Some(error);
    // If the connection is gone, whoever reads the response is told of the failure.
    let _ = to.send(Err(Broken)).await;
}

fn mismatch(why: &'static str) -> HostError {
    HostError::new(ErrorKind::InvalidInput, DOING).with_source(why)
}

/// What hyper is told of a body that broke off; why it did, the caller is told by [`Pump::failure`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body broke off")
    }
}

impl Error for Broken {}
