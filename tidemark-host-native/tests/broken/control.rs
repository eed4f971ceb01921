//! Broken control event loops.

use tidemark_host::{Control, ControlFuture, ControlTask, HostError, OnEnd, WorkerEnd};
use tidemark_host_native::{NativeControl, NativeFetch, NativeSockets};

use crate::fails;
use crate::patched::{Patched, PatchedControl};

#[derive(Clone)]
struct Broken {
    control: NativeControl,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    CallsPanicsExits,
    TellsTheEndFirst,
    ForgetsTasks,
}

impl Control for Broken {
    type Fetch = NativeFetch;
    type Sockets = NativeSockets;

    fn start(&self, task: ControlTask<NativeFetch, NativeSockets>, on_end: OnEnd) -> Result<(), HostError> {
        match self.how {
            How::CallsPanicsExits => self.control.start(
                task,
                Box::new(move |end| {
                    on_end(match end {
                        WorkerEnd::Panicked { .. } => WorkerEnd::Exited,
                        end => end,
                    })
                }),
            ),
            How::TellsTheEndFirst if !is_the_suite() => {
                on_end(WorkerEnd::Exited);
                self.control.start(task, Box::new(|_| ()))
            }
            How::ForgetsTasks if !is_the_suite() => {
                drop(task);
                self.control.start(Box::new(|_| -> ControlFuture { Box::pin(async {}) }), on_end)
            }
            _ => self.control.start(task, on_end),
        }
    }
}

/// Whether the suite itself is being started: from the test's thread, not from the host's.
fn is_the_suite() -> bool {
    !std::thread::current().name().is_some_and(|name| name.starts_with("tidemark"))
}

fn host(how: How) -> PatchedControl<Broken> {
    Patched::with_control(|control| Broken { control, how })
}

#[test]
fn calling_a_task_s_panic_an_exit() {
    fails(&host(How::CallsPanicsExits), "control: a task's panic ends that task only");
}

#[test]
fn telling_a_task_s_end_before_it_ran() {
    fails(&host(How::TellsTheEndFirst), "control: a task runs to its end, which is told");
}

#[test]
fn forgetting_tasks() {
    fails(&host(How::ForgetsTasks), "control: tasks take turns");
}
