//! `keyway.config`: what a package was given.

use keyway_abi::{ConfigAccess, ConfigDocument, ConfigValue};
use serde_json::{Map, Value};

/// What one package was given.
#[derive(Debug)]
pub(in crate::lifecycle) struct Given {
    install_kwargs: Value,
    package_toml: Value,
}

impl Given {
    pub(in crate::lifecycle) fn new(
        install_kwargs: Map<String, Value>,
        package_toml: Map<String, Value>,
    ) -> Self {
        Self {
            install_kwargs: Value::Object(install_kwargs),
            package_toml: Value::Object(package_toml),
        }
    }

    fn at(&self, document: ConfigDocument, key: &[String]) -> Option<&Value> {
        let document = match document {
            ConfigDocument::InstallKwargs => &self.install_kwargs,
            ConfigDocument::PackageToml => &self.package_toml,
        };
        let found = key.iter().try_fold(document, |value, name| match value {
            Value::Object(members) => members.get(name),
            Value::Array(elements) => elements.get(name.parse::<usize>().ok()?),
            _ => None,
        });
        found.filter(|value| !value.is_null())
    }
}

impl ConfigAccess for Given {
    fn value(&self, document: ConfigDocument, key: &[String]) -> Option<ConfigValue> {
        let value = self.at(document, key)?;
        Some(match value {
            Value::Null => return None,
            Value::Bool(boolean) => ConfigValue::Boolean(*boolean),
            Value::String(text) => ConfigValue::Text(text.clone()),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => ConfigValue::Integer(integer),
                None => ConfigValue::Number(number.as_f64()?),
            },
            Value::Array(elements) => ConfigValue::List(elements.len() as u64),
            Value::Object(members) => ConfigValue::Object(members.keys().cloned().collect()),
        })
    }

    fn json(&self, document: ConfigDocument, key: &[String]) -> Option<String> {
        Some(self.at(document, key)?.to_string())
    }
}
