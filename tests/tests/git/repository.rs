//! Repositories, made with the git program.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A git program that goes by no configuration of the user's.
pub(crate) fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Ann")
            .env(format!("GIT_{who}_EMAIL"), "ann@example.org")
            .env(format!("GIT_{who}_DATE"), "2024-05-01T12:00:00Z");
    }
    git
}

/// A repository with a work tree.
pub(crate) struct Repository(tempfile::TempDir);

impl Repository {
    /// An empty one.
    pub(crate) fn empty() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repository
    }

    /// One with two commits, branches and tags.
    pub(crate) fn sample() -> Self {
        let repository = Self::empty();
        repository.write("readme.txt", "first\n");
        repository.write("src/main.js", "// first\n");
        repository.commit("first");
        repository.git(&["tag", "v1.0"]);
        repository.git(&["branch", "stable"]);
        repository.write("readme.txt", "second\n");
        repository.commit("second");
        repository.git(&["tag", "--annotate", "--message=two", "v2.0"]);
        repository.git(&["checkout", "--quiet", "stable"]);
        repository.write("readme.txt", "stable\n");
        repository.commit("stable");
        repository.git(&["checkout", "--quiet", "main"]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Its absolute path, as it is given to fetch from.
    pub(crate) fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits all that is there, and gives the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.id("HEAD")
    }

    pub(crate) fn id(&self, revision: &str) -> String {
        self.git(&["rev-parse", "--verify", revision])
    }

    /// What git says, without the line's end.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    /// As [`git`](Self::git), with something to read.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = git()
            .current_dir(self.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Keeps a file's content, and gives its id.
    pub(crate) fn blob(&self, content: &[u8]) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], content)
    }

    /// Makes a folder of entries that git itself would refuse, and gives its id.
    pub(crate) fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut tree = Vec::new();
        for (mode, name, id) in entries {
            tree.extend_from_slice(mode.as_bytes());
            tree.push(b' ');
            tree.extend_from_slice(name);
            tree.push(0);
            let digits = id.as_bytes().chunks(2);
            tree.extend(
                digits
                    .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()),
            );
        }
        let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
        self.git_with(&arguments, &tree)
    }

    /// Lets the branch `main` be a commit of that folder alone.
    pub(crate) fn commit_tree(&self, tree: &str) {
        let commit = self.git(&["commit-tree", "-m", "made", tree]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }

    /// A bare copy beside it.
    pub(crate) fn bare(&self) -> PathBuf {
        self.git(&["clone", "--quiet", "--bare", ".", "bare.git"]);
        self.path().join("bare.git")
    }
}
