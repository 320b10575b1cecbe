//! Entries, rows and tables that break the rules. The host finds out after the library is open and
//! before it calls any function of it.

use keyway_tests::c;

use crate::beside::Beside;

/// The defect, what makes it, the code, and what a person is told.
type Defect = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const BROKEN: [Defect; 26] = [
    (
        "magic",
        &["-DMAGIC={'K','E','Y','W','A','Y',0,2}"],
        "broken-entry",
        r"`keyway_entry_1` does not begin with the magic: found `KEYWAY\x00\x02`, expected `KEYWAY\x00\x01`",
    ),
    (
        "misaligned",
        &["-DMISALIGNED"],
        "broken-entry",
        "`keyway_entry_1` is not aligned to a pointer",
    ),
    (
        "entry-of-8-bytes",
        &["-DENTRY_SIZE=8"],
        "broken-entry",
        "the entry is too small: found 8 bytes, expected at least 56",
    ),
    (
        "entry-of-55-bytes",
        &["-DENTRY_SIZE=55"],
        "broken-entry",
        "the entry is too small: found 55 bytes, expected at least 56",
    ),
    (
        "major",
        &["-DMAJOR=2"],
        "broken-entry",
        "built for another ABI major: found 2, expected 1",
    ),
    (
        "least-minor",
        &["-DLEAST_MINOR=9"],
        "broken-entry",
        "needs a newer host: ABI 1.9 at least, this host has 1.0",
    ),
    (
        "rows-of-41-bytes",
        &["-DROW_SIZE=41"],
        "broken-entry",
        "rows of 41 bytes: expected 40 to 4096 and a multiple of 8",
    ),
    (
        "rows-of-0-bytes",
        &["-DROW_SIZE=0"],
        "broken-entry",
        "rows of 0 bytes: expected 40 to 4096 and a multiple of 8",
    ),
    (
        "rows-of-2-GiB",
        &["-DROW_SIZE=1u<<31"],
        "broken-entry",
        "rows of 2147483648 bytes: expected 40 to 4096 and a multiple of 8",
    ),
    (
        "too-many-rows",
        &["-DROW_COUNT=4294967295u"],
        "broken-entry",
        "4294967295 rows: expected at most 256",
    ),
    (
        "rows-null",
        &["-DROWS=NULL"],
        "broken-entry",
        "the entry's pointer `rows` is null",
    ),
    (
        "rows-misaligned",
        &["-DROWS=(const keyway_row*)((const char*)rows+1)"],
        "broken-entry",
        "the entry's `rows` is not aligned to a pointer",
    ),
    (
        "manifest-null",
        &["-DMANIFEST_AT=NULL"],
        "broken-entry",
        "the entry's pointer `manifest` is null",
    ),
    (
        "manifest-without-end",
        &["-DMANIFEST_LEN=SIZE_MAX"],
        "broken-entry",
        "a manifest of 18446744073709551615 bytes: expected at most 1048576",
    ),
    (
        "name-null",
        &["-DFIRST_ROW={NULL,13,1,2,&plugin,NULL}"],
        "broken-entry",
        "the name of row 0 is no short UTF-8 text",
    ),
    (
        "name-without-end",
        &["-DSECOND_ROW={(const uint8_t*)\"\",SIZE_MAX,1,2,&structure,NULL}"],
        "broken-entry",
        "the name of row 1 is no short UTF-8 text",
    ),
    (
        "name-not-UTF-8",
        &["-DSECOND_ROW={NAME(\"keyway.\\377\"),1,2,&structure,NULL}"],
        "broken-entry",
        "the name of row 1 is no short UTF-8 text",
    ),
    (
        "doubled-row",
        &["-DSECOND_ROW={NAME(\"keyway.plugin\"),1,2,&plugin,NULL}"],
        "broken-entry",
        "the interface `keyway.plugin` 1 is listed twice",
    ),
    (
        "table-null",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,2,NULL,NULL}"],
        "broken-entry",
        "the entry's pointer `table` is null",
    ),
    (
        "table-misaligned",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,2,(const char*)&plugin+1,NULL}"],
        "broken-entry",
        "the entry's `table` is not aligned to a pointer",
    ),
    (
        "evidence-null",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,1,&plugin,NULL}"],
        "broken-entry",
        "the entry's pointer `evidence` is null",
    ),
    (
        "evidence-misaligned",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,1,&plugin,(const char*)noise+4}"],
        "broken-entry",
        "the entry's `evidence` is not aligned to a pointer",
    ),
    // The first function that a C author leaves out is null.
    (
        "function-null",
        &["-DPATH_CHANGED=NULL"],
        "broken-entry",
        "function 2 of the interface `keyway.structure` 1 is null",
    ),
    (
        "attach-null",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,2,&(const keyway_plugin_v1){NULL},NULL}"],
        "broken-entry",
        "function 0 of the interface `keyway.plugin` 1 is null",
    ),
    (
        "row-beyond-the-limit",
        &["-DROW_COUNT=257"],
        "broken-entry",
        "257 rows: expected at most 256",
    ),
    (
        "row-a-word-too-large",
        &["-DROW_SIZE=4104"],
        "broken-entry",
        "rows of 4104 bytes: expected 40 to 4096 and a multiple of 8",
    ),
];

const OTHERS: [Defect; 6] = [
    (
        "no-rows",
        &["-DROWS=NULL", "-DROW_COUNT=0"],
        "missing-interface",
        "`PLUGIN` does not give the interface `keyway.plugin` 1",
    ),
    (
        "no-plugin-row",
        &["-DFIRST_ROW={NAME(\"org.example.other\"),1,2,&plugin,NULL}"],
        "missing-interface",
        "`PLUGIN` does not give the interface `keyway.plugin` 1",
    ),
    (
        "plugin-row-of-the-future",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),2,2,&plugin,NULL}"],
        "missing-interface",
        "`PLUGIN` does not give the interface `keyway.plugin` 1",
    ),
    (
        "no-structure-row",
        &["-DSECOND_ROW={NAME(\"org.example.other\"),1,2,&structure,NULL}"],
        "type-not-given",
        "`PLUGIN` names the structure `Hostile/no-structure-row` in its manifest but does not give it",
    ),
    (
        "another-manifest",
        &["-DMANIFEST_LEN=0"],
        "echo",
        "the manifest in memory of `PLUGIN` is not the one in the file",
    ),
    (
        "evidence-of-nobody",
        &["-DFIRST_ROW={NAME(\"keyway.plugin\"),1,1,&plugin,noise}"],
        "layout",
        "`PLUGIN` has another layout of `keyway.plugin` than this host; \
         the layout was made by another abi_stable: found 0.0, expected 0.11",
    ),
];

fn each_is_refused(defects: &[Defect], told: impl Fn(&str) -> String) {
    let Some(compiler) = c::compiler("broken entries") else {
        return;
    };
    let beside = Beside::new();
    for (defect, defines, ..) in defects {
        beside.compile(compiler, defect, defines);
    }
    let loader = beside.loader();
    // Looking cannot know.
    assert_eq!(loader.registry().type_names().len(), defects.len() + 1);
    for (defect, _, code, message) in defects {
        // First where a crash hits only the command.
        let expected = ((*code).to_owned(), told(message));
        assert_eq!(beside.told(defect), expected, "{defect}");
        assert_eq!(beside.code(&loader, defect), *code, "{defect}");
    }
    // None of those that a gate refused counts as loaded.
    for plugin in loader.registry().loaded() {
        let defect = plugin.path().file_stem().unwrap().to_str().unwrap();
        assert!(["good", "no-structure-row"].contains(&defect), "{defect}");
    }
}

#[test]
fn a_broken_entry_is_refused_with_the_rule_that_it_breaks() {
    each_is_refused(&BROKEN, |rule| {
        format!("the entry of `PLUGIN` is broken; {rule}")
    });
}

#[test]
fn an_entry_that_does_not_fit_is_refused() {
    each_is_refused(&OTHERS, str::to_owned);
}

/// Without this the tests above would prove nothing.
#[test]
fn without_a_defect_it_is_sound() {
    let Some(compiler) = c::compiler("a sound plugin beside broken ones") else {
        return;
    };
    let beside = Beside::new();
    beside.compile(compiler, "no-defect", &[]);
    let package = beside.loader().load_package("Hostile/no-defect").unwrap();
    assert_eq!(package.default_package_root(), Some("hostile/packages/"));
}
