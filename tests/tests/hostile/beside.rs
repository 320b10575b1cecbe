//! A folder with hostile plugins and a good one.

use std::path::PathBuf;

use keyway::package::LoadError;
use keyway::plugin::{TypeVerdict, Verdict};
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::{PluginFolder, c, keyway, plugin};

const GOOD: &str = "MyApp/MyStructure";

pub(crate) struct Beside {
    pub(crate) folder: PluginFolder,
    good: PathBuf,
}

impl Beside {
    pub(crate) fn new() -> Self {
        let folder = PluginFolder::new();
        let good = folder.copy_as(&plugin("mystructure"), "good.so");
        Self { folder, good }
    }

    /// Adds `tests/c/hostile.c` with `defines`, under the name of the defect; it gives the type
    /// `Hostile/<defect>`.
    pub(crate) fn compile(&self, compiler: &str, defect: &str, defines: &[&str]) -> PathBuf {
        let type_name = format!("-DTYPE=\"{}\"", type_name(defect));
        let mut more = vec![type_name.as_str()];
        more.extend(defines);
        let to = self.folder.path().join(format!("{defect}.so"));
        c::library(compiler, "hostile.c", &to, &more)
    }

    pub(crate) fn loader(&self) -> PackageLoader {
        PackageLoader::new(Registry::new(SearchPath::only([self.folder.path()])))
    }

    /// Asks for the type of `defect` in this process; gives the error's code.
    ///
    /// # Panics
    ///
    /// When there is no error, or the good plugin does not answer afterwards as it did before.
    pub(crate) fn code(&self, loader: &PackageLoader, defect: &str) -> &'static str {
        let before = self.answers(loader);
        let code = match loader.load_package(&type_name(defect)) {
            Ok(_) => panic!("{defect}: no error"),
            Err(LoadError::Resolve(error)) => error.code(),
            Err(error) => error.code(),
        };
        assert_eq!(self.answers(loader), before, "after {defect}");
        code
    }

    /// Everything that can be asked of the good plugin.
    pub(crate) fn answers(&self, loader: &PackageLoader) -> String {
        let registry = loader.registry();
        let catalog = registry.catalog();
        let mut files = catalog.files();
        let good = files.find(|file| file.path() == self.good).unwrap();
        let Verdict::Usable(types) = catalog.verdict(good) else {
            panic!("{good:?}");
        };
        assert!(types.iter().all(|(_, verdict)| *verdict == TypeVerdict::Ok));
        assert!(
            registry
                .type_names()
                .iter()
                .any(|name| name.as_str() == GOOD)
        );
        let structure = registry.structure(&GOOD.parse().unwrap()).unwrap();
        let package = loader.load_package(GOOD).unwrap();
        let loaded = registry.loaded();
        let loaded = loaded.iter().find(|plugin| plugin.path() == self.good);
        format!(
            "{types:?} {:?} {:?} {:?} {:?}",
            structure.plugin_path(),
            loaded.unwrap().manifest(),
            package.default_package_root(),
            package.required_files(),
        )
    }

    /// Asks for the type of `defect` with the command; gives the error's code and message, with
    /// `PLUGIN` where the plugin's path stands.
    ///
    /// # Panics
    ///
    /// When the command does not end by itself with an error.
    pub(crate) fn told(&self, defect: &str) -> (String, String) {
        let arguments = ["--json", "list", "-t", &type_name(defect)];
        let output = keyway(self.folder.path(), arguments);
        assert_eq!(output.code, 1, "{defect}: {output:#?}");
        assert_eq!(output.stdout, "", "{defect}");
        let error = output.error();
        let path = self.folder.path().join(format!("{defect}.so"));
        let message = error["message"].as_str().unwrap();
        (
            error["code"].as_str().unwrap().to_owned(),
            message.replace(path.to_str().unwrap(), "PLUGIN"),
        )
    }
}

pub(crate) fn type_name(defect: &str) -> String {
    format!("Hostile/{defect}")
}
