//! The packages, and what may be asked of them.

use std::path::PathBuf;

use keyway::lifecycle::{AddRequest, AddSource, DeleteRequest, Operation};
use keyway_tests::random::Random;
use keyway_tests::server::Home;
use keyway_tests::threebots::ThreeBot;
use serde_json::{Map, Value, json};

/// What a package's code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// In the server's process.
    Hello,
    /// In a process of its own.
    Isolated,
    /// In the server's process, and with a program that runs as long as the package.
    Child,
    // Here belongs one that is isolated and has a program running.
}

const NUMBERS: [(Kind, usize); 4] = [
    (Kind::Plain, 17),
    (Kind::Hello, 13),
    (Kind::Isolated, 10),
    (Kind::Child, 10),
];
const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) kind: Kind,
    /// What its folder is called.
    short: String,
    pub(crate) name: String,
    /// A step that starts a program.
    program: Value,
    /// Its folders, one for each version.
    folders: Vec<PathBuf>,
}

/// Makes all packages, each in two versions.
pub(crate) fn make(home: &Home) -> Vec<Package> {
    let kinds = NUMBERS
        .into_iter()
        .flat_map(|(kind, many)| std::iter::repeat_n(kind, many));
    let made = kinds.enumerate().map(|(number, kind)| {
        let short = format!("p{number:02}");
        let mut package = Package {
            kind,
            name: format!("acme.{short}"),
            program: program(home, &short, "web"),
            folders: Vec::new(),
            short,
        };
        package.folders = VERSIONS.map(|it| package.put(home, it)).to_vec();
        package
    });
    made.collect()
}

/// What no other process has among its arguments.
pub(crate) fn mark(home: &Home, name: &str, process: &str) -> String {
    format!("{}#{name}#{process}", home.at("").display())
}

/// A step that starts a program, with another process below it.
fn program(home: &Home, short: &str, process: &str) -> Value {
    let mark = mark(home, &format!("acme.{short}"), process);
    let args = json!(["-c", "sleep 1000 & wait", mark]);
    json!({"run": process, "program": "sh", "args": args, "restart": "always"})
}

impl Package {
    fn put(&self, home: &Home, version: &str) -> PathBuf {
        let toml = match self.kind {
            Kind::Plain | Kind::Hello => String::new(),
            Kind::Isolated => "[lifecycle]\nisolation = \"process\"".to_owned(),
            Kind::Child => {
                let args = &self.program["args"];
                format!(
                    "[install_kwargs]\nstart = [{{run = \"web\", program = \"sh\", restart = \
                     \"always\", args = {args}}}]"
                )
            }
        };
        let package = ThreeBot {
            version,
            plugin: match self.kind {
                Kind::Plain => None,
                Kind::Hello | Kind::Isolated => Some("hello"),
                Kind::Child => Some("runs"),
            },
            toml: &toml,
            ..ThreeBot::new(&self.short, "")
        };
        package.put(home.at("packages").join(version).join(&self.short))
    }

    pub(crate) fn add(&self, version: usize, change: impl FnOnce(&mut AddRequest)) -> Operation {
        let path = self.folders[version].clone();
        let mut request = AddRequest::new(AddSource::Path { path });
        change(&mut request);
        Operation::Add(request)
    }

    pub(crate) fn delete(&self, purge: bool, force: bool) -> Operation {
        let mut request = DeleteRequest::new(&self.name);
        (request.purge, request.force) = (purge, force);
        Operation::Delete(request)
    }

    /// Something that may be asked for.
    pub(crate) fn operation(&self, home: &Home, random: &mut Random) -> Operation {
        let name = self.name.clone();
        match random.below(20) {
            0..3 => self.add(0, |_| {}),
            3..6 => self.add(1, |_| {}),
            6 => self.add(random.below(2), |it| it.reinstall = true),
            7 => self.add(random.below(2), |it| it.reload = true),
            8 | 9 => Operation::Stop { name },
            10 | 11 => Operation::Start { name },
            12 => Operation::Disable { name },
            13 => Operation::Enable { name },
            14 | 15 => Operation::Retry { name },
            16 => Operation::Reload { name },
            17 => Operation::Reconfigure {
                name,
                install_kwargs: self.kwargs(home, random),
            },
            18 => self.delete(false, random.below(3) == 0),
            _ => self.delete(true, random.below(3) == 0),
        }
    }

    fn kwargs(&self, home: &Home, random: &mut Random) -> Map<String, Value> {
        let value = match random.below(2) {
            0 => json!({}),
            _ if self.kind == Kind::Child => {
                json!({"start": [self.program, program(home, &self.short, "more")]})
            }
            _ => json!({"number": random.below(100)}),
        };
        value.as_object().cloned().unwrap_or_default()
    }
}

/// The same for the command.
pub(crate) fn arguments(operation: &Operation) -> Vec<String> {
    let mut arguments = vec![operation.name().to_owned()];
    arguments.extend(operation.package().map(str::to_owned));
    let mut flag = |is_set: bool, name: &str| {
        arguments.extend(is_set.then(|| name.to_owned()));
    };
    match operation {
        Operation::Add(add) => {
            flag(add.reinstall, "--reinstall");
            flag(add.reload, "--reload");
            if let AddSource::Path { path } = &add.source {
                flag(true, "--path");
                flag(true, path.to_str().unwrap());
            }
        }
        Operation::Delete(delete) => {
            flag(delete.purge, "--purge");
            flag(delete.force, "--force");
        }
        Operation::Reconfigure { install_kwargs, .. } => {
            flag(true, "--kwargs");
            flag(true, &Value::Object(install_kwargs.clone()).to_string());
        }
        _ => {}
    }
    arguments
}
