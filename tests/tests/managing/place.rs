//! A manager with its folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyway::lifecycle::{
    AddRequest, AddSource, Answer, Deadlines, DeleteRequest, ManagerError, Operation,
    PackageManager, PackageManagerBuilder,
};
use keyway::package::DataDirs;
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::PluginFolder;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
    plugins: PluginFolder,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With lifecycles on the plugin search path.
    pub(crate) fn with(plugins: &[&str]) -> Self {
        let plugins = [&["keyway-structure-threebot"], plugins].concat();
        Self {
            folder: tempfile::tempdir().unwrap(),
            plugins: PluginFolder::with(&plugins),
        }
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    pub(crate) fn loader(&self) -> PackageLoader {
        let search = SearchPath::only([self.plugins.path()]);
        let registry = Registry::builder(search).cache_dir(None).state_dir(None);
        let dirs = DataDirs::new(Some(self.at("share")), []);
        PackageLoader::with_data_dirs(registry.build(), dirs)
    }

    pub(crate) fn builder(&self) -> PackageManagerBuilder {
        let mut deadlines = Deadlines::default();
        deadlines.prepare = Duration::from_secs(20);
        deadlines.grace = Duration::from_millis(300);
        PackageManager::builder(self.loader())
            .state_dir(self.at("state"))
            .deadlines(deadlines)
    }

    pub(crate) fn manager(&self) -> PackageManager {
        self.builder().open().unwrap()
    }

    /// What a package wrote down of its hooks.
    pub(crate) fn hooks(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.at("state/data").join(name).join("hooks"));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn forget_hooks(&self, name: &str) {
        let _ = fs::remove_file(self.at("state/data").join(name).join("hooks"));
    }
}

/// What tests ask for.
pub(crate) trait Ask {
    fn ask(&self, operation: Operation) -> Result<Answer, ManagerError>;

    fn add(&self, request: AddRequest) -> Result<Answer, ManagerError> {
        self.ask(Operation::Add(request))
    }
    fn start(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Start { name: name.into() })
    }
    fn stop(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Stop { name: name.into() })
    }
    fn enable(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Enable { name: name.into() })
    }
    fn disable(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Disable { name: name.into() })
    }
    fn retry(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Retry { name: name.into() })
    }
    fn reload(&self, name: &str) -> Result<Answer, ManagerError> {
        self.ask(Operation::Reload { name: name.into() })
    }
    fn reconfigure(&self, name: &str, kwargs: Value) -> Result<Answer, ManagerError> {
        let name = name.into();
        let install_kwargs = map(kwargs);
        self.ask(Operation::Reconfigure {
            name,
            install_kwargs,
        })
    }
    fn delete(&self, name: &str, purge: bool) -> Result<Answer, ManagerError> {
        let mut request = DeleteRequest::new(name);
        request.purge = purge;
        self.ask(Operation::Delete(request))
    }
}

impl Ask for PackageManager {
    fn ask(&self, operation: Operation) -> Result<Answer, ManagerError> {
        self.perform(operation, Arc::new(|_| {}))
    }
}

/// A package in a folder or an archive.
pub(crate) fn path(path: impl AsRef<Path>) -> AddRequest {
    let path = path.as_ref().to_path_buf();
    AddRequest::new(AddSource::Path { path })
}

pub(crate) fn map(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}
