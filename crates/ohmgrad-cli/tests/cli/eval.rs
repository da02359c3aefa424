//! `ohmgrad eval`: measuring models.

use serde_json::Value;

use super::support::{DEEP, Place};

#[test]
fn eval_reports_what_training_reported() {
    let place = Place::new();
    place.succeed("train digits --epochs 3 --out run");
    let metrics = place.metrics("run");
    for model in ["last", "checkpoint"] {
        let text = place.succeed(&format!("eval run/{model}.safetensors --json"));
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["test_error"], metrics[2]["test_error"]);
        assert_eq!(report["examples"], 359);
        let confusion = report["confusion"].as_array().unwrap();
        let counts = confusion.iter().flat_map(|row| row.as_array().unwrap());
        let total: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(total, 359);
        for quantity in ["mean_power_watt", "mean_residual", "max_residual"] {
            assert!(report[quantity].as_f64().unwrap() > 0.0, "{report}");
        }
    }
    let table = place.succeed("eval run/best.safetensors");
    for word in [
        "128-64-10",
        "359 examples",
        " W, mean",
        "after 4 sweeps",
        "rows: label",
    ] {
        assert!(table.contains(word), "{table}");
    }
}

#[test]
fn eval_does_not_depend_on_the_number_of_threads() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    place.succeed("train deep.toml --epochs 1 --out run");
    let eval = |n| place.succeed(&format!("eval run/last.safetensors --json --threads {n}"));
    assert_eq!(eval(1), eval(2));
    assert_eq!(eval(1), eval(3));
}

/// Digits in [-1, 1], drawn from the same file as [0, 1].
#[test]
fn eval_and_export_preprocess_as_training_did() {
    let place = Place::new();
    let preprocessing =
        "dataset = \"digits\"\npreprocessing = { kind = \"affine\", scale = 2, offset = -1 }";
    place.write(
        "centred.toml",
        DEEP.replace("dataset = \"digits\"", preprocessing),
    );
    place.succeed("train centred.toml --epochs 1 --out run");
    let metrics = place.metrics("run");
    let text = place.succeed("eval run/last.safetensors --json");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["test_error"], metrics[0]["test_error"]);
    let sources = |run: &str| -> Vec<f64> {
        let netlist = place.succeed(&format!("export {run}/last.safetensors --example 3"));
        let lines = netlist.lines().filter(|line| line.starts_with("vp"));
        lines
            .map(|line| line.split(' ').nth(3).unwrap().parse().unwrap())
            .collect()
    };
    place.write("raw.toml", DEEP);
    place.succeed("train raw.toml --epochs 1 --out raw");
    let (raw, centred) = (sources("raw"), sources("run"));
    assert_eq!(raw.len(), 64);
    let gain = raw.iter().fold(0.0, |max: f64, x| max.max(*x));
    for (raw, centred) in raw.iter().zip(&centred) {
        assert!(
            (centred - (2.0 * raw - gain)).abs() < 1e-5,
            "{centred} V for {raw} V of {gain} V"
        );
    }
}
