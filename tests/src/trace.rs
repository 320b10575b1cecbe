//! What a command asks of the system, by strace: all calls that change something, and making one of
//! them fail, or killing the process at it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The calls that change something. `open` does only with a flag that says so.
const CHANGING: &str = "mkdir,mkdirat,open,openat,creat,write,pwrite64,rename,renameat,renameat2,\
    unlink,unlinkat,rmdir,symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat,ftruncate,fsync,\
    fdatasync,syncfs,copy_file_range,sendfile,flock";

/// The calls that look at something. `open` does without a flag that says otherwise.
const LOOKING: &str = "open,openat,openat2,stat,lstat,statx,newfstatat,access,faccessat,faccessat2,\
    getdents64,read,pread64,readlink,readlinkat";

/// One system call of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Which one of that name it is, from 1.
    pub ordinal: usize,
    /// How strace shows it.
    pub text: String,
}

impl Call {
    /// Whether it makes a file, or empties one.
    fn makes(&self) -> bool {
        let flags = ["O_CREAT", "O_TRUNC"];
        flags.iter().any(|flag| self.text.contains(flag))
    }
}

/// What happens at a call instead of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed; the call is not made.
    Kill,
    /// It fails with this error, as `EIO`.
    Error(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Error(error) => error,
        })
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Traced {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub stderr: String,
    /// What strace wrote.
    log: String,
}

impl Traced {
    /// The calls of that name at which something happened instead, as strace shows them.
    #[must_use]
    pub fn faults(&self, name: &str) -> Vec<&str> {
        let is_one = |line: &&str| {
            let call = line.split_once(' ').unwrap_or_default().1.trim_start();
            let is_named = call.split('(').next() == Some(name);
            is_named && (line.contains("(INJECTED)") || line.ends_with("= ?"))
        };
        self.log.lines().filter(is_one).collect()
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}{}", self.status, self.log, self.stderr)
    }
}

/// Runs of a command under strace.
#[derive(Debug)]
pub struct Trace<'a> {
    command: &'a Command,
    log: PathBuf,
    always: Option<(&'static str, &'static str)>,
}

impl<'a> Trace<'a> {
    /// Runs of `command`, which has no other variables than those it was given. `log` is where
    /// strace writes to.
    #[must_use]
    pub fn of(command: &'a Command, log: &Path) -> Self {
        Self {
            command,
            log: log.to_path_buf(),
            always: None,
        }
    }

    /// Lets all calls of a name fail with an error.
    #[must_use]
    pub fn always(mut self, call_and_error: Option<(&'static str, &'static str)>) -> Self {
        self.always = call_and_error;
        self
    }

    /// Why there can be no runs here.
    #[must_use]
    pub fn is_impossible() -> Option<&'static str> {
        let works = |arguments: &[&str]| {
            let output = Command::new("strace").args(arguments).output();
            output.is_ok_and(|it| it.status.success())
        };
        if !works(&["-V"]) {
            return Some("there is no strace");
        }
        let injection = ["-f", "-e", "inject=fsync:error=EIO:when=1", "true"];
        (!works(&injection)).then_some("tracing processes is not allowed here")
    }

    /// Runs it and gives the calls that change something in `folder` or below it.
    ///
    /// # Panics
    ///
    /// When it cannot be run, does not succeed, or has several threads: calls are counted in each.
    #[must_use]
    pub fn changes(&self, folder: &Path) -> Vec<Call> {
        let mut calls = self.calls(CHANGING, folder);
        calls.retain(|call| !call.name.starts_with("open") || call.makes());
        calls
    }

    /// Runs it and gives the calls that look at something in `folder` or below it.
    ///
    /// # Panics
    ///
    /// As [`changes`](Self::changes).
    #[must_use]
    pub fn looks(&self, folder: &Path) -> Vec<Call> {
        let mut calls = self.calls(LOOKING, folder);
        calls.retain(|call| !call.makes() && LOOKING.contains(&call.name));
        calls
    }

    fn calls(&self, names: &str, folder: &Path) -> Vec<Call> {
        let traced = self.run(names, None);
        assert!(traced.status.success(), "{traced}");
        let folder = folder.to_string_lossy();
        let mut threads: Vec<&str> = Vec::new();
        let mut ordinals = BTreeMap::new();
        let mut calls = Vec::new();
        for line in traced.log.lines() {
            let (thread, text) = line.split_once(' ').unwrap_or_default();
            let text = text.trim_start();
            let Some((name, _)) = text.split_once('(') else {
                continue;
            };
            threads.push(thread);
            let ordinal = ordinals.entry(name).or_insert(0);
            *ordinal += 1;
            // Our folder has a name that nobody can give to another one.
            if text.contains(&*folder) || text.contains("/proc/self/fd/") {
                calls.push(Call {
                    name: name.to_owned(),
                    ordinal: *ordinal,
                    text: text.to_owned(),
                });
            }
        }
        threads.dedup();
        assert!(threads.len() <= 1, "it has several threads: {threads:?}");
        calls
    }

    /// Runs it with a fault at that call.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[must_use]
    pub fn run_with(&self, fault: Fault, call: &Call) -> Traced {
        let Call { name, ordinal, .. } = call;
        let how = match fault {
            Fault::Kill => "signal=SIGKILL".to_owned(),
            Fault::Error(error) => format!("error={error}"),
        };
        self.run(name, Some(format!("inject={name}:{how}:when={ordinal}")))
    }

    fn run(&self, calls: &str, injection: Option<String>) -> Traced {
        let mut strace = Command::new("strace");
        // Paths stand beside descriptors.
        strace.args(["-f", "-qq", "-y", "-e", "signal=none", "-o"]);
        strace.arg(&self.log);
        // What is not traced cannot be disturbed.
        let (mut traced, mut injections) = (format!("trace={calls}"), Vec::from_iter(injection));
        if let Some((name, error)) = self.always {
            traced = format!("{traced},{name}");
            injections.push(format!("inject={name}:error={error}"));
        }
        for expression in [traced].into_iter().chain(injections) {
            strace.arg("-e").arg(expression);
        }
        strace
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                strace.env(name, value);
            }
        }
        let output = match strace.output() {
            Ok(output) => output,
            Err(error) => panic!("cannot run {strace:?}: {error}"),
        };
        Traced {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            log: std::fs::read_to_string(&self.log).unwrap_or_default(),
        }
    }
}
