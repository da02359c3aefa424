//! Tells the commit that the command is built from, for the receipts of runs.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=OHMGRAD_COMMIT");
    println!("cargo:rerun-if-changed=../../.git/logs/HEAD");
    let told = std::env::var("OHMGRAD_COMMIT").ok();
    if let Some(commit) = told.or_else(commit) {
        println!("cargo:rustc-env=OHMGRAD_COMMIT={commit}");
    }
}

/// What git says, if this is a clone.
fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .output()
        .ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}
