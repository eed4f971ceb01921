//! A sandbox: what it is made of, and starting programs in it.

use js_sys::{Promise, Uint8Array};
use tidemark_host_node::NodeHost;
use tidemark_sdk::{Config, SpawnError, Stdio, Tidemark};
use wasm_bindgen::prelude::*;

use crate::child::JsChild;
use crate::error::{gone_error, js_error, plain_error};
use crate::layers::with_layer;
use crate::promise::promise;

/// What a sandbox is to be made of.
#[wasm_bindgen]
#[derive(Default)]
pub struct SandboxConfig(Config);

#[wasm_bindgen]
impl SandboxConfig {
    /// A guest without files.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer on top of those there are: a layer file or a tar archive. `name` is what errors call it.
    ///
    /// # Errors
    /// `LayerError` for what is neither.
    #[wasm_bindgen(js_name = addLayer)]
    pub fn add_layer(&mut self, bytes: &Uint8Array, name: &str) -> Result<(), JsValue> {
        self.0 = with_layer(self.0.clone(), bytes.to_vec(), name)?;
        Ok(())
    }

    /// Sets how many workers run guest threads.
    #[wasm_bindgen(js_name = setWorkers)]
    pub fn set_workers(&mut self, count: u16) {
        self.0 = self.0.clone().workers(count);
    }

    /// Sets the guest's host name.
    #[wasm_bindgen(js_name = setHostname)]
    pub fn set_hostname(&mut self, name: String) {
        self.0 = self.0.clone().hostname(name);
    }
}

/// One sandbox.
#[wasm_bindgen]
pub struct Sandbox(Tidemark);

#[wasm_bindgen]
impl Sandbox {
    /// Makes a sandbox.
    ///
    /// # Errors
    /// `StartError`.
    pub fn create(config: SandboxConfig) -> Result<Sandbox, JsValue> {
        let host = NodeHost::current().ok_or_else(|| plain_error("TypeError", "the host was not started"))?;
        Tidemark::create(host, config.0).map(Self).map_err(|error| js_error("StartError", &error))
    }

    /// Starts a program: promises a `JsChild`. `env` has `NAME=value` each and replaces the environment if given;
    /// `no_stdin` gives it the end of the file as its input.
    ///
    /// # Errors
    /// The promise is rejected with a `SpawnError`, `ShutDownError` or `CrashedError`.
    pub fn spawn(
        &self,
        argv: Vec<String>,
        env: Option<Vec<String>>,
        cwd: Option<String>,
        no_stdin: bool,
    ) -> Promise {
        let Some((program, args)) = argv.split_first() else {
            return Promise::reject(&plain_error("TypeError", "no program"));
        };
        let mut command = self.0.command(program);
        command.args(args);
        if let Some(env) = env {
            command.env_clear();
            for variable in &env {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                command.env(name, value);
            }
        }
        if let Some(cwd) = cwd {
            command.current_dir(cwd);
        }
        if no_stdin {
            command.stdin(Stdio::null());
        }
        promise(async move {
            command.spawn().await.map(JsChild::new).map_err(|error| match error {
                SpawnError::Gone(gone) => gone_error(&gone),
                error => js_error("SpawnError", &error),
            })
        })
    }

    /// Ends the sandbox and everything in it.
    pub fn shutdown(&self) -> Promise {
        let tidemark = self.0.clone();
        promise(async move {
            tidemark.shutdown().await;
            Ok(JsValue::UNDEFINED)
        })
    }
}
