//! Text, paths and the sinks that they are pushed into.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use abi_stable::StableAbi;

/// A piece of UTF-8 text that somebody else owns.
///
/// Valid for the call that it is handed over in, unless the contract of the place says more.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Str {
    /// The first byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// Text that crossed the border is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

impl std::fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text that crossed the border is not UTF-8")
    }
}

impl std::error::Error for NotUtf8 {}

impl Str {
    /// The empty text.
    pub const EMPTY: Str = Str {
        ptr: std::ptr::null(),
        len: 0,
    };

    /// Borrows `text`; the receiver must not use the result longer than `text` lives.
    #[must_use]
    pub const fn borrow(text: &str) -> Str {
        Str {
            ptr: text.as_ptr(),
            len: text.len(),
        }
    }

    /// The text, checked as UTF-8.
    ///
    /// # Safety
    ///
    /// `ptr` is null with `len` 0, or valid for reading `len` bytes that do not change during `'a`.
    ///
    /// # Errors
    ///
    /// [`NotUtf8`] when the bytes are not UTF-8.
    #[inline]
    pub unsafe fn to_str<'a>(self) -> Result<&'a str, NotUtf8> {
        if self.ptr.is_null() {
            return if self.len == 0 { Ok("") } else { Err(NotUtf8) };
        }
        // SAFETY: not null, and the caller vouches for `len` readable bytes during 'a.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr, self.len) };
        // Keys and paths are short and nearly always ASCII, which is told much faster.
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        std::str::from_utf8(bytes).map_err(|_| NotUtf8)
    }

    /// An owned copy in which what is not UTF-8 is replaced.
    ///
    /// # Safety
    ///
    /// As for [`Str::to_str`].
    #[must_use]
    pub unsafe fn to_string_lossy(self) -> String {
        if self.ptr.is_null() {
            return String::new();
        }
        // SAFETY: not null, and the caller vouches for `len` readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr, self.len) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// A slice of texts, for functions that take a list.
pub(crate) fn borrow_all(texts: &[&str]) -> Vec<Str> {
    texts.iter().map(|text| Str::borrow(text)).collect()
}

/// Reads a list of texts that the other side handed over.
///
/// # Safety
///
/// `first` is null with `count` 0, or valid for reading `count` texts, each valid for `'a`.
pub(crate) unsafe fn read_all<'a>(
    first: *const Str,
    count: usize,
) -> Result<Vec<&'a str>, NotUtf8> {
    if first.is_null() {
        return if count == 0 {
            Ok(Vec::new())
        } else {
            Err(NotUtf8)
        };
    }
    // SAFETY: not null, and the caller vouches for `count` texts.
    let texts = unsafe { std::slice::from_raw_parts(first, count) };
    // SAFETY: the caller vouches for each text.
    texts.iter().map(|text| unsafe { text.to_str() }).collect()
}

/// A path in the platform's own encoding, owned by somebody else.
///
/// On Unix `ptr` points to `len` bytes, on Windows to `len` UTF-16 units. It is not terminated.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PathStr {
    /// The first byte (Unix) or UTF-16 unit (Windows); may be null when `len` is 0.
    pub ptr: *const c_void,
    /// How many bytes (Unix) or UTF-16 units (Windows).
    pub len: usize,
}

impl PathStr {
    /// The empty path.
    pub const EMPTY: PathStr = PathStr {
        ptr: std::ptr::null(),
        len: 0,
    };

    /// Hands `path` to `use_it` in the border's form, for the time of that call.
    #[cfg(unix)]
    pub fn with<R>(path: &Path, use_it: impl FnOnce(PathStr) -> R) -> R {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = path.as_os_str().as_bytes();
        use_it(PathStr {
            ptr: bytes.as_ptr().cast(),
            len: bytes.len(),
        })
    }

    /// Hands `path` to `use_it` in the border's form, for the time of that call.
    #[cfg(windows)]
    pub fn with<R>(path: &Path, use_it: impl FnOnce(PathStr) -> R) -> R {
        use std::os::windows::ffi::OsStrExt as _;
        let units: Vec<u16> = path.as_os_str().encode_wide().collect();
        use_it(PathStr {
            ptr: units.as_ptr().cast(),
            len: units.len(),
        })
    }

    /// An owned copy.
    ///
    /// # Safety
    ///
    /// `ptr` is null with `len` 0, or valid for reading `len` bytes (Unix) or units (Windows).
    #[must_use]
    pub unsafe fn to_path_buf(self) -> PathBuf {
        if self.ptr.is_null() {
            return PathBuf::new();
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt as _;
            // SAFETY: not null, and the caller vouches for `len` readable bytes.
            let bytes = unsafe { std::slice::from_raw_parts(self.ptr.cast::<u8>(), self.len) };
            PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
        }
        #[cfg(windows)]
        {
            use std::os::windows::ffi::OsStringExt as _;
            // SAFETY: not null, and the caller vouches for `len` readable, aligned units.
            let units = unsafe { std::slice::from_raw_parts(self.ptr.cast::<u16>(), self.len) };
            PathBuf::from(std::ffi::OsString::from_wide(units))
        }
    }
}

/// Takes texts: whoever has some calls `push` once for each, in order, during one call.
///
/// The text is valid until `push` returns, so `push` copies what it wants to keep. `push` may call
/// the host's functions, also those of what is being asked.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct StrSink {
    /// Handed to `push`.
    pub context: *mut c_void,
    /// Takes one text.
    pub push: unsafe extern "C" fn(context: *mut c_void, item: Str),
}

/// Takes paths, as [`StrSink`] takes texts.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PathSink {
    /// Handed to `push`.
    pub context: *mut c_void,
    /// Takes one path.
    pub push: unsafe extern "C" fn(context: *mut c_void, item: PathStr),
}

impl StrSink {
    /// Pushes each text into the sink; a null sink takes nothing.
    ///
    /// # Safety
    ///
    /// `sink` is null or points to a sink that is valid for this call.
    pub(crate) unsafe fn push_all<'a>(
        sink: *const StrSink,
        items: impl IntoIterator<Item = &'a str>,
    ) {
        // SAFETY: null or valid, says the caller.
        if let Some(sink) = unsafe { sink.as_ref() } {
            for item in items {
                // SAFETY: the sink's own function with the sink's own context.
                unsafe { (sink.push)(sink.context, Str::borrow(item)) };
            }
        }
    }
}

impl PathSink {
    /// Pushes each path into the sink; a null sink takes nothing.
    ///
    /// # Safety
    ///
    /// `sink` is null or points to a sink that is valid for this call.
    pub(crate) unsafe fn push_all<'a>(
        sink: *const PathSink,
        items: impl IntoIterator<Item = &'a Path>,
    ) {
        // SAFETY: null or valid, says the caller.
        if let Some(sink) = unsafe { sink.as_ref() } {
            for item in items {
                PathStr::with(item, |path| {
                    // SAFETY: the sink's own function with the sink's own context.
                    unsafe { (sink.push)(sink.context, path) }
                });
            }
        }
    }
}

/// What takes the items that are pushed into a sink.
pub(crate) trait Collect<T>: Default {
    fn take(&mut self, item: T);
}

impl<T> Collect<T> for Vec<T> {
    fn take(&mut self, item: T) {
        self.push(item);
    }
}

/// Of several items the last one.
impl<T> Collect<T> for Option<T> {
    fn take(&mut self, item: T) {
        *self = Some(item);
    }
}

/// The receiving end of a sink, which the sink's context points to.
struct Collector<C> {
    items: C,
    not_utf8: bool,
    not_send: PhantomData<*mut ()>,
}

impl<C: Default> Collector<C> {
    fn new() -> Self {
        Self {
            items: C::default(),
            not_utf8: false,
            not_send: PhantomData,
        }
    }
}

unsafe extern "C" fn push_string<C: Collect<String>>(context: *mut c_void, item: Str) {
    // SAFETY: `collect_strings` made the context, and whoever pushes has it for that call only.
    let collector = unsafe { &mut *context.cast::<Collector<C>>() };
    // SAFETY: the sink's contract: valid until this returns.
    match unsafe { item.to_str() } {
        Ok(text) => collector.items.take(text.to_owned()),
        Err(NotUtf8) => collector.not_utf8 = true,
    }
}

unsafe extern "C" fn push_path<C: Collect<PathBuf>>(context: *mut c_void, item: PathStr) {
    // SAFETY: `collect_paths` made the context, and whoever pushes has it for that call only.
    let collector = unsafe { &mut *context.cast::<Collector<C>>() };
    // SAFETY: the sink's contract: valid until this returns.
    collector.items.take(unsafe { item.to_path_buf() });
}

/// Calls `fill` with a sink and gives back what was pushed, and what `fill` returned.
///
/// # Errors
///
/// [`NotUtf8`] when one of the texts is not UTF-8.
pub(crate) fn collect_strings<C: Collect<String>, R>(
    fill: impl FnOnce(*const StrSink) -> R,
) -> Result<(C, R), NotUtf8> {
    let mut collector = Collector::<C>::new();
    let sink = StrSink {
        context: (&raw mut collector).cast(),
        push: push_string::<C>,
    };
    let result = fill(&raw const sink);
    if collector.not_utf8 {
        return Err(NotUtf8);
    }
    Ok((collector.items, result))
}

/// Calls `fill` with a sink and gives back what was pushed, and what `fill` returned.
pub(crate) fn collect_paths<C: Collect<PathBuf>, R>(
    fill: impl FnOnce(*const PathSink) -> R,
) -> (C, R) {
    let mut collector = Collector::<C>::new();
    let sink = PathSink {
        context: (&raw mut collector).cast(),
        push: push_path::<C>,
    };
    let result = fill(&raw const sink);
    (collector.items, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_refused() {
        let read = |ptr: *const u8, len| {
            // SAFETY: null, or a list that lives on and its length.
            unsafe { Str { ptr, len }.to_str() }
        };
        for bad in [
            &b"\xff"[..],
            b"long enough for a word \xc3",
            b"\xc3(",
            b"\0\x80",
        ] {
            assert_eq!(read(bad.as_ptr(), bad.len()), Err(NotUtf8), "{bad:x?}");
        }
        assert_eq!(read(std::ptr::null(), 1), Err(NotUtf8));
        assert_eq!(read(std::ptr::null(), 0), Ok(""));
        for good in [
            "",
            "a",
            "a key and a value, longer than a word",
            "größe",
            "\0",
        ] {
            assert_eq!(read(good.as_ptr(), good.len()), Ok(good));
        }
    }
}
