//! A gateway inside the test process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clawdbot_agent::Model;
use clawdbot_config::{Env, Paths};
use clawdbot_gateway::{Builder, Gateway, Listen, Options, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Connect, FakeModel, Peer};

/// The shared secret of every test gateway.
pub const TOKEN: &str = "test-token";
/// A gateway must be gone this long after it was asked to stop.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// A gateway with its own home directory, a free port and a fake model. End a test with
/// [`TestGateway::finish`], which looks for leftovers.
pub struct TestGateway {
    /// The library's handle.
    pub gateway: Gateway,
    /// The model that answers.
    pub model: FakeModel,
    home: Option<TempDir>,
    finished: bool,
}

/// A gateway that has not been started yet: its home, its configuration, its model.
pub struct Setup {
    home: TempDir,
    config: Value,
    options: Options,
    env: Vec<(String, String)>,
    model: FakeModel,
    own: Vec<Arc<dyn Model>>,
}

impl Setup {
    /// A home directory with a usable configuration.
    pub async fn new() -> Self {
        let model = FakeModel::start().await;
        let config = json!({
            "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}},
            "models": {
                "mode": "replace",
                "providers": {"fake": {
                    "baseUrl": model.base_url(),
                    "apiKey": "sk-fake",
                    "api": "openai-completions",
                    "models": [{"id": "fake-model", "name": "Fake", "input": ["text", "image"]}],
                }},
            },
            "agents": {"defaults": {"model": {"primary": "fake/fake-model"}}},
        });
        let options = Options { listen: Listen::Port(0), ..Options::default() };
        let (home, env, own) = (tempfile::tempdir().unwrap(), Vec::new(), Vec::new());
        Self { home, config, options, env, model, own }
    }

    /// Sets one configuration value; `path` is dotted.
    pub fn set(mut self, path: &str, value: Value) -> Self {
        let pointer = format!("/{}", path.replace('.', "/"));
        let mut at = &mut self.config;
        for part in pointer.split('/').skip(1) {
            at = &mut at[part];
        }
        *at = value;
        self
    }

    /// Sets an environment variable of the gateway.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes how the gateway is started.
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Brings along a model, `buggy/…` for example, that no provider serves.
    pub fn model_of_host(mut self, model: Arc<dyn Model>) -> Self {
        self.own.push(model);
        self
    }

    /// The model that will answer.
    pub fn model(&self) -> &FakeModel {
        &self.model
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The state directory, created for the caller to put files into.
    pub fn state(&self) -> PathBuf {
        let paths = paths(self.home.path());
        paths.prepare().unwrap();
        paths.state_dir
    }

    /// Writes the configuration as a person would, comments included.
    pub fn write(&self) {
        let text = format!("// written by hand\n{:#}\n", self.config);
        std::fs::write(self.state().join("clawdbot.json"), text).unwrap();
    }

    /// Starts it.
    pub async fn start(self) -> TestGateway {
        self.write();
        self.start_as_is().await
    }

    /// Starts it with whatever lies in its state directory.
    pub async fn start_as_is(self) -> TestGateway {
        let gateway = self.builder().start().await.unwrap();
        settled(gateway.paths()).await;
        TestGateway { gateway, model: self.model, home: Some(self.home), finished: false }
    }

    /// Tries to start it with whatever lies in its state directory, and answers why that failed.
    pub async fn refusal(&self) -> StartError {
        match self.builder().start().await {
            Err(error) => error,
            Ok(_) => panic!("the gateway started"),
        }
    }

    fn builder(&self) -> Builder {
        let own = [
            ("HOME".to_owned(), self.home.path().to_str().unwrap().to_owned()),
            ("CLAWDBOT_SKIP_PROVIDERS".to_owned(), "1".to_owned()),
        ];
        let env = own.into_iter().chain(self.env.iter().cloned()).collect();
        let builder = Gateway::builder(paths(self.home.path()), env).options(self.options.clone());
        self.own.iter().cloned().fold(builder, Builder::model)
    }
}

impl TestGateway {
    /// Starts one with the usual configuration.
    pub async fn start() -> Self {
        Setup::new().await.start().await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.gateway.status().borrow().address.unwrap()
    }

    /// Its state directory.
    pub fn state(&self) -> &Path {
        &self.gateway.paths().state_dir
    }

    /// Where agents keep their files.
    pub fn workspace(&self) -> PathBuf {
        let dir = self.gateway.paths().workspace_default.clone();
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Opens a socket and reads the challenge.
    pub async fn peer(&self) -> Peer {
        Peer::open(self.address()).await
    }

    /// An admitted generation 4 command-line client with every scope.
    pub async fn v4(&self) -> Peer {
        self.join(Connect::v4()).await
    }

    /// An admitted generation 3 command-line client with every scope.
    pub async fn v3(&self) -> Peer {
        self.join(Connect::v3()).await
    }

    /// An admitted client.
    pub async fn join(&self, connect: Connect) -> Peer {
        let mut peer = self.peer().await;
        peer.connect(connect).await.unwrap();
        peer
    }

    /// Stops the gateway and starts another one on the same files.
    pub async fn restart(self) -> Self {
        self.restart_after(|| ()).await
    }

    /// The same, with something done to the files while nobody uses them.
    pub async fn restart_after(mut self, change: impl FnOnce()) -> Self {
        self.stop().await;
        change();
        let home = self.home.take().unwrap();
        self.finished = true;
        let model = std::mem::replace(&mut self.model, FakeModel::start().await);
        let options = Options { listen: Listen::Port(0), ..Options::default() };
        let gateway =
            Gateway::builder(paths(home.path()), env(home.path())).options(options).start().await;
        Self { gateway: gateway.unwrap(), model, home: Some(home), finished: false }
    }

    /// Stops the gateway and looks for leftovers.
    pub async fn finish(mut self) {
        self.stop().await;
        self.finished = true;
    }

    async fn stop(&self) {
        let begun = Instant::now();
        self.gateway.shutdown(SHUTDOWN / 2).await;
        assert!(begun.elapsed() < SHUTDOWN, "shutdown took {:?}", begun.elapsed());
        // Between fork and exec a child of another test holds a copy of the socket for a moment.
        crate::soon("the end of listening", async {
            while tokio::net::TcpStream::connect(self.address()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "end the test with TestGateway::finish");
    }
}

/// A moment after its start a gateway keeps a copy of its configuration; tests that look at the disk
/// must not see that happen.
async fn settled(paths: &Paths) {
    let copy = paths.state_dir.join("clawdbot.json.last-good");
    crate::soon("the copy of the configuration", async {
        while !copy.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn paths(home: &Path) -> Paths {
    Paths::resolve(&env(home), None)
}

fn env(home: &Path) -> Env {
    [("HOME", home.to_str().unwrap()), ("CLAWDBOT_SKIP_PROVIDERS", "1")].into_iter().collect()
}
