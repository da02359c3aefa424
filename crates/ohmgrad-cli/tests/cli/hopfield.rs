//! Deep Hopfield networks, from settings to pictures.

use serde_json::Value;

use super::support::{DEEP, Place};

/// The deep network of the other tests with the other energy.
fn settings() -> String {
    DEEP.replace("input_gain = 100.0", "energy = \"hopfield\"")
}

#[test]
fn a_hopfield_network_is_trained_resumed_and_measured() {
    let place = Place::new();
    place.write("deep.toml", settings());
    let table = place.succeed("train deep.toml --out run");
    assert!(table.contains("64-70-130-10, 14,880 weights"), "{table}");
    let config = place.text("run/config.toml");
    assert!(config.contains("energy = \"hopfield\""), "{config}");
    assert!(!config.contains("g_max"), "{config}");

    place.succeed("train deep.toml --epochs 2 --threads 1 --out parts");
    place.succeed("train --resume parts --epochs 3 --threads 3");
    let last = |run: &str| place.read(&format!("{run}/last.safetensors"));
    assert!(last("run") == last("parts"), "resumed, it is another model");

    let text = place.succeed("eval run/last.safetensors --json");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["test_error"], place.metrics("run")[2]["test_error"]);
    assert_eq!(report["mean_power_watt"], Value::Null);
    let table = place.succeed("eval run/last.safetensors");
    assert!(table.contains("14,880 weights"), "{table}");
    assert!(!table.contains("power"), "{table}");
}

#[test]
fn what_a_hopfield_network_does_not_have_is_refused() {
    let place = Place::new();
    let hopfield = settings();
    let network = |line: &str| hopfield.replace("outputs = 10", &format!("outputs = 10\n{line}"));
    for (settings, words) in [
        (network("input_gain = 2.0"), "input_gain is a setting of"),
        (network("g_max = 1.0"), "g_max is a setting of"),
        (network("readout = \"pairs\""), "readout is a setting of"),
        (
            hopfield.replace("beta = 0.5", "beta = 1.5"),
            "beta is 1.5: a Hopfield network",
        ),
        (
            hopfield.replace("hopfield", "hopfeld"),
            "did you mean `hopfield`?",
        ),
    ] {
        place.write("bad.toml", settings);
        place.fail("train bad.toml", &[words]);
    }
    place.write("deep.toml", hopfield);
    place.succeed("train deep.toml --epochs 1 --out run");
    place.fail(
        "export run/last.safetensors",
        &["a Hopfield network is no circuit"],
    );
}

#[test]
fn weights_and_receptive_fields_of_a_hopfield_network_are_drawn() {
    let place = Place::new();
    place.write("deep.toml", settings());
    place.succeed("train deep.toml --epochs 1 --out run");
    place.succeed("plot run/last.safetensors --out pictures");
    let weights = place.text("pictures/last-weights.svg");
    assert!(weights.contains("Number of weights"), "{weights}");
    assert!(!weights.contains("siemens"), "{weights}");
    let fields = place.text("pictures/last-fields.svg");
    assert!(fields.contains("Weight of each feature"), "{fields}");
}
