//! Checks of [`WebSocket`]: messages arrive whole and in order, closes are told on both sides, what breaks is told.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, join, select};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

use super::generate::for_all;
use super::net::{Told, UNDER_WAY_BYTES, fails_with};
use super::pattern;
use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::{Capability, Clock, Closed, ErrorKind, Host, HostError, Message, Sockets, WebSocket};

/// The size of the largest messages, in bytes.
const LARGE_BYTES: usize = 16 << 20;

const CHUNK_BYTES: usize = 64 << 10;

pub(super) async fn check<H: Host>(suite: &Suite<H>, sockets: &impl Sockets, progress: &Progress) {
    if !suite.host.capabilities().has(Capability::WebSocket) {
        return;
    }
    let ws = &Judge { suite, sockets };
    progress.record("web socket: generated messages come back as sent", ws.generated()).await;
    progress.record("web socket: messages of 16 MiB", ws.large()).await;
    progress.record("web socket: fragments are put together", ws.fragments()).await;
    progress.record("web socket: pings are answered", ws.pings()).await;
    progress.record("web socket: the server's choice of subprotocol is told", ws.protocols()).await;
    progress.record("web socket: the close code reaches the peer", ws.close_reaches()).await;
    progress.record("web socket: the peer's close code is told", ws.close_told()).await;
    progress
        .record("web socket: close codes that are not the caller's are refused", ws.close_refused())
        .await;
    progress.record("web socket: after the close nothing is sent", ws.closed()).await;
    progress.record("web socket: messages that are not received are not read ahead", ws.unread()).await;
    progress.record("web socket: messages are sent no faster than they are taken", ws.unsent()).await;
    progress.record("web socket: dropping a receive loses no message", ws.drops_receive()).await;
    progress.record("web socket: dropping it closes the connection", ws.drops()).await;
    progress.record("web socket: a connection that breaks is an error", ws.breaks()).await;
    progress.record("web socket: frames that break the protocol are errors", ws.bad_frames()).await;
    progress.record("web socket: handshakes that fail are errors", ws.bad_handshakes()).await;
    progress.record("web socket: a peer that refuses is told", ws.refused()).await;
    progress.record("web socket: requests that break the rules are refused", ws.breaks_rules()).await;
}

struct Judge<'a, H, S> {
    suite: &'a Suite<H>,
    sockets: &'a S,
}

/// A generated message.
#[derive(Clone, Debug)]
enum Sent {
    Text { characters: usize },
    Binary { bytes: usize, seed: u64 },
}

impl Sent {
    fn message(&self) -> Message {
        match *self {
            // Of one, two, three and four bytes in UTF-8.
            Self::Text { characters } => Message::Text("aé€😀".chars().cycle().take(characters).collect()),
            Self::Binary { bytes, seed } => Message::Binary(pattern::bytes(seed, 0, bytes)),
        }
    }
}

/// Around the sizes at which a frame's length takes another form (RFC 6455, 5.2).
fn messages() -> impl Strategy<Value = Vec<Sent>> {
    let length = || prop_oneof![0..4_usize, 120..130_usize, 65_530..65_540_usize, 0..5_000_usize];
    let message = prop_oneof![
        length().prop_map(|characters| Sent::Text { characters }),
        (length(), any::<u64>()).prop_map(|(bytes, seed)| Sent::Binary { bytes, seed }),
    ];
    vec(message, 1..10)
}

impl<H: Host, S: Sockets> Judge<'_, H, S> {
    async fn generated(&self) -> Result<(), Failure> {
        for_all(self.suite, messages(), async |messages: Vec<Sent>| {
            let socket = self.open("/echo").await?;
            let send = async {
                for message in &messages {
                    socket.send(message.message()).await?;
                }
                Ok::<_, HostError>(())
            };
            let receive = async {
                for (number, sent) in messages.iter().enumerate() {
                    let came = socket.receive().await?;
                    require(came == Some(sent.message()), || {
                        format!("message {number} came back as {}", brief(came.as_ref()))
                    })?;
                }
                Ok::<_, Failure>(())
            };
            let (sent, received) = self.suite.within("all come back", join(send, receive)).await?;
            sent?;
            received?;
            self.suite.within("the connection closes", socket.close(1000, "")).await??;
            Ok(())
        })
        .await
    }

    async fn large(&self) -> Result<(), Failure> {
        let socket = self.open("/echo").await?;
        let binary = Message::Binary(pattern::bytes(4, 0, LARGE_BYTES));
        for message in [binary, Message::Text("x".repeat(LARGE_BYTES))] {
            let both = join(socket.send(message.clone()), socket.receive());
            let (sent, came) = self.suite.within("a large message comes back", both).await?;
            sent?;
            let came = came?;
            require(came.as_ref() == Some(&message), || format!("it came back as {}", brief(came.as_ref())))?;
        }
        Ok(())
    }

    async fn fragments(&self) -> Result<(), Failure> {
        let socket = self.open("/fragments").await?;
        let expected =
            [Message::Text("Grüße, Привет".to_owned()), Message::Binary(Bytes::from_static(&[0, 1, 2, 255]))];
        for expected in expected {
            let came = self.receive(&socket).await??;
            require(came.as_ref() == Some(&expected), || {
                format!("{expected:?} in fragments came as {}", brief(came.as_ref()))
            })?;
        }
        Ok(())
    }

    async fn pings(&self) -> Result<(), Failure> {
        let socket = self.open("/ping").await?;
        let came = self.receive(&socket).await??;
        require(came == Some(Message::Text("polo".to_owned())), || format!("{} came", brief(came.as_ref())))
    }

    async fn protocols(&self) -> Result<(), Failure> {
        let offered = ["first", "second", "third"].map(str::to_owned).to_vec();
        let chosen = self.connect("/protocol", offered).await??;
        require(chosen.protocol() == Some("second"), || {
            format!("\"second\", chosen, is {:?}", chosen.protocol())
        })?;
        let none = self.open("/echo").await?;
        require(none.protocol().is_none(), || format!("no protocol, chosen, is {:?}", none.protocol()))
    }

    async fn close_reaches(&self) -> Result<(), Failure> {
        let longest = "é".repeat(61) + "!";
        for (code, reason) in [(1000, ""), (3000, "done"), (4999, &*longest)] {
            let name = self.suite.exchange_name();
            let socket = self.open(&format!("/watch?{name}")).await?;
            self.suite.within("the connection closes", socket.close(code, reason)).await??;
            let told = self.until_told(&name, "the peer sees the close", |told| told.end.is_some()).await?;
            let (end, expected) = (told.end.unwrap_or_default(), format!("{code}:{reason}"));
            require(end == expected, || format!("a close of {expected:?} came as {end:?}"))?;
        }
        Ok(())
    }

    async fn close_told(&self) -> Result<(), Failure> {
        let socket = self.open("/close").await?;
        require(socket.closed().is_none(), || "an open connection has been closed".to_owned())?;
        let end = self.receive(&socket).await??;
        require(end.is_none(), || format!("after the peer's close comes {}", brief(end.as_ref())))?;
        let (closed, expected) = (socket.closed(), Some(Closed::new(4321, "enough")));
        require(closed == expected, || format!("the peer closed with {expected:?}, told is {closed:?}"))?;
        let again = self.receive(&socket).await??;
        require(again.is_none(), || format!("after the end comes {}", brief(again.as_ref())))
    }

    async fn close_refused(&self) -> Result<(), Failure> {
        let socket = self.open("/echo").await?;
        let too_long = "x".repeat(124);
        let wrong = [0, 999, 1001, 1005, 1006, 1015, 2999, 5000].map(|code| (code, ""));
        for (code, reason) in wrong.into_iter().chain([(1000, &*too_long)]) {
            let answer = self.suite.within("a close is answered", socket.close(code, reason)).await?;
            fails_with(&format!("closing with {code}"), answer, &[ErrorKind::InvalidInput])?;
        }
        // Nothing was sent: the connection is as it was.
        socket.send(Message::Text("still here".to_owned())).await?;
        let came = self.receive(&socket).await??;
        require(came == Some(Message::Text("still here".to_owned())), || {
            format!("{} came", brief(came.as_ref()))
        })
    }

    async fn closed(&self) -> Result<(), Failure> {
        let socket = self.open("/echo").await?;
        self.suite.within("the connection closes", socket.close(1000, "")).await??;
        let answer =
            self.suite.within("a send is answered", socket.send(Message::Text(String::new()))).await?;
        fails_with("sending after the close", answer, &[ErrorKind::Closed])?;
        let end = self.receive(&socket).await??;
        require(end.is_none(), || format!("after the close comes {}", brief(end.as_ref())))
    }

    async fn unread(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let socket = self.open(&format!("/flood?{name}")).await?;
        let first = self.receive(&socket).await??;
        require(first.is_some(), || "the connection closed before the first message".to_owned())?;
        let sent = self.suite.standstill(async || Ok(self.told(&name).await?.sent)).await?;
        require(sent < UNDER_WAY_BYTES, || format!("{sent} bytes were taken that nobody receives"))
    }

    async fn unsent(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let socket = self.open(&format!("/stall?{name}")).await?;
        let (chunk, sent) = (Bytes::from(vec![b'~'; CHUNK_BYTES]), Cell::new(0));
        let send = pin!(async {
            while sent.get() < 4 * UNDER_WAY_BYTES {
                if let Err(error) = socket.send(Message::Binary(chunk.clone())).await {
                    return error;
                }
                sent.set(sent.get() + chunk.len() as u64);
            }
            std::future::pending().await
        });
        let standstill = pin!(self.suite.standstill(async || Ok(sent.get())));
        let sent = match select(send, standstill).await {
            Either::Left((error, _)) => return Err(error.into()),
            Either::Right((sent, _)) => sent?,
        };
        require(sent < UNDER_WAY_BYTES, || format!("{sent} bytes were sent to a peer that reads nothing"))
    }

    async fn drops_receive(&self) -> Result<(), Failure> {
        let socket = self.open("/count").await?;
        let patience_ends = self.suite.patience_ends();
        for number in 0..200 {
            let came = loop {
                require(self.suite.host.clock().monotonic() < patience_ends, || {
                    format!("message {number} of 200 has not come")
                })?;
                let mut receive = pin!(socket.receive());
                let looked_at =
                    std::future::poll_fn(|context| std::task::Poll::Ready(receive.as_mut().poll(context)));
                match looked_at.await {
                    std::task::Poll::Ready(came) => break came?,
                    // Dropped, and another one asked: every time but the last before it comes.
                    std::task::Poll::Pending if number % 2 == 0 => {
                        self.suite.pause(std::time::Duration::from_micros(50)).await;
                    }
                    std::task::Poll::Pending => break self.suite.within("the next comes", receive).await??,
                }
            };
            let expected = Some(Message::Text(number.to_string()));
            require(came == expected, || format!("message {number} came as {}", brief(came.as_ref())))?;
        }
        Ok(())
    }

    async fn drops(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let socket = self.open(&format!("/watch?{name}")).await?;
        self.until_told(&name, "the connection reaches the peer", |told| told.begun).await?;
        drop(socket);
        self.until_told(&name, "the peer sees the end", |told| told.end.is_some()).await.map(drop)
    }

    async fn breaks(&self) -> Result<(), Failure> {
        for path in ["/vanish", "/cut"] {
            let socket = self.open(path).await?;
            let first = self.receive(&socket).await??;
            require(first.is_some(), || format!("{path}: the end came first"))?;
            socket.send(Message::Text("go".to_owned())).await?;
            fails_with(path, self.receive(&socket).await?, &[ErrorKind::Reset])?;
            let answer = self.suite.within("a send is answered", socket.send(Message::Text(String::new())));
            fails_with("sending when it broke", answer.await?, &[ErrorKind::Reset, ErrorKind::Closed])?;
        }
        Ok(())
    }

    async fn bad_frames(&self) -> Result<(), Failure> {
        for path in ["/bad-text", "/bad-continuation", "/bad-bits"] {
            let socket = self.open(path).await?;
            fails_with(path, self.receive(&socket).await?, &[ErrorKind::Protocol, ErrorKind::Reset])?;
        }
        Ok(())
    }

    async fn bad_handshakes(&self) -> Result<(), Failure> {
        let rude = self.suite.peer()?.rude;
        for path in ["/wrong-key", "/no-upgrade", "/forbidden", "/garbage"] {
            let answer = self.sockets.web_socket(uri(rude, path)?, Vec::new());
            let answer = self.suite.within("the handshake ends", answer).await?;
            fails_with(path, answer, &[ErrorKind::Protocol, ErrorKind::Other])?;
        }
        let answer = self.sockets.web_socket(uri(rude, "/nothing")?, Vec::new());
        let answer = self.suite.within("the handshake ends", answer).await?;
        fails_with("/nothing", answer, &[ErrorKind::Protocol, ErrorKind::Reset, ErrorKind::Other])
    }

    async fn refused(&self) -> Result<(), Failure> {
        let answer = self.sockets.web_socket(uri(self.suite.peer()?.refused, "/")?, Vec::new());
        let answer = self.suite.within("connecting ends", answer).await?;
        fails_with("nobody listens", answer, &[ErrorKind::Refused, ErrorKind::Other])
    }

    async fn breaks_rules(&self) -> Result<(), Failure> {
        let peer = self.suite.peer()?.web_socket;
        let good = uri(peer, "/echo")?;
        let http = format!("http://{peer}/echo").parse::<http::Uri>();
        let relative = http::Uri::from_static("/echo");
        let wrong = [
            ("another scheme", http.map_err(|error| Failure::new(error.to_string()))?, vec![]),
            ("a relative URI", relative, vec![]),
            ("a protocol that is no token", good.clone(), vec!["a b".to_owned()]),
            ("an empty protocol", good.clone(), vec![String::new()]),
            ("a protocol twice", good, vec!["a".to_owned(), "a".to_owned()]),
        ];
        for (what, uri, protocols) in wrong {
            let answer = self.suite.within(what, self.sockets.web_socket(uri, protocols)).await?;
            fails_with(what, answer, &[ErrorKind::InvalidInput])?;
        }
        Ok(())
    }

    async fn open(&self, path: &str) -> Result<S::WebSocket, Failure> {
        Ok(self.connect(path, Vec::new()).await??)
    }

    async fn connect(
        &self,
        path: &str,
        protocols: Vec<String>,
    ) -> Result<Result<S::WebSocket, HostError>, Failure> {
        let uri = uri(self.suite.peer()?.web_socket, path)?;
        self.suite.within("the handshake ends", self.sockets.web_socket(uri, protocols)).await
    }

    async fn receive(&self, socket: &S::WebSocket) -> Result<Result<Option<Message>, HostError>, Failure> {
        self.suite.within("a message comes", socket.receive()).await
    }

    async fn told(&self, name: &str) -> Result<Told, Failure> {
        let socket = self.open(&format!("/seen?{name}")).await?;
        match self.receive(&socket).await?? {
            Some(Message::Text(text)) => text.parse(),
            other => Err(Failure::new(format!("the peer's account is {}", brief(other.as_ref())))),
        }
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

fn uri(of: SocketAddr, path: &str) -> Result<http::Uri, Failure> {
    format!("ws://{of}{path}").parse().map_err(|error| Failure::new(format!("the suite's own URI: {error}")))
}

/// A message in a failure's text.
fn brief(message: Option<&Message>) -> String {
    match message {
        None => "the end".to_owned(),
        Some(Message::Text(text)) if text.len() <= 40 => format!("{text:?}"),
        Some(Message::Text(text)) => format!("text of {} bytes", text.len()),
        Some(Message::Binary(bytes)) => format!("{} bytes", bytes.len()),
    }
}
