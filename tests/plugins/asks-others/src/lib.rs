//! A lifecycle that does in each hook what its arguments say: `{"start": ["start acme.b"]}`. What is
//! answered goes to the file `answers` of its data folder.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use keyway_plugin::{
    Config, Context, Error, FromConfig, Hook, Lifecycle, PackageInfo, export_plugin,
};

struct Asks {
    context: Context,
}

fn shown(package: &PackageInfo) -> String {
    let PackageInfo {
        name,
        version,
        status,
        running,
        ..
    } = package;
    let version = version.as_deref().unwrap_or("-");
    format!("{name} {version} {status} {running}")
}

fn said<T, E: Display>(answer: Result<T, E>, show: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(answer) => show(answer),
        Err(error) => format!("error: {error}"),
    }
}

fn value<T: FromConfig + std::fmt::Debug>(config: &Config, key: &str) -> String {
    said(config.get::<T>(key), |value| format!("{value:?}"))
}

impl Asks {
    fn answer(&self, order: &str, hook: &Hook<'_>) -> Result<String, Error> {
        let (what, rest) = order.split_once(' ').unwrap_or((order, ""));
        let packages = self.context.packages()?;
        let found = |package: Option<PackageInfo>| match package {
            Some(package) => shown(&package),
            None => "none".to_owned(),
        };
        Ok(match what {
            "list" => said(packages.list(), |all| {
                all.iter().map(shown).collect::<Vec<_>>().join(", ")
            }),
            "status" => said(packages.status(rest), found),
            "start" => said(packages.start(rest, hook), found),
            "start-without-hook" => said(packages.start(rest, None), found),
            "add" => said(packages.add_path(rest).run(hook), |it| shown(&it)),
            "add-stopped" => {
                let add = packages.add_path(rest).start(false);
                let add = add.install_kwargs(r#"{"given": true}"#);
                said(add.run(hook), |it| shown(&it))
            }
            "add-git" => said(packages.add_git(rest).run(hook), |it| shown(&it)),
            "add-with" => {
                let add = packages.add_path("/nowhere").install_kwargs(rest);
                said(add.run(hook), |it| shown(&it))
            }
            _ => self.value(what, rest)?,
        })
    }

    fn value(&self, what: &str, key: &str) -> Result<String, Error> {
        let config = self.context.config()?;
        Ok(match what {
            "text" => value::<String>(&config, key),
            "path" => value::<PathBuf>(&config, key),
            "bool" => value::<bool>(&config, key),
            "u8" => value::<u8>(&config, key),
            "u16" => value::<u16>(&config, key),
            "i64" => value::<i64>(&config, key),
            "u64" => value::<u64>(&config, key),
            "f64" => value::<f64>(&config, key),
            "texts" => value::<Vec<String>>(&config, key),
            "u8s" => value::<Vec<u8>>(&config, key),
            "default" => said(config.get_or(key, 8080_u16), |it| it.to_string()),
            "find" => said(config.find::<String>(key), |it| format!("{it:?}")),
            "keys" => said(config.keys(key), |it| it.join(" ")),
            "json" => said(config.json(key), |it| it.unwrap_or_default()),
            "toml-text" => value::<String>(&config.package_toml(), key),
            "toml-keys" => said(config.package_toml().keys(key), |it| it.join(" ")),
            _ => return Err(format!("`{what}` is no order").into()),
        })
    }

    fn obey(&self, name: &str, hook: &Hook<'_>) -> Result<(), Error> {
        let orders: Vec<String> = self.context.config()?.get_or(name, Vec::new())?;
        for order in orders {
            let answer = self.answer(&order, hook)?;
            let path = self.context.data_dir().join("answers");
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            writeln!(file, "{order}: {answer}")?;
        }
        Ok(())
    }
}

macro_rules! hooks {
    ($($name:ident)*) => {$(
        fn $name(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
            self.obey(stringify!($name), hook)
        }
    )*};
}

impl Lifecycle for Asks {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(Asks { context })
    }

    hooks! { prepare install start stop uninstall }
}

export_plugin!(lifecycle Asks, "asks-others.toml");
