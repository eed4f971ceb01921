//! The control event loop: the same rotation. There is neither fetch nor sockets.

use std::sync::{Arc, OnceLock};

use tidemark_host::{Absent, Control, ControlSide, ControlTask, HostError, OnEnd};

use crate::rotation::Rotation;

/// Starts tasks of the rotation.
#[derive(Clone, Debug)]
pub struct RotationControl(Arc<Rotation>);

impl RotationControl {
    /// Tasks in this rotation.
    pub fn new(rotation: Arc<Rotation>) -> Self {
        Self(rotation)
    }
}

impl Control for RotationControl {
    type Fetch = Absent;
    type Sockets = Absent;

    fn start(&self, task: ControlTask<Absent, Absent>, on_end: OnEnd) -> Result<(), HostError> {
        let begin = Box::new(move || task(ControlSide::new(Absent, Absent)));
        self.0.start(begin, Arc::new(OnceLock::new()), on_end).map(drop)
    }
}
