//! `ohmgrad presets`, help, and pipes.

use std::process::Stdio;

use super::support::Place;

#[test]
fn presets_are_listed_and_printed() {
    let place = Place::new();
    let list = place.succeed("presets");
    for line in [
        "drn-xs       1568-100-10",
        "hopfield-2h  784-1024-1024-10",
        "51,707,904",
        "1.57 %",
        "digits       128-64-10",
    ] {
        assert!(list.contains(line), "{list}");
    }
    let toml = place.succeed("presets drn-1h");
    assert!(
        toml.starts_with("# ") && toml.contains("input_gain = 480.0"),
        "{toml}"
    );
    place.fail(
        "presets drn-1x",
        &["no preset `drn-1x`", "did you mean `drn-1h`?"],
    );
}

#[test]
fn a_printed_preset_can_be_edited_and_trained() {
    let place = Place::new();
    let toml = place
        .succeed("presets digits")
        .replace("hidden = [64]", "hidden = [70]");
    place.write("my.toml", toml);
    let table = place.succeed("train my.toml --epochs 1 --out run");
    assert!(table.contains("digits: 128-70-10"), "{table}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    for arguments in ["presets", "train digits --epochs 5 --out run"] {
        let mut command = place.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments}");
        assert!(output.stderr.is_empty(), "{arguments}");
    }
}
