//! Runs the conformance suite's peer until its standard input ends, for hosts that are judged in another process.
//!
//! Prints the peer's addresses as one line of JSON (`PeerAddresses`).

use std::io::{self, Read as _, Write as _};

use tidemark_host::conformance::peer::Peer;

fn main() -> io::Result<()> {
    let peer = Peer::start()?;
    let mut out = io::stdout();
    serde_json::to_writer(&out, peer.addresses())?;
    writeln!(out)?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
