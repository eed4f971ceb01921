//! `Absent`: the optional part that a host does not have.
//!
//! It implements every optional part, and each call answers `HostError` of kind `Unsupported`. What it would have made
//! (streams, listeners) is of a type without values, so nothing is pretended.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::capability::Capability;
use crate::code::{CodeEngine, CodeId};
use crate::error::HostError;
use crate::fetch::{Body, Fetch, Redirects};
use crate::sockets::{Closed, Destination, Listener, Message, Sockets, WebSocket};

/// An optional part that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Absent;

impl Fetch for Absent {
    async fn fetch(
        &self,
        _request: http::Request<Body>,
        _redirects: Redirects,
    ) -> Result<http::Response<Body>, HostError> {
        Err(HostError::unsupported(Capability::Fetch, "sending an HTTP request"))
    }
}

impl Sockets for Absent {
    type Stream = Nothing;
    type Listener = Nothing;
    type WebSocket = Nothing;

    async fn connect(&self, _to: Destination) -> Result<Nothing, HostError> {
        Err(HostError::unsupported(Capability::TcpConnect, "connecting by TCP"))
    }

    async fn listen(&self, _address: SocketAddr) -> Result<Nothing, HostError> {
        Err(HostError::unsupported(Capability::TcpListen, "listening for TCP connections"))
    }

    async fn web_socket(&self, _uri: http::Uri, _protocols: Vec<String>) -> Result<Nothing, HostError> {
        Err(HostError::unsupported(Capability::WebSocket, "opening a WebSocket"))
    }
}

impl CodeEngine for Absent {
    fn compile(&self, _module: &[u8]) -> Result<CodeId, HostError> {
        Err(HostError::unsupported(Capability::Code, "compiling generated code"))
    }

    fn run(&self, _code: CodeId, _argument: u32) -> Result<u64, HostError> {
        Err(HostError::unsupported(Capability::Code, "running generated code"))
    }

    fn release(&self, _code: CodeId) -> Result<(), HostError> {
        Err(HostError::unsupported(Capability::Code, "releasing generated code"))
    }
}

/// What [`Absent`] would have made: a type without values.
#[derive(Debug)]
pub enum Nothing {}

impl AsyncRead for Nothing {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }
}

impl AsyncWrite for Nothing {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl Listener for Nothing {
    type Stream = Self;

    fn local_address(&self) -> SocketAddr {
        match *self {}
    }

    async fn accept(&self) -> Result<(Self, SocketAddr), HostError> {
        match *self {}
    }
}

impl WebSocket for Nothing {
    fn protocol(&self) -> Option<&str> {
        match *self {}
    }

    async fn send(&self, _message: Message) -> Result<(), HostError> {
        match *self {}
    }

    async fn receive(&self) -> Result<Option<Message>, HostError> {
        match *self {}
    }

    fn closed(&self) -> Option<Closed> {
        match *self {}
    }

    async fn close(&self, _code: u16, _reason: &str) -> Result<(), HostError> {
        match *self {}
    }
}
