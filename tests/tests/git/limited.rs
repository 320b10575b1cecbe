//! How much may be fetched.

use keyway::git::{Fetch, Limits};

use crate::Place;
use crate::repository::Repository;
use crate::server::Server;

fn limits(set: impl Fn(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

#[test]
fn more_than_is_allowed_is_refused() {
    let (repository, place) = (Repository::empty(), Place::new());
    // Not to be compressed.
    let mut state = 1u64;
    let noise = (0..200_000).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    let noise: Vec<u8> = noise.collect();
    repository.write("large", &noise);
    repository.write("a/small", "small");
    repository.commit("files");
    let server = Server::of(repository.path());
    for url in [&repository.url(), &server.url] {
        let refused = |limits| place.refused(&Fetch::new(url).limits(limits)).to_string();
        assert_eq!(
            refused(limits(|it| it.bytes = 200_004)),
            "the files have more than 200004 bytes together"
        );
        assert_eq!(
            refused(limits(|it| it.files = 2)),
            "there are more than 2 files, folders and links"
        );
        assert_eq!(
            refused(limits(|it| it.object = 199_999)),
            "an object has more than 199999 bytes"
        );
    }
    let few = limits(|it| it.received = 10_000);
    let error = place.refused(&Fetch::new(&server.url).limits(few));
    assert_eq!(error.to_string(), "the server sends more than 10000 bytes");
    let exact = limits(|it| (it.bytes, it.files, it.object) = (200_005, 3, 200_000));
    let fetched = place.fetch(&Fetch::new(&server.url).limits(exact)).unwrap();
    assert_eq!((fetched.files, fetched.bytes), (3, 200_005));
}

/// A few hundred bytes that would become ten billion files.
#[test]
fn a_few_objects_do_not_become_billions_of_files() {
    let (repository, place) = (Repository::empty(), Place::new());
    let file = repository.blob(b"bomb");
    let names: Vec<String> = (0..10).map(|it| it.to_string()).collect();
    let ten = |mode, id: &str| {
        let entries: Vec<_> = names
            .iter()
            .map(|name| (mode, name.as_bytes(), id))
            .collect();
        repository.tree(&entries)
    };
    let mut tree = ten("100644", &file);
    for _ in 0..9 {
        tree = ten("40000", &tree);
    }
    repository.commit_tree(&tree);
    let few = limits(|it| it.files = 1000);
    let error = place.refused(&Fetch::new(repository.url()).limits(few));
    assert_eq!(error.code(), "git-too-many-files");
}

/// A small object that would become a large one is refused before there is memory for it.
#[test]
fn a_bomb_is_not_held_in_memory() {
    let (repository, place) = (Repository::empty(), Place::new());
    repository.write("zeros", vec![0; 64 << 20]);
    repository.commit("bomb");
    let server = Server::of(repository.path());
    let few = limits(|it| it.object = 1 << 20);
    for url in [&repository.url(), &server.url] {
        let error = place.refused(&Fetch::new(url).limits(few.clone()));
        assert_eq!(error.code(), "git-too-large", "{url}");
    }
}
