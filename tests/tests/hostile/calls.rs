//! Functions that return and push what the contract does not know. Each is a fault that names
//! plugin, type and method.

use keyway_tests::{c, keyway};

use crate::beside::{Beside, type_name};

const ATTACH: [(&str, &str, &str); 8] = [
    (
        "attach-unknown-status",
        "-DATTACH=return 77",
        "broke the contract of the border: status 77 without a fault",
    ),
    (
        "attach-status-without-fault",
        "-DATTACH=return KEYWAY_FAULT",
        "broke the contract of the border: status 1 without a fault",
    ),
    (
        "attach-not-found",
        "-DATTACH=return KEYWAY_NOT_FOUND",
        "broke the contract of the border: status 2 without a fault",
    ),
    (
        "attach-fault",
        "-DATTACH=push(call, \"no luck\", 7); return KEYWAY_FAULT",
        "failed: no luck",
    ),
    (
        "attach-fault-without-status",
        "-DATTACH=push(call, \"no luck\", 7); return KEYWAY_OK",
        "failed: no luck",
    ),
    (
        "fault-not-UTF-8",
        "-DATTACH=push(call, \"no \\377 luck\", 9); return KEYWAY_FAULT",
        "failed: no \u{fffd} luck",
    ),
    (
        "fault-null-text",
        "-DATTACH=push(call, NULL, SIZE_MAX); return KEYWAY_FAULT",
        "failed: ",
    ),
    (
        "fault-null",
        "-DATTACH=call->push_fault(call->context, NULL); return KEYWAY_FAULT",
        "broke the contract of the border: status 1 without a fault",
    ),
];

const CONSTRUCT: [(&str, &str, &str); 4] = [
    (
        "create-null",
        "-DCREATE=*out = NULL; return KEYWAY_OK",
        "broke the contract of the border: status 0 without an object",
    ),
    (
        "create-nothing",
        "-DCREATE=return KEYWAY_OK",
        "broke the contract of the border: status 0 without an object",
    ),
    (
        "create-unknown-status",
        "-DCREATE=*out = &object; return 4294967295u",
        "broke the contract of the border: status 4294967295 without a fault",
    ),
    (
        "create-fault-and-object",
        "-DCREATE=*out = &object; push(call, \"no luck\", 7); return KEYWAY_OK",
        "failed: no luck",
    ),
];

const INIT: [(&str, &str, &str); 2] = [
    (
        "init-unknown-status",
        "-DINIT=return 77",
        "broke the contract of the border: status 77 without a fault",
    ),
    (
        "init-not-found",
        "-DINIT=return KEYWAY_NOT_FOUND",
        "broke the contract of the border: status 2 without a fault",
    ),
];

fn each_is_a_fault(defects: &[(&str, &str, &str)], method: &str) {
    let Some(compiler) = c::compiler("functions that break the contract") else {
        return;
    };
    let beside = Beside::new();
    for (defect, define, _) in defects {
        beside.compile(compiler, defect, &[define]);
    }
    let loader = beside.loader();
    for (defect, _, what) in defects {
        let name = type_name(defect);
        let named = match method {
            "attach" => String::new(),
            _ => format!("type `{name}`, "),
        };
        let message = format!("plugin `{name}`, {named}method `{method}`: {what}");
        let expected = ("plugin-failed".to_owned(), message);
        assert_eq!(beside.told(defect), expected, "{defect}");
        assert_eq!(beside.code(&loader, defect), "plugin-failed", "{defect}");
        // And again: nothing half-made is kept.
        assert_eq!(beside.code(&loader, defect), "plugin-failed", "{defect}");
    }
    let loaded = loader.registry().loaded().len();
    let expected = match method {
        "attach" => 1,
        _ => defects.len() + 1,
    };
    assert_eq!(loaded, expected, "a plugin that cannot be attached is kept");
}

#[test]
fn an_attach_that_fails_or_breaks_the_contract() {
    each_is_a_fault(&ATTACH, "attach");
}

#[test]
fn a_constructor_that_fails_or_breaks_the_contract() {
    each_is_a_fault(&CONSTRUCT, "constructor");
}

#[test]
fn an_init_package_that_breaks_the_contract() {
    each_is_a_fault(&INIT, "init_package");
}

#[test]
fn a_constructor_that_does_not_know_the_type() {
    let Some(compiler) = c::compiler("a constructor that does not know the type") else {
        return;
    };
    let beside = Beside::new();
    beside.compile(
        compiler,
        "create-not-found",
        &["-DCREATE=return KEYWAY_NOT_FOUND"],
    );
    let (code, message) = beside.told("create-not-found");
    assert_eq!(code, "type-not-given");
    assert_eq!(
        message,
        "`PLUGIN` names the structure `Hostile/create-not-found` in its manifest but does not give it"
    );
    let loader = beside.loader();
    assert_eq!(beside.code(&loader, "create-not-found"), "type-not-given");
}

#[test]
fn a_flood_of_faults_is_cut_off() {
    let Some(compiler) = c::compiler("a flood of faults") else {
        return;
    };
    let beside = Beside::new();
    let flood = "-DATTACH=for (int i = 0; i < 100000; i++) push(call, \"no luck\", 7); return 1";
    beside.compile(compiler, "flood", &[flood]);
    let (code, message) = beside.told("flood");
    assert_eq!(code, "plugin-failed");
    assert_eq!(message.matches("no luck").count(), 16, "{message}");
}

#[test]
fn what_a_plugin_says_does_not_steer_the_terminal() {
    let Some(compiler) = c::compiler("escape sequences in a fault") else {
        return;
    };
    let beside = Beside::new();
    let define = "-DATTACH=push(call, \"\\033[31mred\\n\\r\", 10); return KEYWAY_FAULT";
    beside.compile(compiler, "escapes", &[define]);
    let output = keyway(beside.folder.path(), ["list", "-t", "Hostile/escapes"]);
    assert_eq!(output.code, 1);
    assert_eq!(
        output.stderr,
        "error: plugin `Hostile/escapes`, method `attach`: failed: \
         \\u{1b}[31mred\\u{a}\\u{d}\n"
    );
}
