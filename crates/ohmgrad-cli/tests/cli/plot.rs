//! `ohmgrad plot`: which pictures there are, and what it refuses.

use std::fs;

use super::support::{DEEP, Place};

/// Asserts that both forms of a picture are there, and returns the SVG.
fn picture(place: &Place, stem: &str) -> String {
    let png = place.read(&format!("{stem}.png"));
    assert!(png.starts_with(b"\x89PNG") && png.len() > 5000, "{stem}");
    place.text(&format!("{stem}.svg"))
}

#[test]
fn runs_that_differ_in_their_seed_are_one_curve() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    for seed in 0..3 {
        place.succeed(&format!(
            "train digits --epochs 4 --seed {seed} --out run{seed}"
        ));
    }
    place.succeed("train digits --epochs 2 --batch 8 --out other");
    place.succeed("train deep.toml --epochs 1 --out deep");
    let paths = place.succeed("plot run0 run1 run2 other deep --out pictures");
    assert_eq!(paths.lines().count(), 2 * (1 + 2 * 5), "{paths}");
    let svg = picture(&place, "pictures/learning-curves");
    for text in [
        "digits, 3 runs",
        "digits (other)",
        ">\ndeep\n<",
        "Error in %",
        "Epoch",
    ] {
        assert!(svg.contains(text), "no {text}");
    }
    assert_eq!(svg.matches("\ntest ").count(), 3);
    for name in ["run0", "run1", "run2", "other", "deep"] {
        let svg = picture(&place, &format!("pictures/{name}-conductances"));
        assert!(svg.contains("Conductance in siemens"), "{name}");
        assert!(svg.contains("W2: "), "{name}");
        let svg = picture(&place, &format!("pictures/{name}-fields"));
        assert!(
            svg.contains("<image") && svg.contains("in siemens"),
            "{name}"
        );
    }
}

#[test]
fn a_model_has_no_learning_curve_and_equal_names_are_numbered() {
    let place = Place::new();
    place.succeed("train digits --epochs 1 --out run");
    let paths = place.succeed("plot run/best.safetensors ./run/best.safetensors");
    let stems = [
        "best-conductances",
        "best-fields",
        "best-2-conductances",
        "best-2-fields",
    ];
    let expected: Vec<_> = stems
        .iter()
        .flat_map(|stem| ["svg", "png"].map(|form| format!("plots/{stem}.{form}")))
        .collect();
    assert_eq!(paths.lines().collect::<Vec<_>>(), expected);
    assert!(!place.path("plots/learning-curves.svg").exists());
}

#[test]
fn features_that_are_no_square_have_no_images() {
    let place = Place::new();
    let toml = DEEP.replace("features = 64", "features = 6");
    place.write("six.toml", toml);
    place.write_idx_folder("idx");
    place.succeed("train six.toml --data idx --epochs 1 --out six");
    let paths = place.succeed("plot six");
    assert!(
        paths.contains("six: no receptive fields, its 6 features"),
        "{paths}"
    );
    picture(&place, "plots/six-conductances");
}

#[test]
fn what_cannot_be_drawn_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.fail("plot nowhere", &["nowhere holds no run", "config.toml"]);
    place.fail(
        "plot nowhere.safetensors",
        &["nowhere.safetensors cannot be read"],
    );
    place.succeed("train digits --epochs 2 --out run");
    place.fail("plot run run/config.toml", &["config.toml"]);

    let metrics = place.text("run/metrics.jsonl");
    place.write(
        "run/metrics.jsonl",
        metrics.replacen("\"epoch\":2", "\"epoch\":3", 1),
    );
    place.fail(
        "plot run",
        &["metrics.jsonl is damaged in line 2", "--resume"],
    );
    place.write("run/metrics.jsonl", &metrics[..metrics.len() - 9]);
    place.fail(
        "plot run",
        &["metrics.jsonl is damaged in line 2", "--resume"],
    );
    place.succeed("train --resume run");
    place.succeed("plot run --out whole");

    fs::remove_file(place.path("run/metrics.jsonl")).unwrap();
    place.fail(
        "plot run",
        &["run has no finished epoch yet", "--resume run"],
    );
    place.write("file", "");
    place.fail("plot whole", &["whole holds no run"]);
    place.fail(
        "plot run/best.safetensors --out file",
        &["file cannot be made", "another --out"],
    );
    assert!(!place.path("plots").exists());
}
