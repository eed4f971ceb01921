//! Workers of a simulated world: entries whose turns the driver takes in an order of its choice.

use std::sync::{Arc, OnceLock};

use super::shared::{Job, Shared};
use crate::end_report::EndReport;
use crate::error::{ErrorKind, HostError};
use crate::workers::{OnEnd, Role, Turn, WorkerEnd, WorkerHandle, WorkerId, Workers};

/// The workers of a simulated world.
#[derive(Clone, Debug)]
pub struct SimWorkers(pub(super) Arc<Shared>);

impl Workers for SimWorkers {
    type Handle = SimWorker;

    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<SimWorker, HostError> {
        let faults = self.0.config.faults;
        let refused = |why: &'static str| {
            HostError::new(ErrorKind::Exhausted, format!("starting a {} worker", role.name()))
                .with_source(why)
        };
        let end = Arc::new(OnceLock::new());
        let report = |end| EndReport::new(end, on_end);
        let (id, lost) = self.0.with(|state| {
            if state.over || state.workers_dice.happens(faults.refused_workers) {
                return Err(refused("the simulation refuses it"));
            }
            Ok((state.next_actor(), state.workers_dice.happens(faults.lost_workers)))
        })?;
        let report = report(Arc::clone(&end));
        if lost {
            drop(entry);
            report.send(WorkerEnd::Lost { reason: "the simulation took it away".to_owned() });
        } else {
            let job = Job::Worker { name: role.name(), entry, report };
            self.0.with(|state| state.started.push((id, job)));
        }
        Ok(SimWorker { id: WorkerId::from_raw(id.0), end })
    }

    fn start_ahead(&self, _role: Role, _count: usize) -> Result<(), HostError> {
        Ok(())
    }
}

/// One started worker.
#[derive(Debug)]
pub struct SimWorker {
    id: WorkerId,
    end: Arc<OnceLock<WorkerEnd>>,
}

impl WorkerHandle for SimWorker {
    fn id(&self) -> WorkerId {
        self.id
    }

    fn end(&self) -> Option<WorkerEnd> {
        self.end.get().cloned()
    }
}
