//! What all tests of the command share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Two hidden layers of more than one block, and momentum: every kind of state there is.
pub(crate) const DEEP: &str = r#"
name = "deep"
seed = 3
epochs = 3

[data]
dataset = "digits"

[network]
features = 64
hidden = [70, 130]
outputs = 10
input_gain = 100.0

[training]
rule = "c-ep"
beta = 0.5
batch = 32

[training.free_phase]
order = "asynchronous"
sweeps = 4

[training.nudged_phase]
order = "asynchronous"
sweeps = 4

[training.optimizer]
method = "momentum"
momentum = 0.5
weight_decay = 1e-6
schedule = { kind = "exponential", factor = 0.97 }

[training.optimizer.learning_rates]
W1 = 0.002
W2 = 0.004
W3 = 0.008
b1 = 0.002
b2 = 0.004
b3 = 0.008
"#;

/// A fresh folder in which commands run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The command with these arguments (separated by spaces), not yet started.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("OHMGRAD_DATA")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed; returns its stdout.
    pub(crate) fn succeed(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail: exit code 2, nothing on stdout, these words on stderr.
    pub(crate) fn fail(&self, arguments: &str, words: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert_failure(&output, arguments, words);
    }

    /// The metrics of a run, without timings.
    pub(crate) fn metrics(&self, run: &str) -> Vec<Value> {
        let text = self.text(&format!("{run}/metrics.jsonl"));
        let without_timings = |line: &str| {
            let mut metrics: Value = serde_json::from_str(line).unwrap();
            let object = metrics.as_object_mut().unwrap();
            object.remove("seconds").unwrap();
            object.remove("examples_per_second").unwrap();
            metrics
        };
        text.lines().map(without_timings).collect()
    }

    /// Asserts that two runs ended bit-identical, apart from timings.
    pub(crate) fn assert_same_results(&self, one: &str, other: &str) {
        for file in ["config.toml", "last.safetensors", "best.safetensors"] {
            let read = |run: &str| self.read(&format!("{run}/{file}"));
            assert!(
                read(one) == read(other),
                "{file} of {one} and {other} differ"
            );
        }
        assert_eq!(self.metrics(one), self.metrics(other));
    }

    /// Writes a folder of small IDX files: 20 training and 10 test images of 2x3 pixels.
    pub(crate) fn write_idx_folder(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir(&folder).unwrap();
        write_examples(&folder, "train", 20);
        write_examples(&folder, "t10k", 10);
        folder
    }
}

pub(crate) fn assert_failure(output: &Output, arguments: &str, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
    for word in words {
        assert!(
            stderr.contains(word),
            "{arguments}: no `{word}` in: {stderr}"
        );
    }
    assert!(stderr.starts_with("error: "), "{arguments}: {stderr}");
    assert!(!stderr.contains("panicked"), "{arguments}: {stderr}");
}

/// An IDX file of bytes.
pub(crate) fn idx(header: &[u32], content: &[u8]) -> Vec<u8> {
    let header = header.iter().flat_map(|word| word.to_be_bytes());
    header.chain(content.iter().copied()).collect()
}

fn write_examples(folder: &Path, part: &str, count: u8) {
    let labels: Vec<u8> = (0..count).map(|i| i % 10).collect();
    let pixels: Vec<u8> = labels.iter().flat_map(|l| [25 * l; 6]).collect();
    let count = u32::from(count);
    let images = idx(&[0x803, count, 2, 3], &pixels);
    let labels = idx(&[0x801, count], &labels);
    fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
    fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
}
