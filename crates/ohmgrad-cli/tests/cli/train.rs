//! `ohmgrad train`: what a run leaves behind.

use safetensors::{Dtype, SafeTensors};

use super::support::{DEEP, Place};

#[test]
fn a_run_leaves_its_files_and_one_line_per_epoch() {
    let place = Place::new();
    let table = place.succeed("train digits --epochs 3 --seed 5 --out run");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3 + 3 + 1, "{table}");
    assert!(lines[2].contains("train error  test error"), "{table}");
    assert!(
        lines[6].contains("best") && lines[6].ends_with("run/best.safetensors"),
        "{table}"
    );
    let width = lines[2].len();
    assert!(
        lines[2..6].iter().all(|line| line.len() == width),
        "{table}"
    );

    let metrics = place.metrics("run");
    let epochs: Vec<_> = metrics
        .iter()
        .map(|m| m["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs, [1, 2, 3]);
    for error in ["train_error", "test_error"] {
        assert!(metrics[2][error].as_f64().unwrap() < 50.0, "{metrics:?}");
    }
    for file in [
        "last.safetensors",
        "best.safetensors",
        "checkpoint.safetensors",
    ] {
        place.read(&format!("run/{file}"));
    }
}

#[test]
fn the_digits_preset_learns() {
    let place = Place::new();
    let line = place.succeed("train digits --quiet --out run");
    assert_eq!(line.lines().count(), 1, "{line}");
    let metrics = place.metrics("run");
    let error = metrics[39]["test_error"].as_f64().unwrap();
    assert!(error < 4.0, "test error {error} %");
}

#[test]
fn the_stored_settings_make_the_same_run_again() {
    let place = Place::new();
    place.succeed("train digits --epochs 2 --seed 9 --batch 3 --out first");
    let config = place.text("first/config.toml");
    for line in [
        "# ohmgrad ",
        "seed = 9",
        "batch = 3",
        "epochs = 2",
        "g_max = inf",
    ] {
        assert!(config.contains(line), "{config}");
    }
    place.succeed("train first/config.toml --out second");
    place.assert_same_results("first", "second");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    for threads in [1, 2, 3] {
        place.succeed(&format!(
            "train deep.toml --threads {threads} --out run{threads}"
        ));
    }
    place.assert_same_results("run1", "run2");
    place.assert_same_results("run1", "run3");
}

#[test]
fn models_are_plain_safetensors() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    place.succeed("train deep.toml --epochs 1 --out run");
    let bytes = place.read("run/best.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(names, ["W1", "W2", "W3", "b1", "b2", "b3"]);
    for (name, shape) in [("W1", &[128, 70][..]), ("W3", &[130, 10]), ("b2", &[130])] {
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, shape));
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["format"], "ohmgrad-drn");
    assert_eq!(metadata["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        metadata["architecture"].contains("hidden = [70, 130]"),
        "{metadata:?}"
    );
    assert!(metadata["inference"].contains("sweeps = 4"), "{metadata:?}");
    assert!(metadata["training"].contains("seed = 3"), "{metadata:?}");
}

#[test]
fn runs_without_a_folder_of_their_own_are_numbered() {
    let place = Place::new();
    for folder in ["digits-seed0", "digits-seed0-2", "digits-seed0-3"] {
        let line = place.succeed("train digits --epochs 1 --quiet");
        assert!(
            line.contains(&format!("runs/{folder}/best.safetensors")),
            "{line}"
        );
    }
}

#[test]
fn any_idx_folder_can_be_learned_from() {
    let place = Place::new();
    place.write_idx_folder("images");
    let features = |toml: &str| toml.replace("features = 64", "features = 6");
    place.write("deep.toml", features(DEEP));
    place.succeed("train deep.toml --data images --out run");
    let config = place.text("run/config.toml");
    let folder = place.path("images");
    assert!(config.contains(folder.to_str().unwrap()), "{config}");
    place.succeed("eval run/last.safetensors");
    let named = "dataset = \"digits\"";
    place.write(
        "named.toml",
        features(DEEP).replace(named, "dir = \"images\""),
    );
    place.succeed("train named.toml --out named");
    place.assert_same_results("run", "named");
}

#[test]
fn mnist_is_found_above_the_current_folder_or_where_the_environment_says() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("data")).unwrap();
    std::fs::create_dir_all(place.path("below/it")).unwrap();
    place.write_idx_folder("data/mnist");
    place.write_idx_folder("elsewhere");
    let toml = DEEP
        .replace("features = 64", "features = 6")
        .replace("digits", "mnist");
    place.write("deep.toml", &toml);
    place.write("below/it/deep.toml", toml);
    let train =
        |out: &str| place.command(&format!("train ./deep.toml --epochs 1 --out {out} --quiet"));
    assert!(
        train("one")
            .current_dir(place.path("below/it"))
            .output()
            .unwrap()
            .status
            .success()
    );
    std::fs::remove_dir_all(place.path("data/mnist")).unwrap();
    let variable = place.path("elsewhere");
    assert!(
        train("two")
            .env("OHMGRAD_DATA", variable)
            .output()
            .unwrap()
            .status
            .success()
    );
    let words = ["MNIST is not there", "--data", "OHMGRAD_DATA", "data/mnist"];
    place.fail("train ./deep.toml --out three", &words);
}
