//! Packages to measure with.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A folder with `count` applets, as small ones are: metadata and one file.
pub(crate) fn applets(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        applet(folder.path(), &format!("org.example.applet{number:05}"));
    }
    folder
}

fn applet(root: &Path, id: &str) {
    let folder = root.join(id);
    fs::create_dir_all(folder.join("contents/ui")).unwrap();
    let metadata = format!(
        r#"{{
    "KPackageStructure": "Plasma/Applet",
    "KPlugin": {{
        "Authors": [{{ "Email": "somebody@example.org", "Name": "Somebody" }}],
        "Category": "Utilities",
        "Description": "An applet that was generated",
        "Icon": "start-here",
        "Id": "{id}",
        "License": "GPL-2.0+",
        "Name": "Applet {id}",
        "ServiceTypes": ["Plasma/Applet"],
        "Version": "1.0"
    }},
    "X-Plasma-API": "declarativeappletscript",
    "X-Plasma-MainScript": "ui/main.qml"
}}
"#
    );
    fs::write(folder.join("metadata.json"), metadata).unwrap();
    let script = "import QtQuick 2.0\n\nItem {}\n";
    fs::write(folder.join("contents/ui/main.qml"), script).unwrap();
}
