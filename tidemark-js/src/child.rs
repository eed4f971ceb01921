//! A started program: its streams, a chunk at a time, and its end.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::{Either, FutureExt, Shared, select};
use futures::lock::Mutex;
use js_sys::{Object, Promise, Reflect, Uint8Array};
use tidemark_sdk::{Child, ChildOutput, ChildStdin, WriteError};
use wasm_bindgen::prelude::*;

use crate::error::{gone_error, js_error};
use crate::promise::promise;

/// A started program. Calls on one stream are served in the order they were made.
#[wasm_bindgen]
pub struct JsChild {
    child: Rc<Child>,
    stdin: Rc<Mutex<Option<ChildStdin>>>,
    stdout: Rc<Output>,
    stderr: Rc<Output>,
}

/// Standard output or error. Closing it ends a read that is waiting.
struct Output {
    reader: Mutex<Option<ChildOutput>>,
    close: RefCell<Option<oneshot::Sender<()>>>,
    closed: Shared<oneshot::Receiver<()>>,
}

impl Output {
    fn new(reader: Option<ChildOutput>) -> Rc<Self> {
        let (close, closed) = oneshot::channel();
        let close = RefCell::new(Some(close));
        Rc::new(Self { reader: Mutex::new(reader), close, closed: closed.shared() })
    }

    /// The next bytes; none at the end or once it is closed.
    async fn read(&self) -> Result<Option<Uint8Array>, JsValue> {
        let mut reader = self.reader.lock().await;
        let Some(open) = reader.as_mut() else { return Ok(None) };
        let read = match select(Box::pin(open.read()), self.closed.clone()).await {
            Either::Left((read, _)) => read.map_err(|gone| gone_error(&gone))?,
            Either::Right(_) => Default::default(),
        };
        if read.is_empty() {
            *reader = None;
            return Ok(None);
        }
        Ok(Some(Uint8Array::from(&read[..])))
    }
}

impl JsChild {
    pub(crate) fn new(mut child: Child) -> Self {
        Self {
            stdin: Rc::new(Mutex::new(child.stdin.take())),
            stdout: Output::new(child.stdout.take()),
            stderr: Output::new(child.stderr.take()),
            child: Rc::new(child),
        }
    }

    fn output(&self, fd: u8) -> Rc<Output> {
        Rc::clone(if fd == 2 { &self.stderr } else { &self.stdout })
    }
}

#[wasm_bindgen]
impl JsChild {
    /// Its process id in the guest.
    #[wasm_bindgen(getter)]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Promises the next bytes of standard output (1) or error (2), `undefined` at the end.
    pub fn read(&self, fd: u8) -> Promise {
        let output = self.output(fd);
        promise(async move { output.read().await })
    }

    /// Closes standard output (1) or error (2): the program gets `SIGPIPE` when it writes there.
    #[wasm_bindgen(js_name = closeOutput)]
    pub fn close_output(&self, fd: u8) -> Promise {
        let output = self.output(fd);
        promise(async move {
            output.close.take();
            *output.reader.lock().await = None;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Writes all of `bytes` to standard input; the promise waits while the pipe is full, and is rejected with a
    /// `ClosedError` when nobody can read them.
    pub fn write(&self, bytes: &Uint8Array) -> Promise {
        let (stdin, bytes) = (Rc::clone(&self.stdin), bytes.to_vec());
        promise(async move {
            let mut stdin = stdin.lock().await;
            let closed = WriteError::Closed { taken: 0 };
            let written = match stdin.as_mut() {
                Some(stdin) => stdin.write_all(bytes).await,
                None => Err(closed),
            };
            written.map(|()| JsValue::UNDEFINED).map_err(|error| match error {
                WriteError::Gone(gone) => gone_error(&gone),
                error => js_error("ClosedError", &error),
            })
        })
    }

    /// Closes standard input once what was written before has gone into the pipe.
    #[wasm_bindgen(js_name = closeInput)]
    pub fn close_input(&self) -> Promise {
        let stdin = Rc::clone(&self.stdin);
        promise(async move {
            *stdin.lock().await = None;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Promises `{ code, signal }` when it has ended: one of them a number, the other `null`.
    pub fn wait(&self) -> Promise {
        let child = Rc::clone(&self.child);
        promise(async move {
            let status = child.wait().await.map_err(|gone| gone_error(&gone))?;
            let ended = Object::new();
            for (name, value) in [("code", status.code()), ("signal", status.signal())] {
                Reflect::set(&ended, &name.into(), &value.map_or(JsValue::NULL, JsValue::from))?;
            }
            Ok(JsValue::from(ended))
        })
    }

    /// Sends it a signal by number.
    pub fn signal(&self, number: u8) -> Promise {
        let child = Rc::clone(&self.child);
        promise(async move {
            child.signal(number).await.map_err(|error| js_error("SignalError", &error))?;
            Ok(JsValue::UNDEFINED)
        })
    }
}
