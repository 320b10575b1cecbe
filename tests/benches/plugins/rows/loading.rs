//! What Keyway does besides dlopen when it loads a plugin.
//!
//! A fresh process loads copies of one plugin: with Keyway, with Keyway that leaves no marks, and
//! with dlopen alone, in turns. Each copy is a file of its own.

use std::ffi::c_void;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway::{Registry, SearchPath};
use keyway_abi::{
    ENTRY_SYMBOL, Interface, LifecycleV1, PluginV1, Rows, StructureV1, check_evidence,
};
use keyway_metadata::TypeKind;
use keyway_tests::PluginFolder;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::plugins;
use keyway_tests::bench::measure::{Bound, Scale, median, row, timed};

/// The argument that makes this program the process that loads.
pub(crate) const CHILD: &str = "--load";

/// What a process that loads measures of each copy, in this order.
const MEASURED: [&str; 8] = [
    "keyway",
    "keyway without state",
    "dlopen",
    "read the entry",
    "layouts",
    "layout",
    "look",
    "mark",
];

pub(crate) fn beside_dlopen(scale: &Scale) {
    let copies = scale.count(120);
    let folder = PluginFolder::new();
    let shipped = plugins::shipped();
    // Each in a folder of its own, which its registry searches: they all give the same type.
    for number in 0..copies {
        let own = folder.path().join(format!("{number:04}"));
        fs::create_dir(&own).unwrap();
        fs::copy(&shipped, own.join("mystructure.so")).unwrap();
    }
    let mut medians: [Vec<f64>; MEASURED.len()] = [const { Vec::new() }; MEASURED.len()];
    for _ in 0..scale.rounds(21) {
        let output = Command::new(std::env::current_exe().unwrap())
            .arg(CHILD)
            .arg(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        for (taken, line) in medians.iter_mut().zip(text.lines()) {
            taken.push(line.parse().unwrap());
        }
    }
    let [keyway, without, dlopen, entry, layouts, layout, look, mark] = medians;
    let difference = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| a - b).collect()
    };
    let gates = difference(&keyway, &dlopen);
    let informs = |what: &str, times: &[f64]| row(what, times, &dlopen, &Bound::None);
    informs("Registry::structure, all of it / dlopen", &keyway);
    row(
        "Keyway's own gates / dlopen",
        &gates,
        &dlopen,
        &Bound::AtMost(0.6),
    );
    informs("  looking: folder, file, ABI, admission", &look);
    let rest = difference(&difference(&keyway, &look), &dlopen);
    informs(
        "  loading but for dlopen: marks, entry, echo, attach",
        &rest,
    );
    informs("  reading the entry", &entry);
    informs("  comparing the layouts of all its tables", &layouts);
    informs("  comparing the layout of one table", &layout);
    let state = difference(&keyway, &without);
    informs("  quarantine and verdicts: with state - without", &state);
    informs("  one mark: its system calls alone", &mark);
}

/// The process that loads: prints the medians of [`MEASURED`] in nanoseconds, one a line.
pub(crate) fn child(arguments: &[String]) {
    let entries = fs::read_dir(&arguments[0]).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let mut taken: [Vec<f64>; MEASURED.len()] = [const { Vec::new() }; MEASURED.len()];
    for (number, folder) in folders.iter().enumerate() {
        let turn = number / 3;
        match (number + turn) % 3 {
            0 => taken[0].push(with_keyway(folder, Some(state))),
            1 => taken[1].push(with_keyway(folder, None)),
            _ => alone(folder, state, &mut taken),
        }
    }
    for times in &taken {
        println!("{}", median(times));
    }
}

fn with_keyway(folder: &Path, state: Option<&Path>) -> f64 {
    let registry = registry(folder, state);
    let name = plugins::SHIPPED_TYPE.parse().unwrap();
    timed(|| registry.structure(&name).unwrap())
}

fn registry(folder: &Path, state: Option<&Path>) -> Registry {
    Registry::builder(SearchPath::only([folder]))
        .cache_dir(None)
        .state_dir(state.map(Path::to_path_buf))
        .build()
}

fn open(folder: &Path) -> Library {
    let file = folder.join("mystructure.so");
    // SAFETY: the example plugin, which may be loaded.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) };
    library.unwrap()
}

fn alone(folder: &Path, state: &Path, taken: &mut [Vec<f64>; MEASURED.len()]) {
    let mut library = None;
    taken[2].push(timed(|| library = Some(open(folder))));
    // Its tables are used below, and closing is not measured.
    let library = std::mem::ManuallyDrop::new(library.unwrap());
    let mut rows = None;
    taken[3].push(timed(|| {
        // SAFETY: the symbol is data, and the example plugin's entry keeps the rules.
        rows = Some(unsafe {
            let entry = library.get::<*const c_void>(ENTRY_SYMBOL.as_bytes());
            Rows::read(*entry.unwrap()).unwrap()
        });
    }));
    let rows = rows.unwrap();
    taken[4].push(timed(|| {
        compare::<PluginV1>(&rows);
        compare::<StructureV1>(&rows);
        compare::<LifecycleV1>(&rows);
    }));
    taken[5].push(timed(|| compare::<StructureV1>(&rows)));
    let registry = registry(folder, Some(state));
    let name = plugins::SHIPPED_TYPE.parse().unwrap();
    let kind = TypeKind::Structure;
    taken[6].push(timed(|| registry.resolve(&name, kind).unwrap()));
    taken[7].push(timed(|| mark(state)));
}

fn compare<I: Interface>(rows: &Rows) {
    if let Some(evidence) = rows.row::<I>().and_then(|row| row.evidence()) {
        // SAFETY: evidence that the example plugin's compiler made.
        unsafe { check_evidence::<I>(evidence) }.unwrap();
    }
}

/// The system calls of a mark that is left and taken away.
fn mark(state: &Path) {
    let folder = state.join("marks");
    fs::create_dir_all(&folder).unwrap();
    let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap();
    let hidden = folder.join(".mark");
    let mut file = File::create(&hidden).unwrap();
    file.lock().unwrap();
    file.write_all(&boot).unwrap();
    let shown = folder.join("mark");
    fs::rename(&hidden, &shown).unwrap();
    fs::remove_file(shown).unwrap();
}
