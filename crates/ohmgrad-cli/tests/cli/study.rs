//! Studies: grids, several jobs, shares, receipts and their verification.

use std::fs;

use serde_json::Value;

use super::support::Place;

const TABLE: &str = r#"
title = "Rates"

[[row]]
file = "digits.toml"

[grid]
optimizer.learning_rate = [0.003, 0.01]
network.hidden = [[8]]
rule = ["p-ep"]
seed = [0, 1]
"#;

/// A grid of two rates with two seeds, in `experiments/rates`.
fn rates() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path("experiments/rates")).unwrap();
    place.write("experiments/rates/table.toml", TABLE);
    let digits = place.succeed("presets digits");
    place.write("experiments/rates/digits.toml", digits);
    place
}

const RUNS: [&str; 4] = [
    "digits-hidden_8-learning_rate_0.003-rule_p-ep-seed0",
    "digits-hidden_8-learning_rate_0.003-rule_p-ep-seed1",
    "digits-hidden_8-learning_rate_0.01-rule_p-ep-seed0",
    "digits-hidden_8-learning_rate_0.01-rule_p-ep-seed1",
];

#[test]
fn jobs_at_once_end_as_one_after_the_other() {
    let place = rates();
    let text = place.succeed("reproduce rates --epochs 2 --out one");
    let also = place.succeed("reproduce rates --epochs 2 --out two --jobs 2");
    for run in RUNS {
        assert!(text.contains(&format!("{run}: test error")), "{text}");
        assert!(also.contains(&format!("{run}: test error")), "{also}");
        place.assert_same_results(&format!("one/{run}"), &format!("two/{run}"));
    }
    let table = |folder: &str| {
        let csv = place.text(&format!("{folder}/results.csv"));
        let without_time = |line: &str| line.split(',').take(5).collect::<Vec<_>>().join(",");
        csv.lines().map(without_time).collect::<Vec<_>>()
    };
    assert_eq!(table("one"), table("two"));
    assert_eq!(table("one").len(), 5);
}

#[test]
fn shares_are_collected() {
    let place = rates();
    place.succeed("reproduce rates --epochs 1 --shard 2/3");
    assert!(place.path(&format!("runs/rates/{}", RUNS[1])).exists());
    assert!(!place.path(&format!("runs/rates/{}", RUNS[0])).exists());
    assert!(!place.path("runs/rates/results.csv").exists());
    let collect = "collect rates --epochs 1";
    place.fail(collect, &["3 of 4 runs are not finished"]);
    let output = place.command(collect).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("{}: missing", RUNS[0])), "{text}");
    assert!(!text.contains(&format!("{}: missing", RUNS[1])), "{text}");

    // As a task of an array on SLURM.
    for (id, count) in [("4", "3"), ("6", "3")] {
        let mut command = place.command("reproduce rates --epochs 1");
        command
            .env("SLURM_ARRAY_TASK_ID", id)
            .env("SLURM_ARRAY_TASK_COUNT", count);
        let output = command.env("SLURM_ARRAY_TASK_MIN", "4").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let (first, again) = (place.succeed(collect), place.succeed(collect));
    assert_eq!(first, again);
    let results = [
        place.text("runs/rates/results.csv"),
        place.text("runs/rates/results.md"),
    ];
    place.succeed(collect);
    assert_eq!(
        results,
        ["csv", "md"].map(|end| place.text(&format!("runs/rates/results.{end}")))
    );

    place.fail(
        "collect rates --epochs 2",
        &["4 of 4 runs are not finished"],
    );
    let output = place.command("collect rates --epochs 2").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("interrupted after epoch 1 of 2"), "{text}");
    place.fail("reproduce rates --shard 4/3", &["is no share"]);
}

#[test]
fn a_run_that_fails_does_not_stop_the_others() {
    let place = rates();
    place.succeed("reproduce rates --epochs 1");
    let checkpoint = format!("runs/rates/{}/checkpoint.safetensors", RUNS[0]);
    place.write(&checkpoint, "damaged");
    place.fail(
        "reproduce rates --epochs 2",
        &[
            "learning_rate_0.003-rule_p-ep, seed 0",
            "cannot be gone on from",
        ],
    );
    let output = place.command("collect rates --epochs 2").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("{}: failed: ", RUNS[0])), "{text}");
    assert!(!text.contains(&format!("{}: ", RUNS[3])), "{text}");
    // Once the cause is removed, it begins anew.
    fs::remove_file(place.path(&checkpoint)).unwrap();
    place.succeed("reproduce rates --epochs 2");
    place.succeed("collect rates --epochs 2");
}

#[test]
fn scripts_and_plans_start_nothing() {
    let place = rates();
    let script = place.succeed("reproduce rates --epochs 3 --slurm 8");
    for line in [
        "#SBATCH --array=0-7",
        "#SBATCH --requeue",
        "reproduce rates --epochs 3\n",
    ] {
        assert!(script.contains(line), "{script}");
    }
    assert!(!script.contains("--slurm"), "{script}");
    let plan = place.succeed("reproduce rates --epochs 3 --dry-run --jobs 2");
    assert!(
        plan.contains(&format!("{}: 3 epochs, about ", RUNS[2])),
        "{plan}"
    );
    assert!(plan.contains("4 of 4 runs, 2 at once: about "), "{plan}");
    let plan = place.succeed("train digits --dry-run");
    assert!(
        plan.contains("digits: 40 epochs, about ") && plan.contains(" MB"),
        "{plan}"
    );
    assert!(!place.path("runs").exists());
}

#[test]
fn receipts_are_verified() {
    let place = Place::new();
    place.succeed("train digits --epochs 2 --out run");
    place.succeed("train --resume run --epochs 3");
    let text = place.text("run/receipts.jsonl");
    let receipts: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let before: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt["epochs_before"].as_u64())
        .collect();
    assert_eq!(before, [Some(0), Some(2)]);
    assert_eq!(receipts[0]["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        receipts[0]["cpu"]
            .as_str()
            .is_some_and(|cpu| !cpu.is_empty())
    );
    let text = place.succeed("verify run --replay 2");
    assert!(
        text.contains("ok      epoch 2 again") && !text.contains("FAILED"),
        "{text}"
    );
    assert!(!text.contains("epoch 3 again"), "{text}");

    // A setting that was changed, a model that was damaged, an epoch that was made up.
    let config = place.text("run/config.toml");
    place.write(
        "run/config.toml",
        config.replace("input_gain = 30.0", "input_gain = 31.0"),
    );
    let faults = |expected: &[&str]| {
        let output = place.command("verify run --replay 1").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        for words in expected {
            let told = text
                .lines()
                .any(|line| line.starts_with("FAILED") && line.contains(words));
            assert!(told, "no fault of {words} in {text}");
        }
    };
    faults(&["receipt 1: settings: checksum", "epoch 1 again: "]);
    place.write("run/config.toml", &config);
    let mut model = place.read("run/last.safetensors");
    let last = model.len() - 1;
    model[last] ^= 1;
    place.write("run/last.safetensors", &model);
    faults(&["last.safetensors"]);
    model[last] ^= 1;
    place.write("run/last.safetensors", &model);
    let metrics = place.text("run/metrics.jsonl");
    place.write(
        "run/metrics.jsonl",
        metrics.replacen("\"train_cost\":0.", "\"train_cost\":1.", 1),
    );
    faults(&[
        "checkpoint.safetensors: its metrics",
        "epoch 1 again: train_cost",
    ]);
    place.fail("verify nowhere", &["nowhere holds no run"]);
}
