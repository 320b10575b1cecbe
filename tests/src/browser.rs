//! A headless Chromium, driven over the WebDriver protocol.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Running, until};

/// As long one command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the protocol calls the member that holds an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys without a character, as the protocol has them.
pub mod keys {
    /// Tab.
    pub const TAB: &str = "\u{e004}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Shift, held until the end of what is typed.
    pub const SHIFT: &str = "\u{e008}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// Space, which presses what has the focus.
    pub const SPACE: &str = " ";
}

/// A browser with one tab. It is ended with this.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    session: String,
    _driver: Running,
    _home: TempDir,
}

impl Browser {
    /// Starts one, or gives `None` after saying that `what` is skipped.
    ///
    /// # Panics
    ///
    /// When there is one and it does not start.
    #[must_use]
    pub fn start(what: &str) -> Option<Self> {
        for program in ["chromedriver", "chromium"] {
            let found = Command::new(program).arg("--version").output();
            if !found.is_ok_and(|output| output.status.success()) {
                crate::skipped(what, &format!("there is no {program}"));
                return None;
            }
        }
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("chromedriver");
        command
            .args(["--port=0", "--log-level=SEVERE"])
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stderr(Stdio::null());
        let (driver, stdout) = Running::with_stdout(&mut command);
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let mut browser = Self {
            port: port.expect("the driver's port"),
            session: String::new(),
            _driver: driver,
            _home: home,
        };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--no-first-run", "--disable-background-networking", "--window-size=1200,900",
            ]},
        }}});
        let session = browser.ask("POST", "/session", &wanted);
        let session = session["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{session}");
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.try_ask(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path} {body}: {error}"),
        }
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let asked = || -> std::io::Result<Vec<u8>> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let body = match method {
                "POST" => body.to_string(),
                _ => String::new(),
            };
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let Some((name, value)) = line.split_once(':') else {
                    if line.trim().is_empty() {
                        break;
                    }
                    continue;
                };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            let mut text = vec![0; length];
            reader.read_exact(&mut text)?;
            Ok(text)
        };
        let text = asked().map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match value["error"].is_string() && value["stacktrace"].is_string() {
            true => Err(format!("{}: {}", value["error"], value["message"])),
            false => Ok(value),
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    /// Opens an address.
    pub fn go(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// What a function body gives; `arguments` are an array.
    pub fn script(&self, body: &str, arguments: Value) -> Value {
        self.post("/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// What an expression gives.
    #[must_use]
    pub fn eval(&self, expression: &str) -> Value {
        self.script(&format!("return {expression};"), json!([]))
    }

    /// Waits until an expression is true.
    ///
    /// # Panics
    ///
    /// When it never is.
    pub fn wait(&self, expression: &str) {
        until(expression, || {
            self.eval(&format!("!!({expression})")) == true
        });
    }

    /// Waits until a text is among those that can be seen in the element of a selector.
    ///
    /// # Panics
    ///
    /// When it never is.
    pub fn wait_for(&self, selector: &str, text: &str) {
        let mut seen = String::new();
        let began = std::time::Instant::now();
        while !seen.contains(text) {
            assert!(
                began.elapsed() < PATIENCE / 2,
                "no `{text}` in {selector}: {seen}"
            );
            std::thread::sleep(Duration::from_millis(20));
            seen = self.text(selector);
        }
    }

    /// What can be seen of the text of the first element of a selector; empty if there is none.
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        let text = self.script(
            "const it = document.querySelector(arguments[0]); \
             return it?.checkVisibility() ? it.innerText : '';",
            json!([selector]),
        );
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Whether there is such an element, and it can be seen.
    #[must_use]
    pub fn sees(&self, selector: &str) -> bool {
        let seen = "return document.querySelector(arguments[0])?.checkVisibility() ?? false;";
        self.script(seen, json!([selector])) == true
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found[ELEMENT].as_str().expect("an element");
        format!("/element/{id}")
    }

    /// Clicks an element as a person does: it has to be where it can be clicked.
    pub fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// Types into an element what it is to hold from then on.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("{element}/clear"), &json!({}));
        if !text.is_empty() {
            self.post(&format!("{element}/value"), &json!({"text": text}));
        }
    }

    /// Types into whatever has the focus.
    pub fn types(&self, text: &str) {
        let mut actions = Vec::new();
        let mut held = Vec::new();
        for key in text.chars().map(String::from) {
            actions.push(json!({"type": "keyDown", "value": key}));
            match &*key {
                keys::SHIFT => held.push(key),
                _ => actions.push(json!({"type": "keyUp", "value": key})),
            }
        }
        let ups = held
            .iter()
            .map(|key| json!({"type": "keyUp", "value": key}));
        actions.extend(ups);
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// Makes the view so many pixels wide and high, as that of a phone or not.
    pub fn view(&self, width: u32, height: u32, phone: bool) {
        let view = json!({
            "width": width, "height": height, "mobile": phone, "deviceScaleFactor": 1,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", view);
    }

    /// Prefers dark or light colours.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": value});
        self.devtools("Emulation.setEmulatedMedia", json!({"features": [feature]}));
    }

    /// Lets the network fail, or work again.
    pub fn offline(&self, offline: bool) {
        self.devtools("Network.enable", json!({}));
        self.devtools(
            "Network.emulateNetworkConditions",
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1,
                "uploadThroughput": -1}),
        );
    }

    /// A picture of the view, as PNG in base64.
    #[must_use]
    pub fn picture(&self) -> String {
        let picture = self.devtools("Page.captureScreenshot", json!({"format": "png"}));
        picture["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Puts a picture of the view into the folder of `KEYWAY_PICTURES`, if that is set.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("KEYWAY_PICTURES") else {
            return;
        };
        let folder = Path::new(&folder);
        fs::create_dir_all(folder).expect("a folder for pictures");
        // Who looks at it decodes it: nothing here can.
        let file = folder.join(format!("{name}.png.base64"));
        fs::write(file, self.picture()).expect("a picture");
    }

    /// What the browser complained of since it was asked last, but for answers that are errors.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        let complaints = entries.iter().filter(|entry| entry["source"] != "network");
        complaints
            .map(|entry| entry["message"].to_string())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver does not end the browser when it is killed.
        let _ = self.try_ask("DELETE", &self.session, &Value::Null);
    }
}
