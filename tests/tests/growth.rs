//! The border grows by rows: old plugins load in newer hosts, new plugins in older hosts, and a
//! published table that changes all the same is refused.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_tests::command::{alone, keyway_command, run};
use keyway_tests::copy::Copy;
use keyway_tests::{Build, Output, PluginFolder, plugin};

/// A Keyway of the future: `keyway.structure` has a version 2 beside version 1, and its host says
/// when it uses that.
fn future() -> PathBuf {
    let second = r#"
/// `keyway.structure` 2.
#[repr(C)]
#[derive(StableAbi)]
#[allow(missing_docs)]
pub struct StructureV2 {
    pub first: StructureV1,
    pub answer: unsafe extern "C" fn(question: u64) -> u64,
}

// SAFETY: `#[repr(C)]`, frozen.
unsafe impl Interface for StructureV2 {
    const NAME: &'static str = "keyway.structure";
    const VERSION: u32 = 2;
    const SINCE_MINOR: u16 = 1;
}

/// The table of a plugin whose structures are `S`.
#[must_use]
pub const fn structure_v2<S: Structures>() -> StructureV2 {
    unsafe extern "C" fn answer(question: u64) -> u64 {
        question + 1
    }
    StructureV2 {
        first: structure_v1::<S>(),
        answer,
    }
}

/// The plugin's side of [`StructureV1`]."#;
    Copy::named("future")
        .patch(
            "plugin-api/abi/src/structure.rs",
            "\n/// The plugin's side of [`StructureV1`].",
            second,
        )
        .patch(
            "plugin-api/abi/src/lib.rs",
            "pub use structure::{",
            "pub use structure::{StructureV2, structure_v2, ",
        )
        .patch(
            "plugin-api/abi/src/entry/mod.rs",
            "pub const ABI_MINOR: u16 = 0;",
            "pub const ABI_MINOR: u16 = 1;",
        )
        .patch(
            "plugin-api/src/export.rs",
            "    const LIFECYCLE: LifecycleV1",
            "    const STRUCTURE_2: keyway_abi::StructureV2 = keyway_abi::structure_v2::<Self>();\n    \
             /// The row of version 2.\n    \
             pub const STRUCTURE_2_ROW: Row = Row::rust(&Self::STRUCTURE_2);\n    \
             const LIFECYCLE: LifecycleV1",
        )
        .patch(
            "plugin-api/macros/src/lib.rs",
            "rows.push(quote!(STRUCTURE_ROW));",
            "rows.push(quote!(STRUCTURE_ROW)); rows.push(quote!(STRUCTURE_2_ROW));",
        )
        .patch(
            "host/src/plugin/library/open.rs",
            "        if rows.manifest != candidate.manifest_bytes()",
            "        let second: Option<&keyway_abi::StructureV2> = table(&rows, path)?;\n        \
             let structures = match second {\n            \
             Some(second) => {\n                \
             // SAFETY: the layout was checked.\n                \
             let answer = unsafe { (second.answer)(41) };\n                \
             eprintln!(\"version 2 answers {answer}\");\n                \
             Some(&second.first)\n            \
             }\n            \
             None => structures,\n        \
             };\n        \
             if rows.manifest != candidate.manifest_bytes()",
        )
        .make()
}

fn show(mut keyway: Command, plugin: &Path) -> Output {
    let folder = PluginFolder::new();
    folder.copy(plugin);
    let package = keyway_tests::workspace().join("example-plugins/mystructure/package");
    keyway
        .env("KEYWAY_PLUGIN_PATH", folder.path())
        .args(["show", "-t", "MyApp/MyStructure"])
        .arg(package);
    run(&mut keyway)
}

fn future_command() -> Command {
    let program = Build::of("keyway-cli")
        .in_workspace(&future(), "future")
        .program();
    alone(&program)
}

fn future_plugin() -> PathBuf {
    Build::of("mystructure")
        .in_workspace(&future(), "future")
        .path()
}

#[test]
fn an_old_plugin_loads_in_a_host_with_one_more_row() {
    let output = show(future_command(), &plugin("mystructure"));
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(output.stdout.contains("scripts/main.js"), "{output:#?}");
    assert_eq!(output.stderr, "");
}

#[test]
fn a_new_plugin_loads_in_an_old_host() {
    let output = show(keyway_command(), &future_plugin());
    assert_eq!(output.code, 0, "{output:#?}");
    assert!(output.stdout.contains("scripts/main.js"), "{output:#?}");
}

/// Without this the two tests above would prove nothing.
#[test]
fn a_new_plugin_in_a_new_host_uses_the_new_row() {
    let output = show(future_command(), &future_plugin());
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(output.stderr, "version 2 answers 42\n");
}

#[test]
fn a_published_table_that_changes_is_refused_with_the_first_differences() {
    let changed = Copy::named("changed")
        .patch(
            "plugin-api/abi/src/structure.rs",
            "    pub destroy: unsafe extern \"C\" fn(instance: *mut c_void, call: *const Call) -> u32,",
            "    pub destroy: unsafe extern \"C\" fn(instance: *mut c_void, call: *const Call) -> u32,\n    \
             /// Appended.\n    \
             pub appended: usize,",
        )
        .patch(
            "plugin-api/abi/src/structure.rs",
            "        destroy: destroy::<S>,",
            "        destroy: destroy::<S>,\n        appended: 0,",
        )
        .make();
    let plugin = Build::of("mystructure")
        .in_workspace(&changed, "changed")
        .path();
    let output = show(keyway_command(), &plugin);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(
        output
            .stderr
            .contains("has another layout of `keyway.structure` than this host"),
        "{output:#?}"
    );
    assert!(output.stderr.contains("too many fields"), "{output:#?}");
    assert!(output.stderr.lines().count() <= 14, "{output:#?}");
    assert!(output.stderr.contains("hint: build the plugin with"));
}
