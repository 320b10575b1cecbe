//! A library that is never loaded to the end.

use keyway_plugin::{Context, Error, Lifecycle, export_plugin};

extern "C" fn stall() {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}

#[allow(unsafe_code)]
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
static STALL: extern "C" fn() = stall;

struct Never;

impl Lifecycle for Never {
    fn new(_: Context) -> Result<Self, Error> {
        Ok(Never)
    }
}

export_plugin!(lifecycle Never, "stalls.toml");
