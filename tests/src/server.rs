//! `keyway serve` as a process of its own, and the commands that ask it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::PluginFolder;
use crate::command::{Output, keyway_command, run};

/// As long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// The folders of a user who has a server, and nothing of anybody else's.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    plugins: PluginFolder,
    variables: Vec<(&'static str, String)>,
    _temporary: Option<TempDir>,
}

impl Home {
    /// Empty folders; in the plugin folder is what 3bot packages need.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let home = Self::below(temporary.path());
        Self {
            _temporary: Some(temporary),
            ..home
        }
    }

    /// The same in a folder that is there.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        let folder = folder.canonicalize().expect("a folder");
        let runtime = folder.join("run");
        fs::create_dir_all(&runtime).expect("a runtime folder");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let private = fs::Permissions::from_mode(0o700);
            fs::set_permissions(&runtime, private).expect("a private runtime folder");
        }
        Self {
            folder,
            plugins: PluginFolder::with(&["keyway-structure-threebot"]),
            variables: Vec::new(),
            _temporary: None,
        }
    }

    /// The same, with a variable in the environment of all commands.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The folder on the plugin search path.
    #[must_use]
    pub fn plugins(&self) -> &PluginFolder {
        &self.plugins
    }

    /// A path below the home.
    #[must_use]
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    /// The state folder of packages.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.at("state/keyway/packages")
    }

    /// The package root.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.at("share/threebot/packages")
    }

    /// The data folder of a package.
    #[must_use]
    pub fn data(&self, name: &str) -> PathBuf {
        self.state().join("data").join(name)
    }

    /// What a package wrote down of its hooks.
    #[must_use]
    pub fn hooks(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.data(name).join("hooks")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The command, with these folders.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = keyway_command();
        command
            .env("KEYWAY_PLUGIN_PATH", self.plugins.path())
            .env("XDG_CACHE_HOME", self.at("cache"))
            .env("XDG_STATE_HOME", self.at("state"))
            .env("XDG_DATA_HOME", self.at("share"))
            .env("XDG_RUNTIME_DIR", self.at("run"))
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs `keyway package ARGUMENTS --json` to its end.
    pub fn package(&self, arguments: &[&str]) -> Output {
        run(&mut self.package_command(arguments))
    }

    /// Begins to run `keyway package ARGUMENTS --json`.
    #[must_use]
    pub fn asks(&self, arguments: &[&str]) -> Running {
        let mut command = self.package_command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Running::of(&mut command)
    }

    fn package_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.arg("package").args(arguments).arg("--json");
        command
    }

    /// What `keyway package status` tells.
    ///
    /// # Panics
    ///
    /// When it tells nothing.
    #[must_use]
    pub fn status(&self, name: &str) -> Value {
        let output = self.package(&["status", name]);
        assert_eq!(output.code, 0, "{output:#?}");
        output.json()
    }

    /// What `keyway package list` tells, by names.
    ///
    /// # Panics
    ///
    /// When it tells nothing.
    #[must_use]
    pub fn packages(&self) -> Vec<Value> {
        let output = self.package(&["list"]);
        assert_eq!(output.code, 0, "{output:#?}");
        match output.json() {
            Value::Array(packages) => packages,
            other => panic!("no list: {other}"),
        }
    }

    /// Starts a server and waits until it is ready.
    #[must_use]
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    #[must_use]
    pub fn serve_with(&self, arguments: &[&str]) -> Server {
        match self.try_serve(arguments) {
            Ok(server) => server,
            Err(output) => panic!("the server is not ready: {output:#?}"),
        }
    }

    /// The same; what it said if it ended before it was ready.
    ///
    /// # Errors
    ///
    /// It ended.
    ///
    /// # Panics
    ///
    /// When it cannot be run, is ended by a signal, or neither ends nor becomes ready.
    pub fn try_serve(&self, arguments: &[&str]) -> Result<Server, Output> {
        let mut server = self.begin_to_serve(arguments);
        match server.ready.recv_timeout(PATIENCE) {
            Ok(line) => {
                server.said = serde_json::from_str(&line).expect("the ready line");
                Ok(server)
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("neither ready nor ended"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let stdout = String::new();
                let status = server.wait();
                let stderr = server.log();
                let Some(code) = status.code() else {
                    panic!("the server was ended: {status}\n{stderr}");
                };
                Err(Output {
                    code,
                    stdout,
                    stderr,
                })
            }
        }
    }

    /// Starts a server that need not become ready.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[must_use]
    pub fn begin_to_serve(&self, arguments: &[&str]) -> Server {
        let log = tempfile::NamedTempFile::new().expect("a log");
        let to = OpenOptions::new().append(true).open(log.path());
        let mut command = self.command();
        command.arg("serve").args(arguments).arg("--json");
        command.stdout(Stdio::piped()).stderr(to.expect("a log"));
        let mut child = command.spawn().expect("the server");
        let stdout = child.stdout.take();
        let (sender, ready) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout?).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
            Some(())
        });
        Server {
            child: Running(child),
            ready,
            said: Value::Null,
            log,
        }
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// A process, which is killed and reaped with this.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("cannot run {command:?}: {error}"),
        }
    }

    /// The same, with what it prints.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[must_use]
    pub fn with_stdout(command: &mut Command) -> (Self, ChildStdout) {
        command.stdout(Stdio::piped());
        let mut running = Self::of(command);
        let stdout = running.0.stdout.take();
        (running, stdout.expect("its standard output"))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Sends a signal, as `TERM`.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|it| it.success()), "no SIG{signal}");
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits until it ends.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the end of a process", || {
            ended = self.0.try_wait().ok().flatten();
            ended.is_some()
        });
        ended.expect("it ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server; it is killed and reaped with this.
#[derive(Debug)]
pub struct Server {
    child: Running,
    ready: mpsc::Receiver<String>,
    said: Value,
    log: tempfile::NamedTempFile,
}

impl Server {
    /// What it said when it was ready.
    #[must_use]
    pub fn said(&self) -> &Value {
        &self.said
    }

    /// The names of what it started, in order.
    #[must_use]
    pub fn started(&self) -> Vec<&str> {
        let started = self.said["started"].as_array();
        let started = started.into_iter().flatten();
        started.filter_map(Value::as_str).collect()
    }

    /// Waits until it is ready, as long as that may take.
    ///
    /// # Panics
    ///
    /// When it ends, or takes longer.
    pub fn until_ready(&mut self, patience: Duration) {
        let line = self.ready.recv_timeout(patience);
        let line = line.unwrap_or_else(|error| panic!("not ready ({error}): {}", self.log()));
        self.said = serde_json::from_str(&line).expect("the ready line");
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(self.said["socket"].as_str().unwrap_or_default())
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl std::ops::Deref for Server {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.child
    }
}

impl std::ops::DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.child
    }
}

/// Waits until something is so.
///
/// # Panics
///
/// When it never is.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(PAUSE);
    }
}

/// Makes an empty file, for which somebody waits.
///
/// # Panics
///
/// When it cannot be made.
pub fn touch(path: &Path) {
    File::create(path).expect("a file to be waited for");
}
