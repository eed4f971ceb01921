//! Properties of streams: order, and what open files do to their pieces.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::transfer::{Outgoing, Taking};
use crate::fs::flags::OpenFlags;
use crate::fs::testing::Bench;
use crate::mem::io::IoSink;
use crate::net::socket::{Kind, Sender, Ucred};

const SENDER: Sender = Sender { ids: Ucred { pid: 1, uid: 2, gid: 3 }, process: None };

proptest! {
    /// Bytes arrive in order; files of one message come with its first byte, and nothing of a later message with them.
    #[test]
    fn files_keep_their_place(ops in prop::collection::vec((any::<bool>(), 1usize..40, any::<bool>()), 1..60)) {
        let mut bench = Bench::new();
        let before = bench.frames.usage().used;
        bench.with(|fs, who, env, _| {
            let one = fs.new_socket(Kind::Stream, who.creds).unwrap();
            let other = fs.new_socket(Kind::Stream, who.creds).unwrap();
            let files = [one, other].map(|id| fs.open_socket(id, OpenFlags(0), env).unwrap());
            let keys = (fs.sockets.key(one).unwrap(), fs.sockets.key(other).unwrap());
            for (id, peer) in [(one, keys.1), (other, keys.0)] {
                let unix = fs.sockets.get_mut(id).unwrap().unix_mut();
                (unix.peer, unix.state) = (Some(peer), super::State::Connected);
            }
            // Each byte that was sent, and whether files come with it.
            let mut model: VecDeque<(u8, bool)> = VecDeque::new();
            let mut next = 0u8;
            for (sends, len, with_file) in ops {
                if sends {
                    let data: Vec<u8> = (0..len).map(|_| { next = next.wrapping_add(1); next }).collect();
                    model.extend(data.iter().enumerate().map(|(at, byte)| (*byte, with_file && at == 0)));
                    let rights = if with_file { vec![files[0]] } else { Vec::new() };
                    let rights = fs.hold_rights(rights, 0, u64::MAX).unwrap();
                    let outgoing = Outgoing { data, by: SENDER, rights, urgent: false };
                    fs.sockets.deliver(one, other, outgoing, env).unwrap();
                    continue;
                }
                let mut buffer = vec![0; len];
                let mut sink = IoSink::Kernel { ram: env.frames.ram(), buffer: &mut buffer };
                let how = Taking::default();
                let piece = fs.sockets.take_stream(other, &mut sink, how, env).unwrap();
                let taken: Vec<(u8, bool)> = model.drain(..piece.count).collect();
                prop_assert!(taken.iter().map(|(byte, _)| byte).eq(&buffer[..piece.count]));
                let had = taken.iter().filter(|(_, with_file)| *with_file).count();
                prop_assert!(had <= 1, "files of two messages came together");
                let rights = piece.envelope.map(|envelope| envelope.rights).unwrap_or_default();
                prop_assert_eq!(rights.files.len(), had);
                fs.discard(other, rights);
            }
            files.into_iter().for_each(|file| fs.release(file));
            while fs.end_released(env) {}
            prop_assert_eq!(fs.sockets.iter().count(), 0, "circles end too");
            Ok(())
        })?;
        prop_assert_eq!(bench.frames.usage().used, before, "nothing is counted any more");
    }
}
