//! What packages need besides themselves.

use std::fmt;
use std::path::Path;

use keyway_metadata::TypeName;
use keyway_metadata::foreign::Escaped;
use keyway_metadata::threebot::{self, PackageToml, Requirement};
use serde_json::{Map, Value};

use crate::compare_versions;
use crate::package::{PackageMetadata, is_installable_id};

/// KPackage's key: a list of URLs. Objects of our form may stand among them.
const KPACKAGE: &str = "X-KPackage-Dependencies";
/// Our own: a list of objects. KPackage does not know it.
const OWN: &str = "X-Keyway-Dependencies";

/// Something that a package needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dependency {
    /// A package of a type.
    Package(PackageDependency),
    /// A URL, which a program of its scheme sees to.
    Url(String),
}

/// A package that another one needs: `{"type": "Vendor/Name", "id": "the.id", "version": "1.2"}`, or
/// in `[dependencies]` of a `package.toml` `"author.name" = ">=1.2, <2"`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageDependency {
    /// Its type.
    pub type_name: TypeName,
    /// Its id.
    pub id: String,
    /// The lowest version that will do; any if left out.
    pub version: Option<String>,
    /// What a `package.toml` says of its version; any will do if there is nothing.
    pub requirement: Option<Requirement>,
}

impl PackageDependency {
    /// Whether a version will do; the empty text stands for none.
    pub(super) fn admits(&self, version: &str) -> bool {
        let compare = |other: &str| compare_versions(version, other);
        let lowest = self.version.as_deref();
        lowest.is_none_or(|lowest| compare(lowest).is_ge())
            && self
                .requirement
                .as_ref()
                .is_none_or(|it| it.admits(compare))
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "`{}`", Escaped(url)),
            Self::Package(PackageDependency {
                type_name,
                id,
                version,
                requirement,
            }) => {
                write!(f, "`{}` of type `{type_name}`", Escaped(id))?;
                if let Some(version) = version {
                    write!(f, ", version {} or later", Escaped(version))?;
                }
                if let Some(requirement) = requirement {
                    write!(f, ", version {}", Escaped(requirement.as_str()))?;
                }
                Ok(())
            }
        }
    }
}

impl Dependency {
    /// The scheme of a URL.
    pub(super) fn scheme(url: &str) -> Option<&str> {
        let (scheme, _) = url.split_once(':')?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|it| it.is_ascii_alphabetic())
            && bytes.all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
        is_scheme.then_some(scheme)
    }
}

/// What stands among the dependencies and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadDependency(pub(super) String);

/// The packages that a `package.toml` names in `[dependencies]`; none of other metadata.
pub(super) fn of_package_toml(metadata: &PackageMetadata) -> Vec<Dependency> {
    let file = metadata.file().and_then(Path::file_name);
    if file != Some(threebot::FILE_NAME.as_ref()) {
        return Vec::new();
    }
    // It was found to be sound when it was read.
    let (Ok(package), Ok(type_name)) = (
        PackageToml::of(metadata.document()),
        threebot::TYPE.parse::<TypeName>(),
    ) else {
        return Vec::new();
    };
    let dependencies = package.dependencies.into_iter();
    let dependencies = dependencies.map(|(name, requirement)| {
        let says_nothing = matches!(requirement.as_str().trim(), "" | "*");
        Dependency::Package(PackageDependency {
            type_name: type_name.clone(),
            id: name.as_str().to_owned(),
            version: None,
            requirement: (!says_nothing).then_some(requirement),
        })
    });
    dependencies.collect()
}

/// The dependencies that metadata name in KPackage's key and in ours.
pub(super) fn of(metadata: &Map<String, Value>) -> Vec<Result<Dependency, BadDependency>> {
    let lists = [KPACKAGE, OWN].into_iter().filter_map(|key| {
        let value = metadata.get(key)?;
        Some((key, value))
    });
    let mut all = Vec::new();
    for (key, value) in lists {
        match value {
            Value::Array(items) => all.extend(items.iter().map(|item| one(key, item))),
            // As a .desktop file has it.
            Value::String(text) => {
                let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
                all.extend(items.map(|item| one(key, &item.into())));
            }
            Value::Null => {}
            other => all.push(Err(BadDependency(format!(
                "`{key}` is {}, expected a list",
                kind(other)
            )))),
        }
    }
    all
}

fn one(key: &str, item: &Value) -> Result<Dependency, BadDependency> {
    let bad = |what: &str| Err(BadDependency(format!("in `{key}`, {what}")));
    match item {
        Value::String(url) if Dependency::scheme(url).is_some() => Ok(Dependency::Url(url.clone())),
        Value::String(text) => bad(&format!(
            "`{}` is no URL, expected one with a scheme",
            Escaped(text)
        )),
        Value::Object(object) => {
            let text = |name| object.get(name).and_then(Value::as_str);
            let (Some(type_name), Some(id)) = (text("type"), text("id")) else {
                return bad("an object has no `type` or no `id` that is text");
            };
            let Ok(type_name) = type_name.parse() else {
                let type_name = Escaped(type_name);
                return bad(&format!(
                    "`{type_name}` is no type name, expected `Vendor/Name`"
                ));
            };
            // Any other would be taken for a path, or for none at all.
            if !is_installable_id(id) {
                return bad(&format!("`{}` is no id of a package", Escaped(id)));
            }
            let version = match object.get("version") {
                None | Some(Value::Null) => None,
                Some(Value::String(version)) => Some(version.clone()),
                Some(other) => {
                    return bad(&format!("`version` is {}, expected text", kind(other)));
                }
            };
            Ok(Dependency::Package(PackageDependency {
                type_name,
                id: id.to_owned(),
                version,
                requirement: None,
            }))
        }
        other => bad(&format!(
            "an item is {}, expected a URL or an object",
            kind(other)
        )),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_json(json: &Value) -> Vec<String> {
        let all = of(json.as_object().unwrap());
        let all = all.iter().map(|it| match it {
            Ok(dependency) => dependency.to_string(),
            Err(bad) => format!("bad: {}", bad.0),
        });
        all.collect()
    }

    #[test]
    fn what_is_no_dependency() {
        let json = serde_json::json!({
            "X-KPackage-Dependencies": ["", "plain", 1, null, "1x:y", {"id": "a"}, {"type": "a", "id": "b"},
                {"type": "A/B", "id": ""}, {"type": "A/B", "id": "/usr"}, {"type": "A/B", "id": ".."}],
            "X-Keyway-Dependencies": {"type": "A/B", "id": "c"},
        });
        assert_eq!(
            of_json(&json),
            [
                "bad: in `X-KPackage-Dependencies`, `` is no URL, expected one with a scheme",
                "bad: in `X-KPackage-Dependencies`, `plain` is no URL, expected one with a scheme",
                "bad: in `X-KPackage-Dependencies`, an item is a number, expected a URL or an object",
                "bad: in `X-KPackage-Dependencies`, an item is null, expected a URL or an object",
                "bad: in `X-KPackage-Dependencies`, `1x:y` is no URL, expected one with a scheme",
                "bad: in `X-KPackage-Dependencies`, an object has no `type` or no `id` that is text",
                "bad: in `X-KPackage-Dependencies`, `a` is no type name, expected `Vendor/Name`",
                "bad: in `X-KPackage-Dependencies`, `` is no id of a package",
                "bad: in `X-KPackage-Dependencies`, `/usr` is no id of a package",
                "bad: in `X-KPackage-Dependencies`, `..` is no id of a package",
                "bad: `X-Keyway-Dependencies` is an object, expected a list",
            ]
        );
    }

    #[test]
    fn urls_and_packages() {
        let json = serde_json::json!({
            "X-KPackage-Dependencies": ["kns://a.knsrc/b/1", {"type": "A/B", "id": "c"}],
            "X-Keyway-Dependencies": [{"type": "A/B", "id": "d", "version": "1.10", "why": 1}],
        });
        assert_eq!(
            of_json(&json),
            [
                "`kns://a.knsrc/b/1`",
                "`c` of type `A/B`",
                "`d` of type `A/B`, version 1.10 or later"
            ]
        );
        let desktop = serde_json::json!({"X-KPackage-Dependencies": "kns://a, kns://b"});
        assert_eq!(of_json(&desktop), ["`kns://a`", "`kns://b`"]);
    }
}
