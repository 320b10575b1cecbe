//! What a `package.toml` says, by name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::name::{FullName, PART, is_part};
use super::requirement::Requirement;
use super::table::{Table, Trouble};
use crate::document::{Document, DocumentError, Format};
use crate::type_name::TypeName;

/// What the `package.toml` of a 3bot package says.
///
/// What the file leaves out has the default that the field names. Unknown keys are in the
/// [`Document`] alone. None of it is state: what a manager makes of the package, it keeps itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PackageToml {
    /// `source.threebot` and `source.name`.
    pub name: FullName,
    /// `source.version`; `None` if missing or empty.
    pub version: Option<String>,
    /// `source.description`; `None` if missing or empty.
    pub description: Option<String>,
    /// `source.frontend`: marks packages that bring a user interface, for lists. `false` by default.
    pub frontend: bool,
    /// `actor.namespace`, which says nothing about how actors are addressed; empty by default.
    pub actor_namespace: String,
    /// `[[bcdbs]]`: the package's own stores; none by default, which stands for the shared one.
    pub bcdbs: Vec<Bcdb>,
    /// `disable_crud`, at the root or else in `[source]`; `false` by default.
    pub disable_crud: bool,
    /// `[frontend_args]`: an entry of the dashboard's menu; empty by default.
    pub frontend_args: Map<String, Value>,
    /// `[lifecycle]`; `None`: the only lifecycle that the package brings, if it brings one.
    pub lifecycle: Option<LifecycleChoice>,
    /// `[install_kwargs]`: what its code is installed with, unless whoever adds the package says
    /// otherwise; empty by default.
    pub install_kwargs: Map<String, Value>,
    /// `[dependencies]`: the packages that it needs, and which versions will do.
    pub dependencies: BTreeMap<FullName, Requirement>,
}

/// A store of a package's own, one of `[[bcdbs]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bcdb {
    /// Its name; empty by default.
    pub name: String,
    /// Its namespace; empty by default.
    pub namespace: String,
    /// What keeps its data.
    pub kind: BcdbType,
    /// Which one of several of that kind; `default` by default.
    pub instance: String,
}

/// What keeps the data of a [`Bcdb`], its `type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BcdbType {
    /// `zdb`, the default.
    #[default]
    Zdb,
    /// `sqlite`
    Sqlite,
    /// `redis`
    Redis,
    /// `sdb`
    Sdb,
}

/// Which lifecycle drives a package, `[lifecycle]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleChoice {
    /// `lifecycle.type`; `None`: the only one that the package brings.
    pub type_name: Option<TypeName>,
    /// `lifecycle.isolation`
    pub isolation: Isolation,
}

/// Where a lifecycle runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// `none`, the default: in the manager's process.
    #[default]
    None,
    /// `process`: in one of its own.
    Process,
}

const BCDB_TYPES: [(&str, BcdbType); 4] = [
    ("zdb", BcdbType::Zdb),
    ("sqlite", BcdbType::Sqlite),
    ("redis", BcdbType::Redis),
    ("sdb", BcdbType::Sdb),
];

const ISOLATIONS: [(&str, Isolation); 2] =
    [("none", Isolation::None), ("process", Isolation::Process)];

impl PackageToml {
    /// What a document says that was read as [`Format::PackageToml`].
    ///
    /// # Errors
    ///
    /// The document was not read from a sound `package.toml`. There is no place in the error: that
    /// is in the error of whoever reads the file.
    pub fn of(document: &Document) -> Result<PackageToml, DocumentError> {
        let read = of_root(document.root());
        let (package, _) = read.map_err(|trouble| {
            DocumentError::without_position(Format::PackageToml, trouble.message)
        })?;
        Ok(package)
    }
}

/// What the root table says, and its unknown keys.
pub(super) fn of_root(root: &Map<String, Value>) -> Result<(PackageToml, Vec<Trouble>), Trouble> {
    let root = Table::root(root);
    let mut unknown: Vec<_> = root
        .unknown(&[
            "source",
            "actor",
            "bcdbs",
            "disable_crud",
            "frontend_args",
            "lifecycle",
            "install_kwargs",
            "dependencies",
        ])
        .collect();

    let source = root.table("source")?;
    let expected = "a table, `[source]`, with `threebot` and `name`";
    let source = source.ok_or_else(|| root.missing("source", expected))?;
    unknown.extend(source.unknown(&[
        "name",
        "description",
        "threebot",
        "version",
        "frontend",
        "disable_crud",
    ]));
    let author = part(&source, "threebot", "the name of who the package is by")?;
    let name = part(&source, "name", "the package's name")?;
    let name = FullName::of(author, name).ok_or_else(|| source.missing("name", PART))?;

    let actor = root.table("actor")?;
    unknown.extend(actor.iter().flat_map(|it| it.unknown(&["namespace"])));
    let namespace = actor.map(|it| owned(&it, "namespace")).transpose()?;

    let mut bcdbs = Vec::new();
    for bcdb in root.tables("bcdbs")? {
        unknown.extend(bcdb.unknown(&["name", "namespace", "type", "instance"]));
        bcdbs.push(Bcdb {
            name: owned(&bcdb, "name")?,
            namespace: owned(&bcdb, "namespace")?,
            kind: bcdb.word("type", &BCDB_TYPES)?.unwrap_or_default(),
            instance: bcdb.text("instance")?.unwrap_or("default").to_owned(),
        });
    }

    let in_source = source.flag("disable_crud")?;
    let lifecycle = root.table("lifecycle")?;
    unknown.extend(
        lifecycle
            .iter()
            .flat_map(|it| it.unknown(&["type", "isolation"])),
    );
    let package = PackageToml {
        name,
        version: some(&source, "version")?,
        description: some(&source, "description")?,
        frontend: source.flag("frontend")?.unwrap_or_default(),
        actor_namespace: namespace.unwrap_or_default(),
        bcdbs,
        disable_crud: root.flag("disable_crud")?.or(in_source).unwrap_or_default(),
        frontend_args: free(&root, "frontend_args")?,
        lifecycle: lifecycle.map(|it| choice(&it)).transpose()?,
        install_kwargs: free(&root, "install_kwargs")?,
        dependencies: dependencies(&root)?,
    };
    Ok((package, unknown))
}

/// A part of the full name.
fn part<'a>(source: &Table<'a>, key: &str, what: &str) -> Result<&'a str, Trouble> {
    let text = source.text(key)?;
    let text = text.ok_or_else(|| source.missing(key, what))?;
    if is_part(text) {
        Ok(text)
    } else {
        Err(source.wrong_text(key, text, PART))
    }
}

fn owned(table: &Table<'_>, key: &str) -> Result<String, Trouble> {
    Ok(table.text(key)?.unwrap_or_default().to_owned())
}

/// A text that is not empty.
fn some(table: &Table<'_>, key: &str) -> Result<Option<String>, Trouble> {
    let text = table.text(key)?.filter(|text| !text.is_empty());
    Ok(text.map(str::to_owned))
}

/// A table whose keys are not ours to know.
fn free(root: &Table<'_>, key: &str) -> Result<Map<String, Value>, Trouble> {
    let table = root.table(key)?;
    Ok(table.map(|it| it.map().clone()).unwrap_or_default())
}

fn choice(table: &Table<'_>) -> Result<LifecycleChoice, Trouble> {
    let type_name = table.text("type")?.map(|text| {
        let wrong = |_| table.wrong_text("type", text, "a type name such as `Vendor/Name`");
        text.parse().map_err(wrong)
    });
    Ok(LifecycleChoice {
        type_name: type_name.transpose()?,
        isolation: table.word("isolation", &ISOLATIONS)?.unwrap_or_default(),
    })
}

/// The keys are full names: in quotes, or, since that is easily forgotten, as TOML's dotted keys.
fn dependencies(root: &Table<'_>) -> Result<BTreeMap<FullName, Requirement>, Trouble> {
    let mut all = BTreeMap::new();
    let Some(table) = root.table("dependencies")? else {
        return Ok(all);
    };
    for (key, value) in table.map() {
        match value {
            Value::Object(names) => {
                let by_author = table.table(key)?;
                for name in names.keys() {
                    let Some(by_author) = &by_author else { break };
                    let full = FullName::of(key, name);
                    let entry = dependency(by_author, name, full)?;
                    all.extend([entry]);
                }
            }
            _ => all.extend([dependency(&table, key, key.parse().ok())?]),
        }
    }
    Ok(all)
}

fn dependency(
    table: &Table<'_>,
    key: &str,
    name: Option<FullName>,
) -> Result<(FullName, Requirement), Trouble> {
    let name = name.ok_or_else(|| {
        let expected = "such as `\"author.name\" = \">=1.0\"`";
        table.wrong(key, "no name of a package", expected)
    })?;
    let Some(text) = table.text(key)? else {
        return Err(table.missing(key, "a version such as `>=1.0`"));
    };
    let requirement = text
        .parse()
        .map_err(|_| table.wrong_text(key, text, "a version such as `>=1.0`"))?;
    Ok((name, requirement))
}
