//! The page that `plan --html` writes, in a real browser: what its sliders show is what the program says.

#![cfg(target_os = "linux")]

mod chromium;
mod costs;
mod page;
mod sliders;

use chromium::Chromium;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program; its output, if it succeeds.
fn program(folder: &Path, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(
        status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).expect("UTF-8")
}

/// Writes the page of a plan and opens it.
fn open(browser: &Chromium, folder: &Path, plan: &str) {
    let page = ["--html", "page.html", "--force"];
    let arguments: Vec<&str> = plan.split(' ').chain(page).collect();
    program(folder, &arguments);
    browser.open(&folder.join("page.html"));
}
