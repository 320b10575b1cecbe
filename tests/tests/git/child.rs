//! A fetch in a process of its own: this program once more, which is told what to do by variables.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keyway::git::Fetch;

const URL: &str = "KEYWAY_GIT_TEST_URL";
const INTO: &str = "KEYWAY_GIT_TEST_INTO";

/// A command that fetches from `url` into `into`. It prints the commit, or the error and its causes.
pub(crate) fn command(url: &str, into: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::does_as_it_is_told", "--nocapture"])
        .env(URL, url)
        .env(INTO, into);
    command
}

#[test]
fn does_as_it_is_told() {
    let (Ok(url), Some(into)) = (std::env::var(URL), std::env::var_os(INTO)) else {
        return;
    };
    let fetch = Fetch::new(url).patience(Duration::from_secs(600));
    match fetch.run(into.as_ref(), &mut |_| (), &|| false) {
        Ok(fetched) => println!("fetched {}", fetched.commit),
        Err(error) => {
            println!("refused {} {error}", error.code());
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                println!("cause {error}");
                cause = error.source();
            }
        }
    }
}
