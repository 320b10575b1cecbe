//! Fetching as a host gives it.

use std::ffi::c_void;
use std::sync::Arc;

use super::{FetchRequest, FetchRequestV1, FetchV1};
use crate::call::status;
use crate::lifecycle::{CancellationAccess, Hook, HookRef};
use crate::services::{Failed, answer, read_str};
use crate::text::{Str, StrSink};

/// The host's side of `keyway.fetch` 1 for one package.
pub trait FetchAccess: Send + Sync + 'static {
    /// Does what `request` asks for, for the run `hook`, and gives the commit's id.
    ///
    /// The request's folder is a plain name (relative, no `..`), which does not mean that it leads
    /// nowhere else: links in the data folder are the host's to look for. Branch and rev have no
    /// white space and begin with no `-`, the URL neither.
    ///
    /// # Errors
    ///
    /// Why it cannot be done; shown to the package's author.
    fn fetch(
        &self,
        request: &FetchRequest,
        hook: &dyn CancellationAccess,
    ) -> Result<String, String>;
}

/// What the context of fetching points to.
pub type FetchHandle = Arc<dyn FetchAccess>;

pub(crate) static FETCH_TABLE: FetchV1 = FetchV1 { fetch };

unsafe extern "C" fn fetch(
    context: *mut c_void,
    request: *const FetchRequestV1,
    hook: *const Hook,
    commit: *const StrSink,
    error: *const StrSink,
) -> u32 {
    // SAFETY: the contract: the service is held, all pointers are valid for this call.
    unsafe {
        answer(error, || {
            let Some(request) = request.as_ref() else {
                return Err(Failed::Invalid("no request was given".to_owned()));
            };
            let Some(hook) = HookRef::retain(hook) else {
                return Err(Failed::Invalid("no hook was given".to_owned()));
            };
            let request = read_request(request)?;
            let access = &*context.cast::<FetchHandle>();
            let id = access.fetch(&request, &hook).map_err(Failed::Refused)?;
            StrSink::push_all(commit, [id.as_str()]);
            Ok(status::OK)
        })
    }
}

/// # Safety
///
/// The texts of `request` are valid for this call.
unsafe fn read_request(request: &FetchRequestV1) -> Result<FetchRequest, Failed> {
    let read = |text: Str, what: &str| {
        // SAFETY: the caller vouches for the texts.
        unsafe { read_str(text, what) }.map(str::to_owned)
    };
    let url = read(request.url, "the URL")?;
    let folder = read(request.folder, "the folder")?;
    if url.is_empty() {
        return Err(Failed::Invalid("the URL is empty".to_owned()));
    }
    plain(&url, "the URL")?;
    if !is_plain_folder(&folder) {
        let why = format!("the folder `{folder}` is no plain name below the data folder");
        return Err(Failed::Invalid(why));
    }
    let reference = |text: Str, what: &str| {
        let text = read(text, what)?;
        plain(&text, what)?;
        Ok::<_, Failed>((!text.is_empty()).then_some(text))
    };
    let update = match request.update {
        0 => false,
        1 => true,
        other => {
            let why = format!("`update` is {other}, expected 0 or 1");
            return Err(Failed::Invalid(why));
        }
    };
    Ok(FetchRequest {
        branch: reference(request.branch, "the branch")?,
        rev: reference(request.rev, "the rev")?,
        url,
        folder,
        update,
    })
}

/// Nothing that a program could take for an option, or for more than one word.
fn plain(text: &str, what: &str) -> Result<(), Failed> {
    let strange = |letter: char| letter.is_whitespace() || letter.is_control();
    if text.starts_with('-') || text.contains(strange) {
        let why = format!("{what} `{text}` begins with `-` or has white space");
        return Err(Failed::Invalid(why));
    }
    Ok(())
}

fn is_plain_folder(folder: &str) -> bool {
    let strange = |letter: char| matches!(letter, '\\' | ':') || letter.is_control();
    folder.split('/').all(|part| {
        let is_name = !part.is_empty() && part != "." && part != "..";
        is_name && part.len() <= 255 && !part.contains(strange)
    })
}
