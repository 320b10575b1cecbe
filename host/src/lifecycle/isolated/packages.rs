//! `keyway.packages` over the connection.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use keyway_abi::{CancellationAccess, PackageAdd, PackageInfo, PackageSource, PackagesAccess};
use serde::{Deserialize, Serialize};

use super::calls::{self, Proxy, odd};
use super::wire::Bytes;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    List,
    Status(String),
    Add {
        source: Source,
        install_kwargs: Option<String>,
        start: bool,
        in_hook: bool,
    },
    Start {
        name: String,
        in_hook: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Source {
    Path(Bytes),
    Git {
        url: String,
        branch: Option<String>,
        rev: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Package {
    name: String,
    version: Option<String>,
    status: String,
    path: Bytes,
    running: bool,
}

impl From<PackageInfo> for Package {
    fn from(package: PackageInfo) -> Self {
        Self {
            path: bytes(&package.path),
            name: package.name,
            version: package.version,
            status: package.status,
            running: package.running,
        }
    }
}

impl From<Package> for PackageInfo {
    fn from(package: Package) -> Self {
        let path = OsStr::from_bytes(&package.path.0);
        let mut info = Self::new(package.name, package.status, path);
        info.version = package.version;
        info.running = package.running;
        info
    }
}

fn bytes(path: &Path) -> Bytes {
    Bytes(path.as_os_str().as_bytes().to_vec())
}

/// Does what is asked for; `hook` is the run that it is done for, if it is done for one.
pub(super) fn answer(
    packages: &dyn PackagesAccess,
    request: Request,
    hook: &dyn CancellationAccess,
) -> Result<Vec<Package>, String> {
    let for_hook = |in_hook: bool| in_hook.then_some(hook);
    let found = |found: Option<PackageInfo>| found.map(Package::from).into_iter().collect();
    match request {
        Request::List => {
            let all = packages.list()?.into_iter();
            Ok(all.map(Package::from).collect())
        }
        Request::Status(name) => packages.status(&name).map(found),
        Request::Start { name, in_hook } => packages.start(&name, for_hook(in_hook)).map(found),
        Request::Add {
            source,
            install_kwargs,
            start,
            in_hook,
        } => {
            let source = match source {
                Source::Path(path) => PackageSource::Path(OsStr::from_bytes(&path.0).into()),
                Source::Git { url, branch, rev } => PackageSource::Git { url, branch, rev },
            };
            let request = PackageAdd {
                source,
                install_kwargs,
                start,
            };
            let added = packages.add(&request, for_hook(in_hook))?;
            Ok(vec![added.into()])
        }
    }
}

impl Proxy {
    fn packages(&self, request: Request) -> Result<Vec<PackageInfo>, String> {
        match self.0.ask(calls::Request::Packages(request))? {
            calls::Answer::Packages(packages) => {
                Ok(packages.into_iter().map(PackageInfo::from).collect())
            }
            other => odd(other),
        }
    }
}

impl PackagesAccess for Proxy {
    fn list(&self) -> Result<Vec<PackageInfo>, String> {
        self.packages(Request::List)
    }

    fn status(&self, name: &str) -> Result<Option<PackageInfo>, String> {
        Ok(self.packages(Request::Status(name.to_owned()))?.pop())
    }

    /// The manager knows the run itself.
    fn add(
        &self,
        request: &PackageAdd,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<PackageInfo, String> {
        let source = match &request.source {
            PackageSource::Path(path) => Source::Path(bytes(path)),
            PackageSource::Git { url, branch, rev } => Source::Git {
                url: url.clone(),
                branch: branch.clone(),
                rev: rev.clone(),
            },
        };
        let request = Request::Add {
            source,
            install_kwargs: request.install_kwargs.clone(),
            start: request.start,
            in_hook: hook.is_some(),
        };
        let added = self.packages(request)?.pop();
        added.ok_or_else(|| "the answer is empty".to_owned())
    }

    fn start(
        &self,
        name: &str,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<Option<PackageInfo>, String> {
        let request = Request::Start {
            name: name.to_owned(),
            in_hook: hook.is_some(),
        };
        Ok(self.packages(request)?.pop())
    }
}
