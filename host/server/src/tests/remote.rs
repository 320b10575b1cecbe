//! Over TCP: what takes long.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use keyway::install::Cancellation;
use keyway::lifecycle::Operation;
use keyway::package::DataDirs;
use keyway::{PackageLoader, Registry, SearchPath};

use super::{Fake, about};
use crate::audit::Audit;
use crate::monitor::Monitor;
use crate::router::routes;
use crate::tcp::{Listeners, check};
use crate::{Client, Remote, ServeOptions, read_token, token_path};

#[test]
fn a_stream_that_has_nothing_to_tell_goes_on_for_longer_than_headers_may_take() {
    let private = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(private).tempdir();
    let folder = folder.unwrap();
    let registry = Registry::new(SearchPath::only::<&Path>([]));
    let loader = PackageLoader::with_data_dirs(registry, DataDirs::new(None, []));
    let mut options = ServeOptions::new(loader);
    options.listen = vec!["127.0.0.1:0".parse().unwrap()];
    let tls = check(&options).unwrap();
    let fake = Arc::new(Fake::default());
    let router = routes(
        fake.clone(),
        about(),
        Cancellation::new(),
        Monitor::default(),
    );
    let (audit, _writer) = Audit::open(folder.path()).unwrap();
    let listeners = Listeners::open(&options, tls, folder.path(), Arc::new(audit), router).unwrap();
    let token = read_token(&token_path(folder.path())).unwrap();
    let client = Client::remote(&Remote::new(&listeners.urls()[0], token)).unwrap();
    let waits = thread::spawn(move || {
        let name = "a.waits".to_owned();
        let mut told = 0;
        let answer = client.perform(&Operation::Start { name }, |_| told += 1);
        (answer, told)
    });
    thread::sleep(Duration::from_secs(11));
    assert!(!waits.is_finished());
    fake.let_go();
    let (answer, told) = waits.join().unwrap();
    assert_eq!(answer.unwrap().name, "a.waits");
    assert_eq!(told, 3);
}
