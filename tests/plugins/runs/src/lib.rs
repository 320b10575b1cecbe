//! A lifecycle whose hooks do with processes what the package's arguments say, one after the other:
//! `{"start": [{"run": "web", "program": "sleep", "args": ["1000"]}]}`.
//!
//! | step | what |
//! |---|---|
//! | `run`: the name, with `program`, `args`, `env`, `dir`, `restart`, `grace_ms`, `log_bytes` | starts it; `{"repeat": N}` is an argument of as many bytes |
//! | `many`: a number | starts as many `sleep` |
//! | `stop`: the name, perhaps with `within_ms` | ends it |
//! | `status`: the name | writes down how it stands with it |
//! | `list` | writes down all names |
//! | `later`: a step, with `when`: a file | does it in a thread, once there is that file |
//! | `sleep`: milliseconds | takes that long |
//! | `wait-for`: a file | returns once there is that file |
//! | `fail`: a text | fails with it |
//!
//! What came of a step stands on a line of `said` in the data folder.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use keyway_plugin::{
    Context, Error, Hook, Lifecycle, ProcessRequest, Processes, Restart, export_plugin,
};
use serde_json::Value;

struct Runs {
    context: Context,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn wait_for(path: &str) {
    while !Path::new(path).exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn request(step: &Value) -> ProcessRequest {
    let mut request = ProcessRequest::new(text(&step["run"]), text(&step["program"]));
    for argument in step["args"].as_array().into_iter().flatten() {
        let repeat = argument["repeat"]
            .as_u64()
            .map(|it| "x".repeat(it as usize));
        request = request.arg(repeat.unwrap_or_else(|| text(argument)));
    }
    for (name, value) in step["env"].as_object().into_iter().flatten() {
        request = request.env(name, text(value));
    }
    if let Some(folder) = step["dir"].as_str() {
        request = request.dir(folder);
    }
    if let Some(grace) = step["grace_ms"].as_u64() {
        request = request.stop_grace(Duration::from_millis(grace));
    }
    if let Some(bytes) = step["log_bytes"].as_u64() {
        request = request.log_bytes(bytes);
    }
    request.restart(match step["restart"].as_str() {
        Some("always") => Restart::Always,
        Some("on-failure") => Restart::OnFailure,
        _ => Restart::Never,
    })
}

fn step(context: &Context, processes: &Processes, step: &Value) -> Result<String, Error> {
    if !step["run"].is_null() {
        processes.start(&request(step))?;
        return Ok("runs".to_owned());
    }
    if let Some(many) = step["many"].as_u64() {
        for number in 0..many {
            let request = ProcessRequest::new(format!("p{number}"), "sleep").arg("1000");
            processes.start(&request)?;
        }
        return Ok(format!("{many} run"));
    }
    if let Some(name) = step["stop"].as_str() {
        let was_there = match step["within_ms"].as_u64() {
            None => processes.stop(name)?,
            Some(grace) => processes.stop_within(name, Duration::from_millis(grace))?,
        };
        return Ok(format!("stopped: {was_there}"));
    }
    if let Some(name) = step["status"].as_str() {
        let status = processes.status(name)?;
        return Ok(match status {
            None => "no such process".to_owned(),
            Some(it) => format!("{:?} {} {:?}", it.state, it.restarts, it.last_exit),
        });
    }
    if !step["list"].is_null() {
        let names: Vec<_> = processes
            .list()?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        return Ok(names.join(" "));
    }
    if !step["later"].is_null() {
        let (context, processes) = (context.clone(), processes.clone());
        let (later, when) = (step["later"].clone(), text(&step["when"]));
        std::thread::spawn(move || {
            wait_for(&when);
            let _ = say(&context, self::step(&context, &processes, &later));
        });
        return Ok("later".to_owned());
    }
    if let Some(time) = step["sleep"].as_u64() {
        std::thread::sleep(Duration::from_millis(time));
    }
    if let Some(file) = step["wait-for"].as_str() {
        wait_for(file);
    }
    Ok("done".to_owned())
}

/// One write, so that a line is there or not.
fn say(context: &Context, outcome: Result<String, Error>) -> Result<(), Error> {
    let path = context.data_dir().join("said");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let line = outcome.unwrap_or_else(|error| error.to_string());
    file.write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

impl Runs {
    fn hook(&self, name: &str) -> Result<(), Error> {
        let kwargs: Value = serde_json::from_str(self.context.install_kwargs())?;
        let processes = self.context.process()?;
        for it in kwargs[name].as_array().into_iter().flatten() {
            if let Some(why) = it["fail"].as_str() {
                return Err(why.into());
            }
            say(&self.context, step(&self.context, &processes, it))?;
        }
        Ok(())
    }
}

impl Lifecycle for Runs {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(Runs { context })
    }

    fn prepare(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.hook("prepare")
    }

    fn start(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.hook("start")
    }

    fn stop(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.hook("stop")
    }

    fn uninstall(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        self.hook("uninstall")
    }

    fn upgrade(&mut self, _: &str, _: &Hook<'_>) -> Result<(), Error> {
        self.hook("upgrade")
    }
}

export_plugin!(lifecycle Runs, "runs.toml");
