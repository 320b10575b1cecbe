//! The header for C says of sizes and places what Rust says.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::process::Command;

use keyway_abi::{
    Bytes, BytesSink, Call, ConfigV1, Entry, Fault, FetchRequestV1, FetchV1, Hook, HookV1, Host,
    HostV1, LifecycleContext, LifecycleContextV1, LifecycleV1, LogCallsite, LogEvent, LogSite,
    LogValue, Package, PackageAddV1, PackageInfoV1, PackageSink, PackageV1, PackagesV1, PairSink,
    PathSink, PathStr, PluginV1, ProcessRequestV1, ProcessStatusV1, ProcessV1, ProcessVariableV1,
    Row, Service, ServiceRequest, StoreChangeV1, StoreOutcomeV1, StoreV1, Str, StrSink,
    StructureV1,
};
use keyway_tests::{c, workspace};

/// Every struct of the border: its name in C and in Rust, and its fields in order.
macro_rules! border {
    ($(($c:literal, $rust:ty) => [$($field:ident),* $(,)?],)*) => {{
        let mut text = String::new();
        $(
            writeln!(text, "{} {}", $c, size_of::<$rust>()).unwrap();
            $(
                let place = offset_of!($rust, $field);
                writeln!(text, "{}.{} {place}", $c, stringify!($field)).unwrap();
            )*
        )*
        text
    }};
}

#[test]
fn c_and_rust_lay_the_border_out_alike() {
    let Some(compiler) = c::compiler("the header for C against the border") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("layout");
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(workspace().join("plugin-api/abi/include"))
        .arg(workspace().join("tests/c/layout.c"))
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let theirs = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
    let ours = border! {
    ("keyway_str", Str) => [ptr, len],
    ("keyway_path", PathStr) => [ptr, len],
    ("keyway_str_sink", StrSink) => [context, push],
    ("keyway_path_sink", PathSink) => [context, push],
    ("keyway_fault", Fault) => [kind, phase, line, column, message, file, causes, cause_count],
    ("keyway_call", Call) => [context, push_fault],
    ("keyway_log_callsite", LogCallsite) => [identity, level, line, name, target, file, module_path, fields, field_count],
    ("keyway_log_site", LogSite) => [handle, wanted],
    ("keyway_log_value", LogValue) => [field, kind, bits, text],
    ("keyway_log_event", LogEvent) => [values, value_count, spans],
    ("keyway_service_request", ServiceRequest) => [name, version, flavour, evidence],
    ("keyway_service", Service) => [context, table],
    ("keyway_host_v1", HostV1) => [log_register, log_event, service],
    ("keyway_host", Host) => [context, table],
    ("keyway_package_v1", PackageV1) => [last_error, path, metadata, metadata_value, is_valid, file_path, entry_list, keys, definition_paths, definition_name, is_required, mime_types, contents_prefix_paths, default_package_root, allow_external_paths, fallback_package, add_directory_definition, add_file_definition, remove_definition, set_required, set_mime_types, set_default_mime_types, set_contents_prefix_paths, set_default_package_root, set_allow_external_paths, set_path, set_metadata, set_fallback_package, clear_fallback_package],
    ("keyway_package", Package) => [context, table],
    ("keyway_lifecycle_context_v1", LifecycleContextV1) => [retain, release, package_root, data_dir, install_kwargs, package_toml, service],
    ("keyway_lifecycle_context", LifecycleContext) => [context, table],
    ("keyway_hook_v1", HookV1) => [retain, release, remaining_ms, is_cancelled, wait_cancelled, progress],
    ("keyway_hook", Hook) => [context, table],
    ("keyway_bytes", Bytes) => [ptr, len],
    ("keyway_bytes_sink", BytesSink) => [context, push],
    ("keyway_pair_sink", PairSink) => [context, push],
    ("keyway_store_change_v1", StoreChangeV1) => [expect, action, key, expected, value],
    ("keyway_store_outcome_v1", StoreOutcomeV1) => [removed, conflict],
    ("keyway_store_v1", StoreV1) => [get, scan, apply],
    ("keyway_fetch_request_v1", FetchRequestV1) => [url, branch, rev, folder, update],
    ("keyway_fetch_v1", FetchV1) => [fetch],
    ("keyway_config_v1", ConfigV1) => [text, integer, number, boolean, length, keys, json],
    ("keyway_package_add_v1", PackageAddV1) => [path, git_url, branch, rev, install_kwargs, start],
    ("keyway_package_info_v1", PackageInfoV1) => [name, version, status, path, running],
    ("keyway_package_sink", PackageSink) => [context, push],
    ("keyway_packages_v1", PackagesV1) => [list, status, add, start],
    ("keyway_process_variable_v1", ProcessVariableV1) => [name, value],
    ("keyway_process_request_v1", ProcessRequestV1) => [name, program, arguments, argument_count, environment, environment_count, folder, restart, grace_ms, log_bytes],
    ("keyway_process_status_v1", ProcessStatusV1) => [state, pid, since, restarts, exit, value],
    ("keyway_process_v1", ProcessV1) => [start, stop, status, list],
    ("keyway_plugin_v1", PluginV1) => [attach],
    ("keyway_structure_v1", StructureV1) => [create, init_package, path_changed, destroy],
    ("keyway_lifecycle_v1", LifecycleV1) => [create, prepare, install, start, stop, uninstall, upgrade, destroy],
    ("keyway_row", Row) => [name, name_len, version, flavour, table, evidence],
    ("keyway_entry", Entry) => [magic, size, row_size, abi_major, abi_minor, least_host_minor, flags, row_count, reserved, rows, manifest, manifest_len],
    };
    assert_eq!(theirs, ours);
}
