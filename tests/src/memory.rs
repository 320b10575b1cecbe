//! How much memory a piece of work holds at once.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// No file needs more than this to be looked at, however large it is and whatever it says.
pub const MOST: usize = 16 * 1024 * 1024;

/// The system's allocator, with an account for each thread: to be a program's `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn account(freed: usize, taken: usize) {
    // During a thread's end its account may be gone.
    let _ = HELD.try_with(|held| {
        let now = held.get().saturating_sub(freed) + taken;
        held.set(now);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
    });
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        account(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        account(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        account(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there while one is copied into the other.
        account(0, size);
        account(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// The most bytes that `work` holds at once in this thread, and what it gives.
///
/// 0 bytes unless [`Counting`] is the program's allocator.
pub fn peak<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (PEAK.get().saturating_sub(before), result)
}
