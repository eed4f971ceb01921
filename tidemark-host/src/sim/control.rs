//! The control event loop of a simulated world: tasks that the driver polls among the workers' turns.

use std::sync::{Arc, OnceLock};

use super::shared::{Job, Shared};
use crate::absent::Absent;
use crate::control::{Control, ControlTask};
use crate::end_report::EndReport;
use crate::error::{ErrorKind, HostError};
use crate::workers::OnEnd;

/// The way to the loop.
#[derive(Clone, Debug)]
pub struct SimControl(pub(super) Arc<Shared>);

impl Control for SimControl {
    type Fetch = Absent;
    type Sockets = Absent;

    fn start(&self, task: ControlTask<Absent, Absent>, on_end: OnEnd) -> Result<(), HostError> {
        self.0.with(|state| {
            if state.over {
                return Err(HostError::new(ErrorKind::Closed, "starting a control task"));
            }
            let id = state.next_actor();
            let report = EndReport::new(Arc::new(OnceLock::new()), on_end);
            state.started.push((id, Job::Task { task, report }));
            Ok(())
        })
    }
}
