//! `ohmgrad reproduce`: the rows of a table, with several seeds.

use std::fs;
use std::time::{Duration, Instant};

use super::support::{DEEP, Place};

const TABLE: &str = r#"
title = "A small table"

[[row]]
file = "digits.toml"
test_error = 2.5
train_error = 1.25
time = "1 s"

[[row]]
file = "deep.toml"
test_error = 7.0
"#;

/// A table of two rows on the digits of the library, in `experiments/small`.
fn small_table() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path("experiments/small")).unwrap();
    place.write("experiments/small/table.toml", TABLE);
    place.write("experiments/small/deep.toml", DEEP);
    let digits = place.succeed("presets digits");
    place.write("experiments/small/digits.toml", digits);
    place
}

#[test]
fn rows_and_seeds_are_trained_as_by_train_and_compared() {
    let place = small_table();
    let text = place.succeed("reproduce small --seeds 0..1 --epochs 3");
    for part in [
        "digits-seed1: test error",
        "| row    | runs |  epochs |",
        "| digits |    2 | 3 of 40 |",
        "| deep   |    2 |       3 |",
        " ± ",
        "|    2.50 % |",
        "|         - |\n",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let table = place.text("runs/small/results.md");
    assert!(table.starts_with("A small table\n\n| row "), "{table}");
    assert!(text.ends_with(&table), "{text}");

    place.succeed("train digits --epochs 3 --seed 1 --out straight");
    place.assert_same_results("straight", "runs/small/digits-seed1");
    let csv = place.text("runs/small/results.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 4, "{csv}");
    assert!(lines[0].starts_with("row,seed,epochs,test_error,train_error,seconds,"));
    assert!(lines[2].starts_with("digits,1,3,") && lines[2].ends_with(",2.5,1.25,1 s"));
    assert!(lines[4].starts_with("deep,1,3,") && lines[4].ends_with(",7.0,,"));
    let error = &place.metrics("straight")[2]["test_error"];
    assert!(lines[2].contains(&format!(",3,{error},")), "{csv}");
}

#[test]
fn finished_runs_are_kept_and_others_go_on() {
    let place = small_table();
    let reproduce = "reproduce experiments/small --rows digits --out out";
    place.succeed(&format!("{reproduce} --seeds 0 --epochs 2"));
    let written = || {
        let checkpoint = fs::metadata(place.path("out/digits-seed0/checkpoint.safetensors"));
        checkpoint.unwrap().modified().unwrap()
    };
    let text = place.succeed(&format!("{reproduce} --seeds 0..1 --epochs 4"));
    assert!(text.contains("resumed after epoch 2"), "{text}");
    let before = written();
    let text = place.succeed(&format!("{reproduce} --seeds 0..1 --epochs 4"));
    assert_eq!(text.matches("finished before").count(), 2, "{text}");
    assert_eq!(written(), before);
    assert!(!place.path("out/deep-seed0").exists());
    place.succeed("train digits --epochs 4 --seed 0 --out straight");
    place.assert_same_results("straight", "out/digits-seed0");
}

#[test]
fn a_killed_command_goes_on_from_the_last_checkpoint() {
    let place = small_table();
    let reproduce = "reproduce small --rows digits --seeds 0..1 --epochs 60";
    let mut child = place.command(reproduce).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let metrics = place.path("runs/small/digits-seed0/metrics.jsonl");
    while !metrics.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = place.succeed(reproduce);
    assert!(
        text.contains("digits-seed0") && text.contains("resumed after epoch"),
        "{text}"
    );
    place.succeed("train digits --quiet --epochs 60 --out straight");
    place.assert_same_results("straight", "runs/small/digits-seed0");
}

#[test]
fn rows_seeds_and_folders_that_do_not_exist_are_refused() {
    let place = small_table();
    place.fail(
        "reproduce small --rows digits,depe",
        &["no row `depe`", "digits, deep", "did you mean `deep`?"],
    );
    place.fail("reproduce small --seeds 4..0", &["write 0..4"]);
    place.fail(
        "reproduce nowhere",
        &["nowhere is no folder of an experiment", "table.toml"],
    );
    for (table, word) in [
        ("title = 1", "table.toml"),
        ("title = \"\"", "no [[row]]"),
        (
            &TABLE.replace("test_error", "tets_error"),
            "did you mean `test_error`?",
        ),
        (
            &TABLE.replace("deep.toml", "digits.toml"),
            "two rows `digits`",
        ),
        (
            &TABLE.replace("deep.toml", "gone.toml"),
            "gone.toml cannot be read",
        ),
    ] {
        place.write("experiments/small/table.toml", table);
        place.fail("reproduce small", &[word]);
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn a_row_whose_settings_changed_does_not_go_on_with_the_old_run() {
    let place = small_table();
    place.succeed("reproduce small --rows deep --seeds 3 --epochs 1");
    place.write(
        "experiments/small/deep.toml",
        DEEP.replace("beta = 0.5", "beta = 0.6"),
    );
    place.fail(
        "reproduce small --rows deep --seeds 3 --epochs 2",
        &["row deep, seed 3", "other settings than its checkpoint"],
    );
}

#[test]
fn processes_in_one_folder_keep_each_others_results() {
    let place = small_table();
    let start = |rows: &str, seeds: &str| {
        let arguments = format!("reproduce small --epochs 1 --rows {rows} --seeds {seeds}");
        place.command(&arguments).spawn().unwrap()
    };
    let running = [
        start("digits", "0..1"),
        start("deep", "0"),
        start("digits", "2"),
    ];
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let csv = place.text("runs/small/results.csv");
    let runs: Vec<&str> = csv.lines().skip(1).map(|line| &line[..8]).collect();
    assert_eq!(runs.len(), 4, "{csv}");
    for run in ["digits,0", "digits,1", "digits,2", "deep,0,1"] {
        assert!(runs.contains(&run), "no {run} in {csv}");
    }
    // A run whose folder is gone is gone.
    fs::remove_dir_all(place.path("runs/small/digits-seed2")).unwrap();
    place.succeed("reproduce small --epochs 1 --rows deep --seeds 0");
    let csv = place.text("runs/small/results.csv");
    assert!(
        csv.lines().count() == 4 && !csv.contains("digits,2"),
        "{csv}"
    );
}
