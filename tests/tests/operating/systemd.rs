//! What systemd is told, and the unit that we give.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use keyway_tests::command::{keyway_program, run};
use keyway_tests::server::{Home, Running};
use keyway_tests::{skipped, workspace};

/// What is told next, without signs of life.
fn told(socket: &UnixDatagram) -> String {
    loop {
        let text = any(socket);
        if text != "WATCHDOG=1" {
            return text;
        }
    }
}

fn any(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn it_is_told_that_the_server_is_ready_alive_and_stopping() {
    let home = Home::new();
    let path = home.at("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut command = home.command();
    command
        .arg("serve")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let mut server = Running::of(&mut command);
    assert_eq!(told(&socket), "STATUS=opening the records");
    assert_eq!(told(&socket), "STATUS=starting the packages");
    assert_eq!(told(&socket), "READY=1\nSTATUS=0 packages run, 0 failed");
    for _ in 0..5 {
        assert_eq!(any(&socket), "WATCHDOG=1");
    }
    server.signal("TERM");
    assert_eq!(told(&socket), "STOPPING=1\nSTATUS=stopping the packages");
    assert_eq!(server.wait().code(), Some(0));
    drop(server);

    // Nobody who listens, or a nonsense, keeps it from serving.
    for address in [home.at("nobody").into_os_string(), "nonsense".into()] {
        let mut command = home.command();
        command
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.env("NOTIFY_SOCKET", address);
        // The watchdog of somebody else.
        command.env("WATCHDOG_USEC", "1").env("WATCHDOG_PID", "1");
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        assert!(line.starts_with("keyway serve: ready"), "{line}");
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[test]
fn the_unit_is_one_and_says_what_the_command_knows() {
    let path = workspace().join("host/server/docs/keyway.service");
    let unit = fs::read_to_string(path).unwrap();
    let start = unit.lines().find_map(|it| it.strip_prefix("ExecStart="));
    let start: Vec<&str> = start.unwrap().split(' ').collect();
    assert_eq!(start[1], "serve");
    let help = run(Command::new(keyway_program()).args(["serve", "--help"]));
    for option in start.iter().filter(|it| it.starts_with("--")) {
        let option = option.split('=').next().unwrap();
        assert!(help.stdout.contains(&format!("{option} ")), "{option}");
    }
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        return skipped("the unit", "systemd-analyze is not installed");
    }
    // What it starts has to be there.
    let folder = tempfile::tempdir().unwrap();
    let verified = folder.path().join("keyway.service");
    let program = keyway_program();
    let unit = unit.replace(start[0], program.to_str().unwrap());
    fs::write(&verified, unit).unwrap();
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.arg("verify").arg(&verified).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("keyway.service"),
        "{said}"
    );
    let mut analyze = Command::new("systemd-analyze");
    let security = ["security", "--offline=true", "--threshold=30", "--no-pager"];
    let output = analyze.args(security).arg(&verified).output().unwrap();
    assert!(output.status.success(), "{output:#?}");
}
