//! What the system tells of processes: on Linux what stands in `/proc`, elsewhere nothing.

use rustix::process::Pid;
#[cfg(not(target_os = "linux"))]
use rustix::process::Signal;

/// A process, which is not taken for another one that got its id later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct One {
    pub(super) pid: Pid,
    /// When it started, since the system was booted.
    pub(super) started: u64,
    /// The group that it is in.
    pub(super) group: i32,
}

#[cfg(target_os = "linux")]
pub(super) use linux::{all, boot, rest_of, started, token};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::thread;
    use std::time::Duration;

    use keyway_abi::PROCESS_VARIABLE;
    use rustix::io::Errno;
    use rustix::process::{
        Pid, PidfdFlags, Signal, geteuid, getpid, kill_process, pidfd_open, pidfd_send_signal,
    };

    use super::One;

    /// Which time the system was booted.
    pub(in super::super) fn boot() -> Option<String> {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(text.trim().to_owned())
    }

    /// When a process started.
    pub(in super::super) fn started(pid: Pid) -> Option<u64> {
        Some(stat(pid)?.1.started)
    }

    /// Its state, and what it is.
    fn stat(pid: Pid) -> Option<(u8, One)> {
        let number = pid.as_raw_nonzero();
        let text = fs::read(format!("/proc/{number}/stat")).ok()?;
        // The second field is its name in brackets, in which anything may stand.
        let end = text.iter().rposition(|it| *it == b')')?;
        let text = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let state = *fields.first()?.as_bytes().first()?;
        let one = One {
            pid,
            started: fields.get(19)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
        };
        Some((state, one))
    }

    /// The user's processes that have not ended, but not this one.
    pub(in super::super) fn all() -> Vec<One> {
        let user = geteuid().as_raw();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let found = entries.filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            if pid == getpid() || entry.metadata().ok()?.uid() != user {
                return None;
            }
            let (state, one) = stat(pid)?;
            (!matches!(state, b'Z' | b'X')).then_some(one)
        });
        found.collect()
    }

    /// The token in its environment.
    pub(in super::super) fn token(one: &One) -> Option<String> {
        // Who is held in the system may hold who reads this, for ever; most are only for a moment.
        let is_held = || stat(one.pid).is_some_and(|(state, _)| state == b'D');
        for _ in 0..20 {
            if !is_held() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        if is_held() {
            return None;
        }
        let text = fs::read(format!("/proc/{}/environ", one.pid.as_raw_nonzero())).ok()?;
        let value = text.split(|it| *it == 0).find_map(|variable| {
            let value = variable.strip_prefix(PROCESS_VARIABLE.as_bytes());
            value.and_then(|it| it.strip_prefix(b"="))
        });
        String::from_utf8(value?.to_vec()).ok()
    }

    /// What has not ended of the group `leader`, and of what has the token.
    pub(in super::super) fn rest_of(leader: Pid, token: &str) -> Vec<One> {
        let group = leader.as_raw_nonzero().get();
        let mut found = all();
        found.retain(|one| one.group == group || self::token(one).as_deref() == Some(token));
        found
    }

    impl One {
        /// Whether it is there still, and has not ended.
        pub(in super::super) fn is_alive(&self) -> bool {
            stat(self.pid).is_some_and(|(state, one)| {
                one.started == self.started && !matches!(state, b'Z' | b'X')
            })
        }

        /// Sends it a signal; to nobody else, whoever has its id by now.
        pub(in super::super) fn signal(&self, signal: Signal) {
            match pidfd_open(self.pid, PidfdFlags::empty()) {
                Ok(handle) => {
                    if self.is_alive() {
                        let _ = pidfd_send_signal(&handle, signal);
                    }
                }
                // Before Linux 5.3.
                Err(Errno::NOSYS) if self.is_alive() => {
                    let _ = kill_process(self.pid, signal);
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{One, Pid, Signal};

    pub(in super::super) fn boot() -> Option<String> {
        None
    }

    pub(in super::super) fn started(_: Pid) -> Option<u64> {
        None
    }

    pub(in super::super) fn all() -> Vec<One> {
        Vec::new()
    }

    pub(in super::super) fn token(_: &One) -> Option<String> {
        None
    }

    pub(in super::super) fn rest_of(_: Pid, _: &str) -> Vec<One> {
        Vec::new()
    }

    impl One {
        pub(in super::super) fn is_alive(&self) -> bool {
            false
        }

        pub(in super::super) fn signal(&self, _: Signal) {}
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{all, boot, rest_of, started, token};
