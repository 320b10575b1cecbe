//! What the export macro says while compiling: see `tests/ui.rs`.
