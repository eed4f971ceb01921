//! An HTTP server on the loopback interface: serves files from memory, notes what was asked for, and can
//! misbehave.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is served under a path.
#[derive(Clone, Debug)]
pub enum Served {
    /// A file.
    File(Vec<u8>),
    /// A file of which each transfer breaks off half-way, whatever part is asked for.
    BrokenOff(Vec<u8>),
    /// A file whose first transfer breaks off half-way; the server gives parts of it after that.
    BrokenOnce(Vec<u8>),
}

/// A server that lives as long as the process.
pub struct Server {
    /// Its base URL, `http://127.0.0.1:PORT/debian`.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Served>,
    requests: Vec<String>,
    /// The `Range` headers among them.
    ranges: Vec<String>,
}

impl Server {
    /// Starts serving `files`, by paths below the base.
    pub fn start(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let files = files.into_iter().map(|(path, bytes)| (path, Served::File(bytes))).collect();
        let state = Arc::new(Mutex::new(State { files, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is no concern of the server's.
                thread::spawn(move || serve(connection, &state));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/debian"), state }
    }

    /// Serves something else under a path.
    pub fn replace(&self, path: &str, served: Served) {
        let mut state = self.state.lock().expect("not poisoned");
        assert!(state.files.insert(path.to_owned(), served).is_some(), "nothing at {path} to replace");
    }

    /// Serves these files instead of all others.
    pub fn replace_all(&self, files: BTreeMap<String, Vec<u8>>) {
        let files = files.into_iter().map(|(path, bytes)| (path, Served::File(bytes))).collect();
        self.state.lock().expect("not poisoned").files = files;
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        let mut state = self.state.lock().expect("not poisoned");
        assert!(state.files.remove(path).is_some(), "nothing at {path} to remove");
    }

    /// The parts that were asked for since the last call, in order, as `bytes=5-`.
    pub fn take_ranges(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("not poisoned").ranges)
    }

    /// What was asked for since the last call, in order.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("not poisoned").requests)
    }
}

fn serve(connection: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut range = None;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("range")
            {
                range = Some(value.trim().to_owned());
            }
            header.clear();
        }
        let path =
            request.split(' ').nth(1).and_then(|path| path.strip_prefix("/debian/")).unwrap_or_default();
        let served = {
            let mut state = state.lock().expect("not poisoned");
            state.requests.push(path.to_owned());
            state.ranges.extend(range.clone());
            let served = state.files.get(path).cloned();
            if let Some(Served::BrokenOnce(bytes)) = &served {
                state.files.insert(path.to_owned(), Served::File(bytes.clone()));
            }
            served
        };
        let start =
            range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match served {
            None => write!(writer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
            Some(Served::File(bytes)) => match start {
                Some(start) if start < bytes.len() => {
                    let (rest, last, len) = (bytes.len() - start, bytes.len() - 1, bytes.len());
                    write!(
                        writer,
                        "HTTP/1.1 206 Partial Content\r\nContent-Length: {rest}\r\nContent-Range: bytes \
                         {start}-{last}/{len}\r\n\r\n"
                    )?;
                    writer.write_all(&bytes[start..])?;
                }
                Some(_) => {
                    write!(writer, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n")?;
                }
                None => {
                    write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
                    writer.write_all(&bytes)?;
                }
            },
            Some(Served::BrokenOff(bytes) | Served::BrokenOnce(bytes)) => {
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
                return writer.write_all(&bytes[..bytes.len() / 2]);
            }
        }
    }
}
