//! Checks of [`Sockets`]' TCP: bytes arrive in order, each direction ends on its own, what breaks is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::{join, join_all};
use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

use super::generate::for_all;
use super::net::{Told, UNDER_WAY_BYTES, fails_with};
use super::pattern::{self, Checker};
use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::{Capability, Clock, Destination, ErrorKind, Host, HostError, Listener, Sockets};

/// Connections that are open at once.
const CONNECTIONS: usize = 1_000;

/// What is written at a time where that does not matter, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) async fn check<H: Host>(suite: &Suite<H>, sockets: &impl Sockets, progress: &Progress) {
    let tcp = &Tcp { suite, sockets };
    if suite.host.capabilities().has(Capability::TcpConnect) {
        progress.record("tcp: generated transfers come back as sent", tcp.generated()).await;
        progress.record("tcp: closing the writer leaves the reader open", tcp.closes_writer()).await;
        progress.record("tcp: the peer's half-close leaves the writer open", tcp.peer_closes_writer()).await;
        progress.record("tcp: a reset is an error", tcp.reset()).await;
        progress.record("tcp: a peer that refuses is told", tcp.refused()).await;
        progress.record("tcp: an unreachable address is told", tcp.unreachable()).await;
        progress.record("tcp: a name is resolved", tcp.name()).await;
        progress.record("tcp: bytes that are not read are not taken", tcp.unread()).await;
        progress.record("tcp: bytes are written no faster than they are taken", tcp.unsent()).await;
        progress.record("tcp: dropping a read or a write loses nothing", tcp.drops_futures()).await;
        progress.record("tcp: dropping the stream closes the connection", tcp.drops_stream()).await;
        progress.record("tcp: a thousand connections at once", tcp.thousand()).await;
    }
    if suite.host.capabilities().has(Capability::TcpListen) {
        progress.record("tcp: a listener accepts what connects", tcp.listens()).await;
        progress.record("tcp: dropping an accept loses no connection", tcp.drops_accept()).await;
        progress.record("tcp: dropping a listener stops listening", tcp.drops_listener()).await;
        progress.record("tcp: an address that is taken is told", tcp.address_taken()).await;
    }
}

struct Tcp<'a, H, S> {
    suite: &'a Suite<H>,
    sockets: &'a S,
}

/// How one connection is used: both directions at once.
#[derive(Clone, Debug)]
struct Transfer {
    /// What is written at a time, in bytes.
    writes: Vec<usize>,
    /// The room that reads have, in turn, in bytes.
    reads: Vec<usize>,
    /// Whether what was written is flushed at once.
    flushes: bool,
    seed: u64,
}

fn transfers() -> impl Strategy<Value = Transfer> {
    let length = || prop_oneof![1..10_usize, 1_000..2_000_usize, 60_000..70_000_usize];
    (vec(length(), 0..12), vec(length(), 1..4), any::<bool>(), any::<u64>())
        .prop_map(|(writes, reads, flushes, seed)| Transfer { writes, reads, flushes, seed })
}

impl<H: Host, S: Sockets> Tcp<'_, H, S> {
    async fn generated(&self) -> Result<(), Failure> {
        for_all(self.suite, transfers(), async |transfer: Transfer| {
            let stream = self.open("echo").await?;
            let (mut reader, mut writer) = stream.split();
            let write = async {
                let mut offset = 0;
                for length in &transfer.writes {
                    writer.write_all(&pattern::bytes(transfer.seed, offset, *length)).await?;
                    offset += *length as u64;
                    if transfer.flushes {
                        writer.flush().await?;
                    }
                }
                writer.close().await?;
                Ok::<_, Failure>(offset)
            };
            let read = async {
                let mut checker = Checker::new(transfer.seed);
                for length in transfer.reads.iter().cycle() {
                    let mut room = vec![0; *length];
                    match reader.read(&mut room).await? {
                        0 => break,
                        count => checker.read(&room[..count]).map_err(Failure::new)?,
                    }
                }
                Ok::<_, Failure>(checker.offset())
            };
            let (written, read) = self.suite.within("the transfer ends", join(write, read)).await?;
            let (written, read) = (written?, read?);
            require(written == read, || format!("{written} bytes were sent and {read} came back"))
        })
        .await
    }

    async fn closes_writer(&self) -> Result<(), Failure> {
        let mut stream = self.open("check 5").await?;
        let exchange = async {
            stream.write_all(&pattern::bytes(5, 0, 100_000)).await?;
            stream.close().await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, Failure>(answer)
        };
        let answer = self.suite.within("the peer answers after our FIN", exchange).await??;
        require(answer == "100000", || format!("the peer read 100000 bytes up to our FIN: {answer:?}"))?;
        let after = stream.write(b"more").await;
        require(after.is_err(), || "a write after the close went well".to_owned())
    }

    async fn peer_closes_writer(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let mut stream = self.open(&format!("half-close {name}")).await?;
        let exchange = async {
            let mut word = String::new();
            stream.read_to_string(&mut word).await?;
            require(word == "bye", || format!("{word:?} came before the peer's FIN"))?;
            stream.write_all(&[b'.'; 50_000]).await?;
            stream.close().await?;
            Ok::<_, Failure>(())
        };
        self.suite.within("both directions end", exchange).await??;
        let told = self.until_told(&name, "the peer reads to the end", |told| told.end.is_some()).await?;
        require(told.received == 50_000, || {
            format!("after its FIN the peer read {} of 50000 bytes", told.received)
        })
    }

    async fn reset(&self) -> Result<(), Failure> {
        let mut stream = self.open("cut").await?;
        let exchange = async {
            let mut word = [0; 5];
            stream.read_exact(&mut word).await?;
            stream.write_all(b"!").await?;
            stream.flush().await?;
            Ok::<_, Failure>(stream.read(&mut word).await)
        };
        match self.suite.within("the reset comes", exchange).await?? {
            Ok(count) => Err(Failure::new(format!("after a reset a read answers {count} bytes"))),
            Err(error) => require(error.kind() == std::io::ErrorKind::ConnectionReset, || {
                format!("after a reset a read fails by {error}")
            }),
        }
    }

    async fn refused(&self) -> Result<(), Failure> {
        let answer = self.connect(Destination::Address(self.suite.peer()?.refused)).await?;
        fails_with("nobody listens", answer, &[ErrorKind::Refused])
    }

    async fn unreachable(&self) -> Result<(), Failure> {
        let answer = self.connect(Destination::Address(self.suite.peer()?.unreachable)).await?;
        fails_with("a broadcast address", answer, &[ErrorKind::Unreachable])
    }

    async fn name(&self) -> Result<(), Failure> {
        let port = self.suite.peer()?.tcp.port();
        // RFC 6761, 6.3: this machine, by IPv4 or IPv6; the peer is at one of them.
        let found = self.connect(Destination::Name { name: "localhost".to_owned(), port }).await?;
        found.map_err(Failure::from).map(drop)?;
        // No resolver has to be asked: no name has an empty label (RFC 1035, 2.3.1).
        let answer = self.connect(Destination::Name { name: "no..such..name".to_owned(), port }).await?;
        fails_with("a name that there is not", answer, &[ErrorKind::NotFound])
    }

    async fn unread(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let mut stream = self.open(&format!("flood {name}")).await?;
        let mut first = [0];
        self.suite.within("the first byte comes", stream.read_exact(&mut first)).await??;
        let sent = self.suite.standstill(async || Ok(self.told(&name).await?.sent)).await?;
        drop(stream);
        require(sent < UNDER_WAY_BYTES, || format!("{sent} bytes were taken that nobody reads"))
    }

    async fn unsent(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let mut stream = self.open(&format!("stall {name}")).await?;
        let chunk = vec![b'~'; CHUNK_BYTES];
        let written = std::cell::Cell::new(0);
        let write = pin!(async {
            loop {
                match stream.write(&chunk).await {
                    Ok(count) => written.set(written.get() + count as u64),
                    Err(error) => return error,
                }
                if written.get() >= 4 * UNDER_WAY_BYTES {
                    std::future::pending::<()>().await;
                }
            }
        });
        let standstill = pin!(self.suite.standstill(async || Ok(written.get())));
        let written = match futures_util::future::select(write, standstill).await {
            futures_util::future::Either::Left((error, _)) => return Err(error.into()),
            futures_util::future::Either::Right((written, _)) => written?,
        };
        require(written < UNDER_WAY_BYTES, || {
            format!("{written} bytes were written to a peer that reads nothing")
        })
    }

    async fn drops_futures(&self) -> Result<(), Failure> {
        let mut stream = self.open("echo").await?;
        let sent = pattern::bytes(9, 0, 2 << 20);
        let (mut offset, mut checker) = (0, Checker::new(9));
        let patience_ends = self.suite.patience_ends();
        // Every read and write is looked at once and dropped, whatever came of it.
        while (checker.offset() as usize) < sent.len() {
            let mut room = vec![0; 10_000];
            if let Poll::Ready(count) =
                once(|context| Pin::new(&mut stream).poll_read(context, &mut room)).await
            {
                let count = count?;
                require(count > 0, || "the peer's direction ended early".to_owned())?;
                checker.read(&room[..count]).map_err(Failure::new)?;
            }
            if offset < sent.len() {
                let rest = &sent[offset..sent.len().min(offset + 30_000)];
                match once(|context| Pin::new(&mut stream).poll_write(context, rest)).await {
                    Poll::Ready(count) => offset += count?,
                    Poll::Pending => self.suite.pause(std::time::Duration::from_micros(100)).await,
                }
            } else {
                self.suite.pause(std::time::Duration::from_micros(100)).await;
            }
            require(self.suite.host.clock().monotonic() < patience_ends, || {
                format!("of {} bytes, {offset} were sent and {} came back", sent.len(), checker.offset())
            })?;
        }
        Ok(())
    }

    async fn drops_stream(&self) -> Result<(), Failure> {
        let name = self.suite.exchange_name();
        let stream = self.open(&format!("hold {name}")).await?;
        self.until_told(&name, "the connection reaches the peer", |told| told.begun).await?;
        drop(stream);
        let told = self.until_told(&name, "the peer sees the end", |told| told.end.is_some()).await?;
        require(told.end.as_deref() == Some("closed"), || {
            format!("a dropped stream's connection: {}", told.end.unwrap_or_default())
        })
    }

    async fn thousand(&self) -> Result<(), Failure> {
        let opened = join_all((0..CONNECTIONS).map(|_| self.open("echo"))).await;
        let mut streams: Vec<_> = opened.into_iter().collect::<Result<_, _>>()?;
        let talk = streams.iter_mut().enumerate().map(async |(number, stream)| {
            let (word, mut answer) = (format!("{number:04}"), [0; 4]);
            stream.write_all(word.as_bytes()).await?;
            stream.flush().await?;
            stream.read_exact(&mut answer).await?;
            require(answer == *word.as_bytes(), || format!("connection {number} answers {answer:?}"))
        });
        let answers = self.suite.within("all connections answer", join_all(talk)).await?;
        answers.into_iter().collect()
    }

    async fn listens(&self) -> Result<(), Failure> {
        let listener = self.listen(0).await?;
        let address = listener.local_address();
        let is_chosen = address.port() != 0 && address.ip() == Ipv4Addr::LOCALHOST;
        require(is_chosen, || format!("listening at port 0 of 127.0.0.1, it says {address}"))?;
        if !self.suite.host.capabilities().has(Capability::TcpConnect) {
            return Ok(());
        }
        for number in 0..3_u8 {
            let connecting = self.sockets.connect(Destination::Address(address));
            let both = self.suite.within("a connection is accepted", join(connecting, listener.accept()));
            let (near, far) = both.await?;
            let (mut near, (mut far, _)) = (near?, far?);
            let exchange = async {
                near.write_all(&[number]).await?;
                near.close().await?;
                let mut came = Vec::new();
                far.read_to_end(&mut came).await?;
                far.write_all(&[number + 100]).await?;
                far.close().await?;
                near.read_to_end(&mut came).await?;
                Ok::<_, Failure>(came)
            };
            let came = self.suite.within("both directions work", exchange).await??;
            require(came == [number, number + 100], || format!("connection {number}: {came:?} came"))?;
        }
        Ok(())
    }

    async fn drops_accept(&self) -> Result<(), Failure> {
        if !self.suite.host.capabilities().has(Capability::TcpConnect) {
            return Ok(());
        }
        let listener = self.listen(0).await?;
        let address = listener.local_address();
        let mut near = Vec::new();
        for number in 0..8_u8 {
            {
                let mut dropped = pin!(listener.accept());
                let looked_at = once(|context| dropped.as_mut().poll(context)).await;
                require(looked_at.is_pending(), || "a connection that nobody made was accepted".to_owned())?;
            }
            let mut stream = self.connect(Destination::Address(address)).await??;
            self.suite.within("a byte is sent", stream.write_all(&[number])).await??;
            near.push(stream);
            let mut far = match once(|context| pin!(listener.accept()).poll(context)).await {
                Poll::Ready(accepted) => accepted?.0,
                // Dropped once more, perhaps in the midst of it.
                Poll::Pending => self.suite.within("the connection is accepted", listener.accept()).await??.0,
            };
            let mut came = [u8::MAX];
            self.suite.within("the byte comes", far.read_exact(&mut came)).await??;
            require(came == [number], || format!("connection {number} was lost; {came:?} came"))?;
        }
        Ok(())
    }

    async fn drops_listener(&self) -> Result<(), Failure> {
        let listener = self.listen(0).await?;
        let address = listener.local_address();
        drop(listener);
        if self.suite.host.capabilities().has(Capability::TcpConnect) {
            let answer = self.connect(Destination::Address(address)).await?;
            fails_with("the listener is dropped", answer, &[ErrorKind::Refused])?;
        }
        self.listen(address.port()).await.map(drop)
    }

    async fn address_taken(&self) -> Result<(), Failure> {
        let listener = self.listen(0).await?;
        let again = self.sockets.listen(listener.local_address()).await;
        fails_with("listening twice", again, &[ErrorKind::AddressUnavailable])?;
        // TEST-NET-1 (RFC 5737): nobody's address.
        let foreign = self.sockets.listen(SocketAddr::from(([192, 0, 2, 1], 0))).await;
        fails_with("listening at somebody else's address", foreign, &[ErrorKind::AddressUnavailable])
    }

    /// A connection to the peer, which was told what to do.
    async fn open(&self, command: &str) -> Result<S::Stream, Failure> {
        let mut stream = self.connect(Destination::Address(self.suite.peer()?.tcp)).await??;
        let send = async {
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            stream.flush().await
        };
        self.suite.within("the command is sent", send).await??;
        Ok(stream)
    }

    async fn connect(&self, to: Destination) -> Result<Result<S::Stream, HostError>, Failure> {
        self.suite.within("connecting ends", self.sockets.connect(to)).await
    }

    async fn listen(&self, port: u16) -> Result<S::Listener, Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(self.suite.within("listening begins", self.sockets.listen(address)).await??)
    }

    /// What the peer saw of a connection.
    async fn told(&self, name: &str) -> Result<Told, Failure> {
        let mut stream = self.open(&format!("seen {name}")).await?;
        let mut text = String::new();
        self.suite.within("the peer's account comes", stream.read_to_string(&mut text)).await??;
        text.parse()
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

/// Looks at something once, on behalf of the suite's task.
async fn once<T>(mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>) -> Poll<T> {
    std::future::poll_fn(|context| Poll::Ready(poll(context))).await
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("a TCP connection failed: {error}"))
    }
}
