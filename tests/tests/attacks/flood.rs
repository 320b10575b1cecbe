//! Ten thousand who connect, and say little or nothing.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keyway_tests::skipped;

use super::{Fort, raw, status};

const MANY: usize = 10_000;
/// As long an admin may wait, whoever else knocks: no longer than headers may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn ten_thousand_half_open_connections_keep_no_admin_out() {
    let own = std::process::id().to_string();
    let files = ["--pid", &own, "--nofile=12000:"];
    let raised = Command::new("prlimit").args(files).output();
    if !raised.is_ok_and(|it| it.status.success()) {
        return skipped("10,000 connections", "as many files may not be open");
    }
    let mut fort = Fort::new();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fort.port));
    let (begin, done) = (
        format!("GET / HTTP/1.1\r\nHost: {}\r\n", fort.host()),
        AtomicBool::new(false),
    );
    let bearer = fort.bearer();
    let admin = format!(
        "GET /v1/packages HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{bearer}\r\n",
        fort.host()
    );
    let (mut slowest, mut slowest_at_socket, mut asked) = (Duration::ZERO, Duration::ZERO, 0);
    let mut most_files = 0;
    thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let mut all: Vec<TcpStream> = Vec::new();
            let began = Instant::now();
            for number in 0..MANY {
                let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else {
                    continue;
                };
                // Half of them say nothing at all, the others never come to an end.
                if number % 2 == 0 {
                    let _ = stream.write_all(begin.as_bytes());
                }
                all.push(stream);
            }
            println!("{} connections in {:?}", all.len(), began.elapsed());
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                for stream in all.iter_mut().step_by(7) {
                    let _ = stream.write_all(b"x");
                }
                thread::sleep(Duration::from_millis(50));
            }
            done.store(true, Ordering::Relaxed);
            all.len()
        });
        while !done.load(Ordering::Relaxed) {
            let begun = Instant::now();
            // Who is cut off by those who came after tries again.
            while status(&raw(fort.port, admin.as_bytes())) != Some(200) {
                assert!(begun.elapsed() < PATIENCE, "no answer over TCP");
            }
            slowest = slowest.max(begun.elapsed());
            let begun = Instant::now();
            assert_eq!(fort.home.package(&["list"]).code, 0);
            slowest_at_socket = slowest_at_socket.max(begun.elapsed());
            let files = fs::read_dir(format!("/proc/{}/fd", fort.server.id()));
            most_files = most_files.max(files.unwrap().count());
            asked += 1;
            thread::sleep(Duration::from_millis(50));
        }
        let all = flood.join().unwrap();
        assert!(all > MANY * 9 / 10, "only {all} connections");
    });
    println!(
        "{asked} times, at most {slowest:?} over TCP and {slowest_at_socket:?} at the socket, {most_files} files"
    );
    assert!(asked > 0 && slowest < PATIENCE);
    assert!(
        slowest_at_socket < Duration::from_secs(5),
        "{slowest_at_socket:?}"
    );
    assert!(most_files < 700, "{most_files}");
    fort.assert_unharmed();
}
