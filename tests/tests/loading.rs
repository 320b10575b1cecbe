//! Loading a plugin: the gates after the file has been opened, and threads.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use keyway::package::LoadError;
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::{PluginFolder, c, patch, plugin, workspace};

fn loader(folder: &Path) -> PackageLoader {
    PackageLoader::new(Registry::new(SearchPath::only([folder])))
}

fn code(loader: &PackageLoader, type_name: &str) -> &'static str {
    match loader.load_package(type_name) {
        Err(LoadError::Resolve(error)) => error.code(),
        Err(error) => error.code(),
        Ok(_) => "ok",
    }
}

#[test]
fn a_type_that_the_code_does_not_give_is_a_fault_of_the_plugin() {
    let folder = PluginFolder::new();
    let sound = plugin("mystructure");
    let lie = patch::manifest(
        &sound,
        r#"{"type":"MyApp/MyStructure""#,
        r#"{"type":"MyApp/NotStructur""#,
    );
    folder.write("lying.so", &lie);
    let loader = loader(folder.path());
    // Looking cannot know.
    assert_eq!(loader.registry().type_names().len(), 1);
    assert_eq!(code(&loader, "MyApp/NotStructur"), "type-not-given");
}

#[test]
fn the_file_that_was_read_is_the_one_that_runs() {
    let folder = PluginFolder::new();
    let sound = plugin("mystructure");
    let path = folder.copy_as(&sound, "plugin.so");
    let loader = loader(folder.path());
    // The manifest is read now, and the file replaced before it is opened.
    assert_eq!(loader.registry().type_names().len(), 1);
    std::fs::remove_file(&path).unwrap();
    folder.write(
        "plugin.so",
        &patch::manifest(&sound, r#""version":"1""#, r#""version":"2""#),
    );
    assert_eq!(code(&loader, "MyApp/MyStructure"), "changed");
}

#[test]
fn a_manifest_that_was_changed_in_the_file_is_found_out() {
    let folder = PluginFolder::new();
    let changed = patch::note(
        &plugin("mystructure"),
        r#""version":"1""#,
        r#""version":"9""#,
    );
    folder.write("changed.so", &changed);
    assert_eq!(code(&loader(folder.path()), "MyApp/MyStructure"), "echo");
}

#[test]
fn a_type_that_asks_for_itself_is_a_cycle_and_no_deadlock() {
    let folder = PluginFolder::with(&["asks-for-itself"]);
    let error = loader(folder.path())
        .load_package("Cycle/Self")
        .unwrap_err();
    let message = error.to_string();
    assert!(message.contains("cycle"), "{message}");
    assert!(message.contains("plugin `Cycle/Self`"), "{message}");
}

/// A later generation of a file is loaded beside the older one, after a refresh.
#[test]
fn a_replaced_plugin_is_used_after_a_refresh_and_the_old_one_goes_on() {
    let folder = PluginFolder::new();
    let sound = plugin("mystructure");
    let newer = patch::manifest(&sound, r#""version":"1""#, r#""version":"2""#);
    folder.copy_as(&sound, "plugin.so");
    let loader = loader(folder.path());
    let version = |package: &keyway::Package| {
        let plugin = package.structure().plugin().unwrap();
        plugin.manifest().version.clone()
    };
    let old = loader.load_package("MyApp/MyStructure").unwrap();

    folder.write("next", &newer);
    std::fs::rename(folder.path().join("next"), folder.path().join("plugin.so")).unwrap();
    let still = loader.load_package("MyApp/MyStructure").unwrap();
    assert_eq!(version(&still), "1");

    loader.refresh();
    let new = loader.load_package("MyApp/MyStructure").unwrap();
    assert_eq!((&*version(&old), &*version(&new)), ("1", "2"));
    assert!(old.is_required("mainscript") && new.is_required("mainscript"));

    let mut loaded = loader.registry().loaded();
    loaded.sort_by_key(|plugin| plugin.manifest().version.clone());
    let digests: Vec<_> = loaded
        .iter()
        .map(|plugin| plugin.sha256().unwrap())
        .collect();
    assert_eq!(digests, [sha256(&patch::bytes(&sound)), sha256(&newer)]);
    assert!(loaded[0].loaded_at() <= loaded[1].loaded_at());
    assert!(loaded[0].manifest().rustc.starts_with("rustc "));
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn sixteen_threads_open_one_library_once() {
    let folder = PluginFolder::with(&["mystructure"]);
    let loader = loader(folder.path());
    let barrier = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                let package = loader.load_package("MyApp/MyStructure").unwrap();
                assert_eq!(package.default_package_root(), Some("myapp/packages/"));
            });
        }
    });
    assert_eq!(loader.registry().loaded().len(), 1);
    let maps = std::fs::read("/proc/self/maps").unwrap();
    let maps = String::from_utf8_lossy(&maps);
    let text = folder.path().to_str().unwrap();
    let executable = maps
        .lines()
        .filter(|line| line.contains(text) && line.contains("r-xp"));
    assert_eq!(executable.count(), 1, "{maps}");
}

/// All that is public, by module.
#[test]
fn what_hosts_use_can_be_sent_and_shared() {
    fn both<T: Send + Sync + ?Sized>() {}
    both::<keyway::plugin::Abi>();
    both::<keyway::plugin::AccessError>();
    both::<keyway::plugin::Cancellation>();
    both::<keyway::plugin::Candidate>();
    both::<keyway::plugin::Catalog>();
    both::<keyway::plugin::Compatible>();
    both::<keyway::plugin::Container>();
    both::<keyway::plugin::EntryError>();
    both::<keyway::plugin::ExplainedFile>();
    both::<keyway::plugin::ExplainedFolder>();
    both::<keyway::plugin::ExplainedVerdict>();
    both::<keyway::plugin::Explanation>();
    both::<keyway::plugin::Fault>();
    both::<keyway::plugin::FaultKind>();
    both::<keyway::plugin::FaultReport>();
    both::<keyway::plugin::FileIdentity>();
    both::<keyway::plugin::FolderOrigin>();
    both::<keyway::plugin::FolderScan>();
    both::<keyway::plugin::Found>();
    both::<keyway::plugin::Gate>();
    both::<keyway::plugin::GivenType>();
    both::<keyway::plugin::Header>();
    both::<keyway::plugin::HookName>();
    both::<keyway::plugin::InstallPluginError>();
    both::<keyway::plugin::KeyFilter>();
    both::<keyway::plugin::LayoutMismatch>();
    both::<keyway::plugin::LoadError>();
    both::<keyway::plugin::Location>();
    both::<keyway::plugin::Look>();
    both::<keyway::plugin::Manifest>();
    both::<keyway::plugin::ManifestError>();
    both::<keyway::plugin::Method>();
    both::<keyway::plugin::NotAPlugin>();
    both::<keyway::plugin::Phase>();
    both::<keyway::plugin::Plugin>();
    both::<keyway::plugin::Quarantine>();
    both::<keyway::plugin::Quarantined>();
    both::<keyway::plugin::Probe>();
    both::<keyway::plugin::ProbeError>();
    both::<keyway::plugin::ProbeFault>();
    both::<keyway::plugin::ProbeOutcome>();
    both::<keyway::plugin::Refusal>();
    both::<keyway::plugin::Registry>();
    both::<keyway::plugin::RegistryBuilder>();
    both::<keyway::plugin::RememberedVerdict>();
    both::<keyway::plugin::ResolveError>();
    both::<keyway::plugin::Search>();
    both::<keyway::plugin::SearchFolder>();
    both::<keyway::plugin::SearchPath>();
    both::<keyway::plugin::ServiceOffer>();
    both::<keyway::plugin::Skipped>();
    both::<keyway::plugin::Structure>();
    both::<keyway::plugin::TypeKind>();
    both::<keyway::plugin::TypeName>();
    both::<keyway::plugin::TypeNameError>();
    both::<keyway::plugin::TypeVerdict>();
    both::<keyway::plugin::Verdict>();
    both::<keyway::archive::ArchiveError>();
    both::<keyway::archive::ArchiveFormat>();
    both::<keyway::archive::ArchiveWarning>();
    both::<keyway::archive::Compression>();
    both::<keyway::archive::FoundEntry>();
    both::<keyway::archive::Limits>();
    both::<keyway::archive::Progress>();
    both::<keyway::archive::Unpacked>();
    both::<keyway::archive::UnpackedEntry>();
    both::<keyway::archive::UnpackedKind>();
    both::<keyway::package::Change>();
    both::<keyway::package::PackageEvent>();
    both::<keyway::git::Fetch>();
    both::<keyway::git::Fetched>();
    both::<keyway::git::GitError>();
    both::<keyway::git::Limits>();
    both::<keyway::git::Progress>();
    both::<keyway::git::Warning>();
    both::<keyway::install::Action>();
    both::<keyway::install::Cancellation>();
    both::<keyway::install::Dependency>();
    both::<keyway::install::Handlers>();
    both::<keyway::install::InstallError>();
    both::<keyway::install::Installed>();
    both::<keyway::install::Installer>();
    both::<keyway::install::Limits>();
    both::<keyway::install::Operation>();
    both::<keyway::install::PackageDependency>();
    both::<keyway::install::Plan>();
    both::<keyway::install::Progress>();
    both::<keyway::install::Receipt>();
    both::<keyway::install::ReceiptEntry>();
    both::<keyway::install::ReceiptKind>();
    both::<keyway::install::ReceiptSource>();
    both::<keyway::install::Refusal>();
    both::<keyway::install::Removal>();
    both::<keyway::install::Removed>();
    both::<keyway::install::Source>();
    both::<keyway::install::SourceKind>();
    both::<keyway::install::Staged>();
    both::<keyway::lifecycle::AddRequest>();
    both::<keyway::lifecycle::AddSource>();
    both::<keyway::lifecycle::Answer>();
    both::<keyway::lifecycle::Deadlines>();
    both::<keyway::lifecycle::DeleteRequest>();
    both::<keyway::lifecycle::Holder>();
    both::<keyway::lifecycle::HookOutcome>();
    both::<keyway::lifecycle::HookProgress>();
    both::<keyway::lifecycle::InstalledFrom>();
    both::<keyway::lifecycle::LastError>();
    both::<keyway::lifecycle::LifecycleState>();
    both::<keyway::lifecycle::ManagerError>();
    both::<keyway::lifecycle::ManagerEvent>();
    both::<keyway::lifecycle::Operation>();
    both::<keyway::lifecycle::Outcome>();
    both::<keyway::lifecycle::PackageManager>();
    both::<keyway::lifecycle::PackageManagerBuilder>();
    both::<keyway::lifecycle::PackageProcess>();
    both::<keyway::lifecycle::PackageStatus>();
    both::<keyway::lifecycle::ProcessPhase>();
    both::<keyway::lifecycle::PendingOperation>();
    both::<keyway::lifecycle::Started>();
    both::<keyway::lifecycle::Status>();
    both::<keyway::lifecycle::StatusError>();
    both::<keyway::lifecycle::Stopped>();
    both::<keyway::lifecycle::PackageStore>();
    both::<keyway::lifecycle::StoreError>();
    both::<keyway::lifecycle::Worker>();
    both::<keyway::lifecycle::Stores>();
    both::<keyway::watch::Change>();
    both::<keyway::watch::PackageEvent>();
    both::<keyway::watch::PackageWatcher>();
    both::<keyway::watch::PluginEvent>();
    both::<keyway::watch::PluginWatcher>();
    both::<keyway::watch::WatchError>();
    both::<keyway::package::Author<'_>>();
    both::<keyway::package::DataDirs>();
    both::<keyway::package::DeclaredTypesError>();
    both::<keyway::package::Definition>();
    both::<keyway::package::Document>();
    both::<keyway::package::DocumentError>();
    both::<keyway::package::Examination<'_>>();
    both::<keyway::package::FileError>();
    both::<keyway::package::Format>();
    both::<keyway::package::HashAlgorithm>();
    both::<keyway::package::HashError>();
    both::<keyway::package::KeyDefinition>();
    both::<keyway::package::Kind>();
    both::<keyway::package::Lenient>();
    both::<keyway::package::ListedPackage>();
    both::<keyway::package::Listing<'_>>();
    both::<keyway::package::ListingProgress>();
    both::<keyway::package::LoadError>();
    both::<keyway::package::MetadataError>();
    both::<keyway::package::NameFault>();
    both::<keyway::package::OpenError>();
    both::<keyway::package::Package>();
    both::<keyway::package::PackageError>();
    both::<keyway::package::PackageLoader>();
    both::<keyway::package::PackageMetadata>();
    both::<keyway::package::PassedOver>();
    both::<keyway::package::PluginMetadata<'_>>();
    both::<keyway::package::Problem>();
    both::<keyway::package::Severity>();
    both::<keyway::package::Tried>();
    both::<keyway::package::TypeName>();
    both::<keyway::package::TypeNameError>();
    both::<keyway::package::ValueError>();
    both::<keyway::package::threebot::FullName>();
    both::<keyway::package::threebot::PackageToml>();
    both::<keyway::package::threebot::Requirement>();
    both::<dyn keyway::plugin::ContextAccess>();
    both::<dyn keyway::plugin::CancellationAccess>();
    both::<dyn keyway::plugin::ConfigAccess>();
    both::<keyway::plugin::ConfigDocument>();
    both::<keyway::plugin::ConfigValue>();
    both::<dyn keyway::plugin::FetchAccess>();
    both::<keyway::plugin::FetchRequest>();
    both::<keyway::plugin::PackageAdd>();
    both::<keyway::plugin::PackageInfo>();
    both::<keyway::plugin::PackageSource>();
    both::<dyn keyway::plugin::PackagesAccess>();
    both::<dyn keyway::plugin::ProcessAccess>();
    both::<keyway::plugin::ProcessExit>();
    both::<keyway::plugin::ProcessFailure>();
    both::<keyway::plugin::ProcessRequest>();
    both::<keyway::plugin::ProcessState>();
    both::<keyway::plugin::ProcessStatus>();
    both::<keyway::plugin::Restart>();
    both::<dyn keyway::plugin::StoreAccess>();
    both::<keyway::plugin::StoreChange<'_>>();
    both::<keyway::plugin::StoreExpected<'_>>();
    both::<keyway::plugin::StoreOutcome>();
    both::<keyway::plugin::Lifecycle>();
}

/// What is new and public is in the list above.
#[test]
fn the_list_of_public_types_is_whole() {
    // Handed out, or lent to the library, for one call, on one thread.
    const OF_ONE_THREAD: [&str; 2] = ["plugin::PackageAccess", "archive::Observer"];
    let list = include_str!("loading.rs");
    for module in [
        "plugin",
        "archive",
        "git",
        "package",
        "install",
        "lifecycle",
        "watch",
    ] {
        let file = workspace().join("host/src").join(module).join("mod.rs");
        let text = std::fs::read_to_string(file).unwrap();
        for exports in text.split("\npub use ").skip(1) {
            let (exports, _) = exports.split_once(';').unwrap();
            // `path::Name`, `Name` or `Name as OtherName`
            let names = exports.split([',', '{', '}']).filter_map(|export| {
                let mut words = export.split([' ', ':']).map(str::trim);
                words.rfind(|word| !word.is_empty())
            });
            let is_type = |name: &&str| {
                name.starts_with(|first: char| first.is_uppercase())
                    && name.contains(|letter: char| letter.is_lowercase())
            };
            for name in names.filter(is_type) {
                let name = format!("{module}::{name}");
                let ends = [">", "<"].map(|end| format!("keyway::{name}{end}"));
                let is_listed = ends.iter().any(|end| list.contains(end));
                assert!(is_listed || OF_ONE_THREAD.contains(&&name[..]), "{name}");
            }
        }
    }
}

#[test]
fn odd_paths_work() {
    let names: [&OsStr; 3] = [
        OsStr::new("with spaces and 'quotes'"),
        OsStr::new("größe-日本語"),
        OsStr::from_bytes(b"no\xffunicode\xfe"),
    ];
    let plugin_file = plugin("mystructure");
    let sample = workspace().join("example-plugins/mystructure/package");
    for name in names {
        let folder = PluginFolder::new();
        let plugins = folder.path().join(name);
        let package = folder.path().join("packages").join(name);
        std::fs::create_dir_all(&plugins).unwrap();
        std::fs::create_dir_all(package.join("contents/scripts")).unwrap();
        std::fs::create_dir_all(package.join("contents/images")).unwrap();
        let mut file = name.to_owned();
        file.push(".so");
        std::fs::copy(&plugin_file, plugins.join(file)).unwrap();
        std::fs::copy(sample.join("metadata.json"), package.join("metadata.json")).unwrap();
        std::fs::write(package.join("contents/scripts/main.js"), "").unwrap();
        std::fs::write(package.join("contents/images").join(name), "").unwrap();

        let loader = loader(&plugins);
        let opened = loader
            .load_package_at("MyApp/MyStructure", &package)
            .unwrap();
        assert!(opened.is_valid());
        let script = package
            .canonicalize()
            .unwrap()
            .join("contents/scripts/main.js");
        assert_eq!(opened.file_path("mainscript", "").unwrap(), script);
        assert_eq!(opened.entry_list("images"), [name]);
        assert!(opened.file_path("images", name).is_some());
    }
}

#[test]
fn a_structure_in_c() {
    let Some(compiler) = c::compiler("a structure in C") else {
        return;
    };
    let folder = PluginFolder::new();
    c::library(compiler, "structure.c", &folder.path().join("c.so"), &[]);
    let loader = loader(folder.path());

    let error = loader.load_package("C/Fails").unwrap_err();
    assert!(
        error.to_string().contains("failed: made to fail"),
        "{error}"
    );

    let mut package = loader.load_package("C/Structure").unwrap();
    assert_eq!(package.default_package_root(), Some("c/packages/"));
    assert_eq!(package.mime_types("docs"), ["text/plain"]);
    assert_eq!(package.required_files(), ["main"]);
    // A sink called back.
    assert!(!package.files().contains(&"forgotten"));
    let made = PluginFolder::new();
    std::fs::create_dir(made.path().join("contents")).unwrap();
    assert!(package.set_path(made.path()).is_err());
    made.write("contents/main.txt", b"");
    package.set_path(made.path()).unwrap();
    assert!(package.file_path("main", "").is_some());
}

/// dlsym finds symbols of a library's dependencies too.
#[test]
fn an_entry_that_belongs_to_a_dependency_is_refused() {
    let Some(compiler) = c::compiler("an entry that belongs to a dependency") else {
        return;
    };
    let folder = PluginFolder::new();
    let dependency = PluginFolder::new();
    let real = dependency.path().join("libreal.so");
    c::library(compiler, "structure.c", &real, &[]);
    let rpath = format!("-Wl,-rpath,{}", dependency.path().display());
    c::library(
        compiler,
        "no_entry.c",
        &folder.path().join("borrows.so"),
        &["-Wl,--no-as-needed", real.to_str().unwrap(), &rpath],
    );
    assert_eq!(code(&loader(folder.path()), "C/Structure"), "foreign-entry");

    let alone = PluginFolder::new();
    c::library(compiler, "no_entry.c", &alone.path().join("alone.so"), &[]);
    assert_eq!(code(&loader(alone.path()), "C/Structure"), "no-entry");
}

#[test]
fn what_the_loader_misses_is_named() {
    let Some(compiler) = c::compiler("what the loader misses") else {
        return;
    };
    let folder = PluginFolder::new();
    let dependency = PluginFolder::new();
    let needed = dependency.path().join("libneeded.so");
    c::library(
        compiler,
        "no_entry.c",
        &needed,
        &["-Wl,-soname,libneeded.so.7"],
    );
    let plugin = folder.path().join("needs.so");
    let flags = ["-Wl,--no-as-needed", needed.to_str().unwrap()];
    c::library(compiler, "structure.c", &plugin, &flags);
    let error = loader(folder.path())
        .load_package("C/Structure")
        .unwrap_err();
    assert_eq!(error.code(), "missing-library");
    let message = format!(
        "cannot load `{}`: it needs the library `libneeded.so.7`, which is not there",
        plugin.display()
    );
    assert_eq!(error.to_string(), message);

    let folder = PluginFolder::new();
    let plugin = folder.path().join("symbol.so");
    let flags = [
        "-DIN_ATTACH=no_such_function()",
        "-Wno-error=implicit-function-declaration",
    ];
    c::library(compiler, "structure.c", &plugin, &flags);
    let error = loader(folder.path())
        .load_package("C/Structure")
        .unwrap_err();
    assert_eq!(error.code(), "missing-symbol");
    assert!(
        error.to_string().contains("the symbol `no_such_function`"),
        "{error}"
    );
}

/// A glibc that does not exist yet: the version's name in the file is changed.
#[test]
fn a_newer_glibc_is_named() {
    let Some(compiler) = c::compiler("a newer glibc") else {
        return;
    };
    let folder = PluginFolder::new();
    let plugin = folder.path().join("newer.so");
    let flags = ["-DIN_ATTACH=if(host){abort();}"];
    c::library(compiler, "structure.c", &plugin, &flags);
    let mut bytes = patch::bytes(&plugin);
    let old = b"GLIBC_2.2.5\0";
    let at = bytes.windows(old.len()).position(|it| it == old).unwrap();
    bytes[at..at + old.len()].copy_from_slice(b"GLIBC_9.9.5\0");
    // The loader compares a hash of the name first.
    let hash = |name: &[u8]| {
        name.iter().fold(0_u32, |hash, byte| {
            let hash = (hash << 4).wrapping_add(u32::from(*byte));
            let high = hash & 0xf000_0000;
            (hash ^ (high >> 24)) & !high
        })
    };
    let old = hash(b"GLIBC_2.2.5").to_le_bytes();
    let at = bytes.windows(4).position(|it| it == old).unwrap();
    bytes[at..at + 4].copy_from_slice(&hash(b"GLIBC_9.9.5").to_le_bytes());
    std::fs::write(&plugin, bytes).unwrap();
    let error = loader(folder.path())
        .load_package("C/Structure")
        .unwrap_err();
    assert_eq!(error.code(), "glibc-too-old", "{error:?}");
    assert!(
        error
            .to_string()
            .contains("it needs glibc 9.9, this system has 2."),
        "{error}"
    );
}
