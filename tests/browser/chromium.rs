//! A headless Chromium, spoken to in its DevTools protocol over two pipes: a page, its controls, and what went wrong on it.

use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser with one page.
pub struct Chromium {
    child: Child,
    input: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    calls: Cell<u64>,
    session: RefCell<Option<String>>,
    events: RefCell<Vec<Value>>,
    /// Everything that it writes; gone with it.
    _folder: TempDir,
}

/// The program of `CHROME`, or the one that `tests/run` fetches, and the folder of its libraries and fonts.
fn program() -> (PathBuf, Option<PathBuf>) {
    if let Some(path) = std::env::var_os("CHROME") {
        return (path.into(), None);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.browser");
    let program = folder.join("chromium");
    assert!(
        program.exists(),
        "`{}` is not there: run `tests/run --set-up-only`, or set CHROME",
        program.display()
    );
    (program, Some(folder))
}

impl Chromium {
    /// Starts it with an empty page, 1280 pixels wide.
    pub fn start() -> Self {
        let (program, own) = program();
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        // It reads from descriptor 3 and writes to 4.
        command
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>&1",
            ])
            .arg(program)
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(own) = own {
            command
                .env("LD_LIBRARY_PATH", own.join("lib"))
                .env("FONTCONFIG_FILE", own.join("fonts.conf"));
        }
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, messages) = channel();
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let browser = Self {
            child,
            input: RefCell::new(input),
            messages,
            calls: Cell::new(0),
            session: RefCell::new(None),
            events: RefCell::new(Vec::new()),
            _folder: folder,
        };
        browser.attach();
        browser
    }

    fn attach(&self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", &attach)["sessionId"].take();
        *self.session.borrow_mut() = session.as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
        self.resize(1280);
    }

    fn receive(&self) -> Value {
        self.messages
            .recv_timeout(PATIENCE)
            .expect("the browser answers")
    }

    /// Calls a method of the protocol.
    fn call(&self, method: &str, parameters: &Value) -> Value {
        let id = self.calls.get() + 1;
        self.calls.set(id);
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &*self.session.borrow() {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input
            .borrow_mut()
            .write_all(&bytes)
            .expect("the browser listens");
        loop {
            let mut message = self.receive();
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.borrow_mut().push(message);
        }
    }

    /// Opens a file.
    pub fn open(&self, path: &Path) {
        self.events.borrow_mut().clear();
        let url = format!("file://{}", path.display());
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        self.call("Page.navigate", &json!({ "url": url }));
        while !self.events.borrow().iter().any(loaded) {
            let event = self.receive();
            self.events.borrow_mut().push(event);
        }
    }

    /// Errors and warnings since a page was opened, and addresses other than its own that it asked for.
    pub fn faults(&self) -> Vec<String> {
        // What the page has asked for so far is told before this is answered.
        self.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))");
        let own = self.evaluate("location.href.split('#')[0]");
        let fault = |event: &Value| {
            let found = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" if found["request"]["url"] != own => {
                    Some(format!("asked for {}", found["request"]["url"]))
                }
                "Runtime.exceptionThrown" => Some(found["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" => Some(format!("console: {}", found["args"])),
                "Log.entryAdded" => Some(format!("log: {}", found["entry"])),
                _ => None,
            }
        };
        self.events.borrow().iter().filter_map(fault).collect()
    }

    /// Sets the width of the window in pixels.
    pub fn resize(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets `light` or `dark`.
    pub fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    /// The value of an expression on the page.
    pub fn evaluate(&self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", &parameters);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression:.200}: {answer}"
        );
        answer["result"]["value"].take()
    }

    /// The text of the first element that `selector` finds.
    pub fn text(&self, selector: &str) -> String {
        let text = self.evaluate(&format!(
            "document.querySelector({}).textContent",
            json!(selector)
        ));
        text.as_str()
            .unwrap_or_else(|| panic!("no text: {selector}"))
            .to_owned()
    }

    /// Text of all elements that `selector` finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let all = format!(
            "[...document.querySelectorAll({})].map((one) => one.textContent)",
            json!(selector)
        );
        serde_json::from_value(self.evaluate(&all)).expect("texts")
    }

    /// Presses a key, as often as `times` says, wherever the focus is.
    pub fn press(&self, key: &str, times: u32) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => panic!("no code for {key}"),
        };
        for _ in 0..times {
            for kind in ["keyDown", "keyUp"] {
                let mut event = json!({
                    "type": kind, "key": key, "code": key,
                    "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code,
                });
                // A button hears a character.
                if kind == "keyDown" && key == "Enter" {
                    event["text"] = "\r".into();
                }
                self.call("Input.dispatchKeyEvent", &event);
            }
        }
    }

    fn mouse(&self, kind: &str, [x, y]: [f64; 2]) {
        let buttons = u8::from(kind != "mouseReleased");
        let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", &event);
    }

    /// Left, top, width and height of the first element that `selector` finds, after it is scrolled into view.
    pub fn place(&self, selector: &str) -> [f64; 4] {
        let place = format!(
            "(() => {{ const one = document.querySelector({}); one.scrollIntoView({{ block: 'center' }}); \
             const {{ x, y, width, height }} = one.getBoundingClientRect(); return [x, y, width, height]; }})()",
            json!(selector)
        );
        serde_json::from_value(self.evaluate(&place)).expect("a place")
    }

    /// Clicks the middle of an element.
    pub fn click(&self, selector: &str) {
        let [x, y, width, height] = self.place(selector);
        let middle = [x + width / 2.0, y + height / 2.0];
        self.mouse("mousePressed", middle);
        self.mouse("mouseReleased", middle);
    }

    /// Presses the mouse on a slider, at shares of its length: from the first on to the second.
    pub fn drag(&self, selector: &str, shares: [f64; 2]) {
        let [x, y, width, height] = self.place(selector);
        let [from, to] = shares.map(|share| [x + width * share, y + height / 2.0]);
        self.mouse("mousePressed", from);
        self.mouse("mouseMoved", to);
        self.mouse("mouseReleased", to);
    }

    /// Names of the sliders, as a screen reader has them.
    pub fn slider_names(&self) -> Vec<String> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().expect("nodes");
        let sliders = nodes
            .iter()
            .filter(|node| node["role"]["value"] == "slider");
        sliders
            .map(|node| {
                node["name"]["value"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // What is asked without a session ends its other processes too, which write into its folder.
        let close = b"{\"id\":0,\"method\":\"Browser.close\"}\0";
        if self.input.get_mut().write_all(close).is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
