//! `ohmgrad learn`: circuits that learn, what a run leaves behind, and tasks that are refused.

use std::path::Path;

use serde_json::Value;

use super::support::Place;

const DIVIDER: &str = "\
A divider
V1 in 0 0
R1 in out 1
R2 out 0 1
R3 far 0 1
D1 out 0 ideal
.model ideal sidiode(Ron=0 Roff=inf Vfwd=5)
.end
";

pub(crate) const TASK: &str = r#"
name = "divider"
epochs = 100
netlist = "divider.cir"
train = ["R1", "r2"]
outputs = ["v(out)"]

[inputs]
v1 = "x"

[examples]
columns = ["x", "y"]
rows = [[1, 0.25], [2.0, 0.5], [-1, -0.25]]
targets = ["y"]

[training]
batch = 2

[training.optimizer.learning_rates]
conductances = 0.5
"#;

const CLASSES: &str = r#"
targets = []
label = "kind"
classes = ["low"]
"#;

pub(crate) fn place(task: &str) -> Place {
    let place = Place::new();
    place.write("divider.cir", DIVIDER);
    place.write("task.toml", task);
    place
}

/// The metrics of a run, without timings.
pub(crate) fn metrics(place: &Place, run: &str) -> Vec<Value> {
    let text = place.text(&format!("{run}/metrics.jsonl"));
    let without_timings = |line: &str| {
        let mut metrics: Value = serde_json::from_str(line).unwrap();
        metrics.as_object_mut().unwrap().remove("seconds").unwrap();
        metrics
    };
    text.lines().map(without_timings).collect()
}

#[test]
fn a_divider_learns_its_ratio() {
    let place = place(TASK);
    let text = place.succeed("learn task.toml --out run");
    assert!(
        text.starts_with("divider: 4 nodes, 5 elements, 2 trained"),
        "{text}"
    );
    assert!(text.contains("2  0.5000 (0.5)"), "{text}");
    assert!(
        text.trim_end()
            .ends_with("after epoch 100: run/trained.cir"),
        "{text}"
    );
    let metrics = metrics(&place, "run");
    assert_eq!(metrics.len(), 100);
    assert!(metrics[99]["cost"].as_f64().unwrap() < 1e-8, "{text}");
    assert_eq!(metrics[99]["error"], Value::Null);

    let trained = place
        .text("run/trained.cir")
        .replace("v1 in 0 0", "v1 in 0 2");
    place.write("at2.cir", trained);
    let solved = place.succeed("solve at2.cir --json");
    let solved: Value = serde_json::from_str(&solved).unwrap();
    let out = solved["nodes"]["out"].as_f64().unwrap();
    assert!((out - 0.5).abs() < 1e-3, "{out}");
}

#[test]
fn quiet_runs_print_one_line() {
    let line = place(TASK).succeed("learn task.toml --quiet --epochs 2 --out run");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("after epoch 2: run/trained.cir"), "{line}");
}

#[test]
fn a_resumed_run_ends_as_one_that_never_stopped() {
    let place = place(TASK);
    place.succeed("learn task.toml --seed 4 --epochs 20 --out whole");
    place.succeed("learn task.toml --seed 4 --epochs 7 --out parts");
    place.succeed("learn --resume parts --epochs 20");
    for file in ["trained.cir", "config.toml"] {
        let read = |run: &str| place.text(&format!("{run}/{file}"));
        assert_eq!(read("whole"), read("parts"));
    }
    assert_eq!(metrics(&place, "whole"), metrics(&place, "parts"));
    // What a failure after the checkpoint has left undone.
    std::fs::remove_file(place.path("parts/trained.cir")).unwrap();
    place.write("parts/metrics.jsonl", "");
    place.succeed("learn --resume parts");
    assert_eq!(
        place.text("whole/trained.cir"),
        place.text("parts/trained.cir")
    );
    assert_eq!(metrics(&place, "whole"), metrics(&place, "parts"));
    place.fail("learn --resume parts --epochs 3", &["20 finished epochs"]);
    place.fail("learn --resume nowhere", &["holds no run"]);
    place.fail("learn task.toml --out parts", &["already holds a run"]);
    let config = place
        .text("parts/config.toml")
        .replace("batch = 2", "batch = 3");
    place.write("parts/config.toml", config);
    place.fail(
        "learn --resume parts",
        &["other settings than its checkpoint"],
    );
    place.write("whole/checkpoint.json", "{}");
    place.fail("learn --resume whole", &["is no checkpoint of a circuit"]);
}

#[test]
fn every_optimizer_is_resumed_with_the_same_bits() {
    let schedule = "schedule = { kind = \"cosine\", epochs = 20, warmup = 2.5 }";
    for method in ["sgd", "momentum", "adam"] {
        let optimizer = format!(
            "[training.optimizer]\nmethod = \"{method}\"\nweight_decay = 1e-3\n{schedule}\n\n\
             [training.optimizer.learning_rates]"
        );
        let place = place(&TASK.replace("[training.optimizer.learning_rates]", &optimizer));
        place.succeed("learn task.toml --epochs 20 --out whole");
        place.succeed("learn task.toml --epochs 7 --out parts");
        place.succeed("learn --resume parts --epochs 20");
        let values = |run: &str| {
            let text = place.text(&format!("{run}/checkpoint.json"));
            let checkpoint: Value = serde_json::from_str(&text).unwrap();
            [checkpoint["values"].clone(), checkpoint["memory"].clone()]
        };
        assert_eq!(values("whole"), values("parts"), "{method}");
        assert_eq!(
            metrics(&place, "whole"),
            metrics(&place, "parts"),
            "{method}"
        );
    }
}

#[test]
fn a_checkpoint_of_another_optimizer_or_version_is_refused() {
    let place = place(TASK);
    place.succeed("learn task.toml --epochs 3 --out run");
    let (path, text) = ("run/checkpoint.json", place.text("run/checkpoint.json"));
    let registers = text.replace("\"registers\":[]", "\"registers\":[0.5]");
    assert_ne!(registers, text);
    place.write(path, registers);
    place.fail("learn --resume run --epochs 4", &[path, "the optimiser"]);
    let config = place.text("run/config.toml");
    let old = config.replace("batch = 2", "batch = 2\nrate = 0.5");
    place.write("run/config.toml", old);
    place.fail(
        "learn --resume run --epochs 4",
        &["did you mean `optimizer.learning_rates.conductances`?"],
    );
}

#[test]
fn the_stored_settings_make_the_same_run_again() {
    let place = place(TASK);
    place.succeed("learn task.toml --seed 4 --epochs 9 --out first");
    place.succeed("learn first/config.toml --out second");
    let read = |run: &str| place.text(&format!("{run}/trained.cir"));
    assert_eq!(read("first"), read("second"));
}

#[test]
fn the_example_of_exclusive_or_learns() {
    let task = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/xor/xor.toml");
    let place = Place::new();
    let line = place.succeed(&format!("learn {} --quiet --out run", task.display()));
    assert!(line.starts_with("error 0.00 %"), "{line}");
}

#[test]
fn bad_tasks_are_explained() {
    let cases: [(&str, &str, &[&str]); 29] = [
        ("divider.cir", "none.cir", &["none.cir"]),
        (
            "\"v(out)\"",
            "\"v(ou)\"",
            &["no node `ou`", "did you mean `out`?"],
        ),
        (
            "\"v(out)\"",
            "\"i(r9)\"",
            &["outputs: the netlist has no element `r9`"],
        ),
        (
            "\"v(out)\"",
            "\"out\"",
            &["`out` is no output: write v(node)"],
        ),
        (
            "\"v(out)\"",
            "\"v(far)\"",
            &["no path leads from the inputs to output v(far)"],
        ),
        (
            "\"v(out)\"",
            "\"v(0)\"",
            &["output v(0) is the same whatever"],
        ),
        (
            "[\"v(out)\"]",
            "[\"v(out)\", \"v(OUT)\"]",
            &["1 targets for 2 outputs"],
        ),
        (
            "\"r2\"",
            "\"r22\"",
            &[
                "train: the netlist has no element `r22`",
                "did you mean `r2`?",
            ],
        ),
        ("\"r2\"", "\"d1\"", &["d1 cannot be trained"]),
        ("\"r2\"", "\"x*\"", &["no element `x*`"]),
        ("\"r2\"", "\"r*\"", &["r1 is named twice"]),
        ("\"r2\"", "\"v1\"", &["v1 is an input"]),
        (
            "v1 = \"x\"",
            "r2 = \"x\"",
            &["input r2 is no voltage or current source"],
        ),
        (
            "v1 = \"x\"",
            "v2 = \"x\"",
            &["inputs: the netlist has no element `v2`"],
        ),
        (
            "v1 = \"x\"",
            "v1 = \"xx\"",
            &["no column `xx`", "did you mean `x`?"],
        ),
        (
            "[2.0, 0.5]",
            "[nan, 0.5]",
            &["row 2, column x: `nan` is not a finite number"],
        ),
        ("[2.0, 0.5]", "[2.0]", &["row 2 has 1 values for 2 columns"]),
        ("[\"x\", \"y\"]", "[\"x\", \"x\"]", &["two columns `x`"]),
        ("targets = [\"y\"]", CLASSES, &["no column `kind`"]),
        ("targets = [\"y\"]", "", &["give either targets"]),
        (
            "columns = ",
            "file = \"a.csv\"\ncolumns = ",
            &["give either a file, or columns"],
        ),
        (
            "batch = 2",
            "bacth = 2",
            &["unknown field `bacth`", "did you mean `batch`?"],
        ),
        (
            "batch = 2",
            "rate = 0.5",
            &["did you mean `optimizer.learning_rates.conductances`?"],
        ),
        (
            "batch = 2",
            "decay = 0.9",
            &["did you mean `optimizer.schedule = { kind = \"exponential\", factor = ... }`?"],
        ),
        (
            "batch = 2",
            "rule = \"al\"\nbeta = 0.1",
            &["training: beta is 0.1: this rule has no amplitude"],
        ),
        (
            "conductances = 0.5",
            "conductances = -1.0",
            &["training: optimizer: learning_rates.conductances is -1"],
        ),
        (
            "conductances = 0.5",
            "conductance = 0.5",
            &[
                "learning_rates names conductance",
                "conductances, voltages, currents",
            ],
        ),
        (
            "conductances = 0.5",
            "currents = 0.5",
            &["learning_rates has no entry conductances"],
        ),
        (
            "batch = 2",
            "g_max = 0.5",
            &["conductance of r1 is 1 S, outside of"],
        ),
    ];
    for (what, instead, words) in cases {
        assert!(TASK.contains(what), "{what}");
        let place = place(&TASK.replacen(what, instead, 1));
        place.fail("learn task.toml --out run", words);
        assert!(!place.path("run").exists(), "{instead}");
    }
}

#[test]
fn tables_of_examples_are_checked() {
    let file = TASK.replace("columns = [\"x\", \"y\"]", "file = \"a.csv\"");
    let from = file.find("rows").unwrap();
    let to = file.find("targets").unwrap();
    let task = format!("{}{}", &file[..from], &file[to..]);
    let labelled = task.replace("targets = [\"y\"]", CLASSES);
    let cases = [
        (
            &task,
            "x,y\n# a comment\n1,0.25\n2,five\n",
            "a.csv:4, column y: `five`",
        ),
        (&task, "x,y\n1\n", "a.csv"),
        (&task, "x,y\n", "a.csv has no rows"),
        (
            &labelled,
            "x,kind\n1,low\n2,lwo\n",
            "`lwo` is none of the classes\ndid you mean `low`?",
        ),
    ];
    for (task, table, wanted) in cases {
        let place = place(task);
        place.write("a.csv", table);
        place.fail("learn task.toml --out run", &[wanted]);
    }
    let place = place(&task);
    place.fail("learn task.toml --out run", &["a.csv"]);
    place.write("a.csv", "x, y\n# a comment\n1, 0.25\n");
    place.succeed("learn task.toml --epochs 3 --out run");
}
