//! `ohmgrad train --resume`: an interrupted run ends as if it had never stopped.

use std::thread;
use std::time::{Duration, Instant};

use super::support::{DEEP, Place};

#[test]
fn epochs_can_be_added_with_other_numbers_of_threads() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    place.succeed("train deep.toml --out straight");
    place.succeed("train deep.toml --epochs 1 --threads 2 --out resumed");
    place.succeed("train --resume resumed --epochs 2 --threads 3");
    let table = place.succeed("train --resume resumed --epochs 3 --threads 1");
    assert_eq!(table.lines().count(), 3 + 3 + 1, "{table}");
    place.assert_same_results("straight", "resumed");
}

#[test]
fn every_rule_and_initial_state_is_resumed_exactly() {
    let place = Place::new();
    for (n, (rule, state)) in [("positive", "zero"), ("negative", "persistent")]
        .iter()
        .enumerate()
    {
        let toml = DEEP
            .replace(
                "\"centered\"",
                &format!("\"{rule}\"\ninitial_state = \"{state}\""),
            )
            .replace("momentum = 0.5", "momentum = 0.0");
        place.write("rule.toml", toml);
        place.succeed(&format!("train rule.toml --epochs 2 --out straight{n}"));
        place.succeed(&format!("train rule.toml --epochs 1 --out resumed{n}"));
        place.succeed(&format!("train --resume resumed{n} --epochs 2"));
        place.assert_same_results(&format!("straight{n}"), &format!("resumed{n}"));
    }
}

/// Registers, the number of steps and the place in the schedule are all in the checkpoint.
#[test]
fn every_optimizer_is_resumed_exactly() {
    let place = Place::new();
    for method in ["sgd", "momentum", "adam"] {
        let toml = DEEP.replace(
            "method = \"momentum\"\nmomentum = 0.5\n",
            &format!(
                "method = \"{method}\"\nschedule = {{ kind = \"cosine\", epochs = 3, warmup = 1.5 }}\n"
            ),
        );
        let toml = toml.replace("schedule = { kind = \"exponential\", factor = 0.97 }\n", "");
        place.write("optimizer.toml", toml);
        place.succeed(&format!(
            "train optimizer.toml --epochs 3 --out straight-{method}"
        ));
        place.succeed(&format!(
            "train optimizer.toml --epochs 1 --out resumed-{method}"
        ));
        place.succeed(&format!(
            "train --resume resumed-{method} --epochs 3 --threads 2"
        ));
        place.assert_same_results(&format!("straight-{method}"), &format!("resumed-{method}"));
    }
}

#[test]
fn networks_without_hidden_layers_are_resumed_exactly() {
    let place = Place::new();
    let mut toml = DEEP.replace("hidden = [70, 130]", "hidden = []");
    for line in ["W2 = 0.004", "W3 = 0.008", "b2 = 0.004", "b3 = 0.008"] {
        toml = toml.replace(line, "");
    }
    place.write("flat.toml", toml);
    place.succeed("train flat.toml --epochs 2 --out straight");
    place.succeed("train flat.toml --epochs 1 --out resumed");
    place.succeed("train --resume resumed --epochs 2");
    place.assert_same_results("straight", "resumed");
}

/// Starts a command and kills it after a while, unless it is done before.
/// Kills a run some time after its folder says what it is: on a busy machine that may take long.
fn kill_after(place: &Place, arguments: &str, delay: Duration) {
    let mut child = place.command(arguments).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !place.path("killed/config.toml").exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_a_straight_one() {
    let place = Place::new();
    place.succeed("train digits --quiet --epochs 12 --out straight");
    let start = "train digits --quiet --epochs 12 --out killed";
    let resume = "train --quiet --resume killed";
    kill_after(&place, start, Duration::from_millis(30));
    for delay in (10..100).step_by(15) {
        kill_after(&place, resume, Duration::from_millis(delay));
    }
    place.succeed(resume);
    place.assert_same_results("straight", "killed");
}

#[test]
fn a_kill_loses_at_most_one_epoch() {
    let place = Place::new();
    let mut child = place
        .command("train digits --quiet --epochs 5000 --out run")
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let finished = || match place.path("run/metrics.jsonl").exists() {
        true => place.metrics("run").len(),
        false => 0,
    };
    while finished() < 3 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = finished();
    assert!(before >= 3);
    let epochs = before + 2;
    place.succeed(&format!("train --quiet --resume run --epochs {epochs}"));
    place.succeed(&format!(
        "train digits --quiet --epochs {epochs} --out straight"
    ));
    place.assert_same_results("straight", "run");
}

#[test]
fn files_that_lag_behind_the_checkpoint_are_brought_up_to_date() {
    let place = Place::new();
    place.succeed("train digits --epochs 2 --out run");
    place.succeed("train digits --epochs 2 --out kept");
    for file in ["metrics.jsonl", "last.safetensors"] {
        place.write(&format!("run/{file}"), "outdated");
    }
    place.succeed("train --resume run");
    place.assert_same_results("kept", "run");
    assert_eq!(
        place.read("kept/checkpoint.safetensors").len(),
        place.read("run/checkpoint.safetensors").len()
    );
}

#[test]
fn a_run_without_a_checkpoint_starts_from_its_settings() {
    let place = Place::new();
    place.succeed("train digits --epochs 2 --seed 4 --out straight");
    std::fs::create_dir(place.path("killed")).unwrap();
    place.write("killed/config.toml", place.read("straight/config.toml"));
    place.succeed("train --resume killed");
    place.assert_same_results("straight", "killed");
}

#[test]
fn what_cannot_be_resumed_is_refused() {
    let place = Place::new();
    place.fail("train --resume nowhere", &["nowhere", "holds no run"]);
    assert!(!place.path("nowhere").exists());
    place.succeed("train digits --epochs 2 --out run");
    place.fail(
        "train --resume run --epochs 1",
        &["2 finished epochs", "end after 1"],
    );
    place.fail("train --resume run --seed 1", &["--seed"]);
    place.fail("train --resume run --out other", &["--out"]);
    place.fail("train --resume run digits", &["--resume"]);
    let config = place.text("run/config.toml");
    place.write(
        "run/config.toml",
        config.replace("beta = 1.0", "beta = 2.0"),
    );
    place.fail(
        "train --resume run",
        &["other settings than its checkpoint"],
    );
    place.write("run/config.toml", config);
    place.succeed("train --resume run");
    let checkpoint = place.read("run/checkpoint.safetensors");
    place.write(
        "run/checkpoint.safetensors",
        &checkpoint[..checkpoint.len() - 1],
    );
    place.fail(
        "train --resume run",
        &["checkpoint.safetensors", "cut short"],
    );
    place.write(
        "run/checkpoint.safetensors",
        place.read("run/last.safetensors"),
    );
    place.fail(
        "train --resume run",
        &["`ohmgrad-drn`", "`ohmgrad-checkpoint`"],
    );
}
