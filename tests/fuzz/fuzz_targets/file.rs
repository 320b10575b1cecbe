//! Any bytes, taken for a plugin's file: a verdict, soon, within the memory that a look may take.
//!
//! The first four bytes say how much longer than its bytes the file is, so that what its header
//! says of places far behind can be true. The file lies in memory.

#![no_main]

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keyway::plugin::look;
use keyway_tests::memory::{Counting, MOST, peak};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTING: Counting = Counting;

static FILE: OnceLock<(File, PathBuf)> = OnceLock::new();

fn file() -> (File, PathBuf) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    };
    let file = tempfile::tempfile_in(folder).expect("a temporary file");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
    (file, path)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((more, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let (file, path) = FILE.get_or_init(file);
    file.set_len(0).expect("the file is ours");
    file.write_all_at(bytes, 0).expect("the file is ours");
    let size = bytes.len() as u64 + u64::from(u32::from_le_bytes(*more));
    file.set_len(size).expect("the file is ours");
    let (held, _) = peak(|| look(path));
    assert!(held < MOST, "{held} bytes for {size}");
});
