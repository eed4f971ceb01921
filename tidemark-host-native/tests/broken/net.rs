//! The control event loop with broken fetch and sockets.

use tidemark_host::{Control, ControlSide, ControlTask, HostError, OnEnd};
use tidemark_host_native::NativeControl;

use crate::fetch::{BrokenFetch, How as FetchHow};
use crate::patched::{Patched, PatchedControl};
use crate::tcp::{BrokenSockets, How as TcpHow};
use crate::web_socket::How as WebSocketHow;

/// What is broken; nothing by default.
#[derive(Clone, Copy, Default)]
pub(crate) struct How {
    pub(crate) fetch: Option<FetchHow>,
    pub(crate) tcp: Option<TcpHow>,
    pub(crate) web_socket: Option<WebSocketHow>,
}

#[derive(Clone)]
pub(crate) struct NetControl {
    control: NativeControl,
    how: How,
}

impl Control for NetControl {
    type Fetch = BrokenFetch;
    type Sockets = BrokenSockets;

    fn start(&self, task: ControlTask<BrokenFetch, BrokenSockets>, on_end: OnEnd) -> Result<(), HostError> {
        let how = self.how;
        let broken = Box::new(move |side: ControlSide<_, _>| {
            let fetch = BrokenFetch::new(side.fetch, how.fetch);
            let sockets = BrokenSockets { sockets: side.sockets, tcp: how.tcp, web_socket: how.web_socket };
            task(ControlSide::new(fetch, sockets))
        });
        self.control.start(broken, on_end)
    }
}

pub(crate) fn host(how: How) -> PatchedControl<NetControl> {
    Patched::with_control(|control| NetControl { control, how })
}

/// Otherwise the failures of broken fetch and sockets would come from their wrappers.
#[test]
fn wrappers_that_break_nothing_conform() {
    use tidemark_host::conformance::{Options, Part, judge};
    let host = host(How::default());
    for part in [Part::Fetch, Part::WebSocket, Part::Tcp] {
        let report = judge(&host, Options { part: Some(part), ..crate::options() });
        assert!(report.is_success(), "{report}");
    }
}
