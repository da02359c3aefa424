//! Bad input: one clear message, exit code 2, and nothing lost.

use std::fs;

use super::support::{DEEP, Place, idx};

/// The settings of [`DEEP`] with one line replaced, and the words that the refusal must have.
fn refuse(line: &str, replacement: &str, words: &[&str]) {
    let place = Place::new();
    assert!(DEEP.contains(line), "{line}");
    place.write("bad.toml", DEEP.replacen(line, replacement, 1));
    place.fail("train bad.toml --out run", words);
    assert!(!place.path("run").exists(), "{replacement}");
}

#[test]
fn numbers_out_of_range_are_named() {
    for (line, replacement, words) in [
        (
            "input_gain = 100.0",
            "input_gain = nan",
            &["input_gain is NaN"],
        ),
        (
            "input_gain = 100.0",
            "input_gain = -1.0",
            &["input_gain is -1"],
        ),
        (
            "input_gain = 100.0",
            "input_gain = inf",
            &["input_gain is inf"],
        ),
        (
            "input_gain = 100.0",
            "weight_gains = [1.0, nan, 1.0]",
            &["weight_gains[1] is NaN"],
        ),
        ("input_gain = 100.0", "g_min = -1.0", &["[-1, inf]"]),
        ("input_gain = 100.0", "g_min = nan", &["[NaN, inf]"]),
        ("input_gain = 100.0", "g_min = inf", &["[inf, inf]"]),
        (
            "input_gain = 100.0",
            "g_min = 2.0\ng_max = 1.0",
            &["[2, 1]"],
        ),
        ("W2 = 0.004", "W2 = nan", &["learning_rates.W2 is NaN"]),
        ("W2 = 0.004", "W2 = -0.1", &["learning_rates.W2 is -0.1"]),
        ("W2 = 0.004", "W2 = inf", &["learning_rates.W2 is inf"]),
        ("beta = 0.5", "beta = 0.0", &["beta is 0"]),
        ("beta = 0.5", "beta = nan", &["beta is NaN"]),
        ("factor = 0.97", "factor = 1.5", &["schedule.factor is 1.5"]),
        (
            "factor = 0.97",
            "epochs = 3",
            &["schedule.epochs is used by kind = \"cosine\""],
        ),
        (
            "schedule = { kind = \"exponential\", factor = 0.97 }",
            "decay = 0.97",
            &["did you mean `optimizer.schedule = { kind = \"exponential\", factor = ... }`?"],
        ),
        (
            "method = \"momentum\"\n",
            "",
            &["momentum is used by method = \"momentum\" alone"],
        ),
        (
            "method = \"momentum\"\nmomentum = 0.5",
            "method = \"adam\"\nepsilon = 0.0",
            &["epsilon is 0"],
        ),
        ("momentum = 0.5", "momentum = 1.0", &["momentum is 1"]),
        (
            "weight_decay = 1e-6",
            "weight_decay = inf",
            &["weight_decay is inf"],
        ),
        ("batch = 32", "batch = 0", &["batch is 0"]),
        ("epochs = 3", "epochs = 0", &["epochs is 0"]),
        ("sweeps = 4", "sweeps = 0", &["sweeps is 0"]),
        (
            "sweeps = 4",
            "sweeps = 4\ntolerance = nan",
            &["tolerance is NaN"],
        ),
        (
            "hidden = [70, 130]",
            "hidden = [70, 0]",
            &["hidden layer 2 has width 0"],
        ),
        (
            "outputs = 10",
            "outputs = 0",
            &["the output layer has width 0"],
        ),
        (
            "features = 64",
            "features = 0",
            &["the input layer has width 0"],
        ),
        (
            "name = \"deep\"",
            "name = \"../up\"",
            &["name is \"../up\""],
        ),
    ] {
        refuse(line, replacement, &["bad.toml", words[0]]);
    }
}

#[test]
fn unknown_and_missing_keys_are_named_with_their_place() {
    refuse(
        "beta = 0.5",
        "beat = 0.5",
        &["line 17", "beat = 0.5", "did you mean `beta`?"],
    );
    refuse("outputs = 10", "", &["missing field `outputs`"]);
    refuse(
        "outputs = 10",
        "outputs = \"ten\"",
        &["line 12", "invalid type"],
    );
    refuse("batch = 32", "batch = -8", &["line 18", "invalid value"]);
    refuse(
        "W2 = 0.004",
        "W9 = 0.004",
        &["no entry W2", "W1, W2, W3, b1, b2, b3"],
    );
    refuse("dataset = \"digits\"", "", &["line 6", "dir = \"FOLDER\""]);
    refuse(
        "dataset = \"digits\"",
        "dir = \"\"",
        &["bad.toml", "`dir` is empty"],
    );
    refuse("[training]", "[training", &["line 15", "TOML parse error"]);
}

#[test]
fn wrong_arguments_are_refused() {
    let place = Place::new();
    for (arguments, words) in [
        ("train digits --threads 0", &["--threads", "at least 1"]),
        ("train digits --batch 0", &["--batch", "at least 1"]),
        ("train digits --epochs 0", &["--epochs", "at least 1"]),
        (
            "train digits --batch 100000",
            &["batch is 100000", "at most"],
        ),
        (
            "train digits --seed 18446744073709551615",
            &["seed is", "at most"],
        ),
        ("train digits --epochs -1", &["error", "-1"]),
        ("train", &["PRESET|FILE.toml", "Usage"]),
        (
            "train digitz",
            &["no preset `digitz`", "did you mean `digits`?"],
        ),
        ("train missing.toml", &["missing.toml", "No such file"]),
        ("train .", &["preset", "`.`"]),
        (
            "eval missing.safetensors",
            &["missing.safetensors", "No such file"],
        ),
    ] {
        place.fail(arguments, words);
    }
    assert_eq!(fs::read_dir(place.path(".")).unwrap().count(), 0);
}

#[test]
fn a_network_larger_than_the_memory_is_refused() {
    let place = Place::new();
    let wide = DEEP.replace("[70, 130]", "[16777216, 16777216]");
    place.write("wide.toml", wide);
    place.fail("train wide.toml --out run", &["more memory than there is"]);
}

#[test]
fn damaged_data_are_refused() {
    let place = Place::new();
    place.write("deep.toml", DEEP.replace("features = 64", "features = 6"));
    let train = "train deep.toml --data images --out run";
    place.fail(train, &["images", "is not a folder"]);
    for (file, content, word) in [
        ("train-labels-idx1-ubyte", None, "is not there"),
        (
            "train-labels-idx1-ubyte",
            Some(idx(&[0x801, 20], &[1; 19])),
            "ends after",
        ),
        (
            "train-images-idx3-ubyte",
            Some(idx(&[0x801, 20], &[1; 20])),
            "starts with",
        ),
        (
            "t10k-labels-idx1-ubyte",
            Some(idx(&[0x801, 9], &[1; 9])),
            "belong together",
        ),
        (
            "t10k-labels-idx1-ubyte",
            Some(idx(&[0x801, 10], &[10; 10])),
            "label 0",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            Some(b"\x1f\x8bdamaged".to_vec()),
            "gzip",
        ),
    ] {
        let folder = place.write_idx_folder("images");
        match content {
            Some(content) => fs::write(folder.join(file), content).unwrap(),
            None => fs::remove_file(folder.join(file)).unwrap(),
        }
        place.fail(train, &[word, "images"]);
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(!place.path("run").exists());
}

#[test]
fn data_and_network_of_different_shapes_are_refused() {
    let place = Place::new();
    place.write_idx_folder("images");
    place.fail(
        "train digits --data images --out run",
        &["6 features", "64 features"],
    );
    place.succeed("train digits --epochs 1 --out run");
    place.fail(
        "eval run/last.safetensors --data images",
        &["6 features", "64 features"],
    );
}

/// A model file of the digits, with the position of its first conductance.
fn model(place: &Place) -> (Vec<u8>, usize) {
    place.succeed("train digits --epochs 1 --out run");
    let bytes = place.read("run/last.safetensors");
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    (bytes, 8 + header as usize)
}

#[test]
fn damaged_models_are_refused() {
    let place = Place::new();
    let (model, data) = model(&place);
    let refuse = |bytes: &[u8], words: &[&str]| {
        place.write("bad.safetensors", bytes);
        place.fail(
            "eval bad.safetensors",
            &[words, &["bad.safetensors"]].concat(),
        );
    };
    let value = |at: usize, value: f32| {
        let mut bytes = model.clone();
        bytes[data + 4 * at..][..4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    refuse(&value(0, f32::NAN), &["W1[0] is NaN", "finite"]);
    refuse(&value(65, -1.0), &["W1[65] is -1", "[0, inf] S"]);
    refuse(&value(128 * 64 - 1, f32::INFINITY), &["W1[8191] is inf"]);
    refuse(&value(128 * 64 + 640 + 3, f32::NAN), &["b1[3] is NaN"]);
    refuse(&model[..model.len() - 10], &["cut short"]);
    refuse(&model[..5], &["cut short"]);
    refuse(b"", &["cut short"]);
    refuse(
        b"\x10\0\0\0\0\0\0\0{\"no\":\"tensors\"}",
        &["no header of the safetensors format"],
    );
    refuse(
        b"\x08\0\0\0\0\0\0\0{}      ",
        &["no metadata entry `architecture`"],
    );

    let edit = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let header = std::str::from_utf8(&model[8..data]).unwrap();
        assert!(header.contains(from), "{header}");
        [
            &model[..8],
            header.replace(from, to).as_bytes(),
            &model[data..],
        ]
        .concat()
    };
    refuse(
        &edit("hidden = [64]", "hidden = [65]"),
        &["W1 is F32 [128, 64]", "F32 [128, 65]"],
    );
    refuse(
        &edit("\"shape\":[128,64]", "\"shape\":[64,128]"),
        &["W1 is F32 [64, 128]"],
    );
    refuse(&edit("\"b1\"", "\"c1\""), &["c1", "remove"]);
    refuse(
        &edit("hidden = [64]", "hidden = [ 0]"),
        &["hidden layer 1 has width 0"],
    );
    refuse(
        &edit("g_min = 0.0", "g_min = nan"),
        &["conductance bounds [NaN, inf]"],
    );
    refuse(
        &edit("g_min = 0.0", "g_mix = 0.0"),
        &["metadata entry `architecture`", "g_mix"],
    );
    refuse(&edit("sweeps = 4", "sweeps = 0"), &["sweeps is 0"]);
    refuse(
        &edit("ohmgrad-drn", "another-drn"),
        &["format `another-drn`"],
    );
    let bounded = edit("g_max = inf", "g_max = 0.0");
    refuse(&bounded, &["[0, 0] S"]);
}

#[test]
fn a_folder_that_holds_a_run_is_left_alone() {
    let place = Place::new();
    place.succeed("train digits --epochs 1 --out run");
    let before = place.read("run/checkpoint.safetensors");
    let words = ["run already holds a run", "--resume run", "another folder"];
    place.fail("train digits --epochs 2 --out run", &words);
    assert_eq!(place.read("run/checkpoint.safetensors"), before);
    for file in ["config.toml", "metrics.jsonl", "checkpoint.safetensors"] {
        let folder = format!("only-{file}");
        fs::create_dir(place.path(&folder)).unwrap();
        place.write(&format!("{folder}/{file}"), "");
        place.fail(
            &format!("train digits --out {folder}"),
            &["already holds a run"],
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let place = Place::new();
    place.write("file", "");
    place.fail(
        "train digits --out file/run",
        &["file/run", "cannot be used"],
    );
    place.fail("train digits --out file", &["cannot be used"]);
}

#[test]
fn a_run_in_progress_is_locked() {
    let place = Place::new();
    place.succeed("train digits --epochs 1 --out run");
    let lock = fs::File::create(place.path("run/.lock")).unwrap();
    lock.lock().unwrap();
    place.fail("train --resume run --epochs 2", &["another process", "run"]);
    drop(lock);
    place.succeed("train --resume run --epochs 2");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    let place = Place::new();
    place.succeed("train digits --epochs 3 --out straight");
    place.succeed("train digits --epochs 1 --out run");
    for file in [
        "checkpoint.safetensors",
        "metrics.jsonl",
        "last.safetensors",
    ] {
        let partial = place.path(&format!("run/.{file}.partial"));
        std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
        place.fail(
            "train --resume run --epochs 3",
            &[file, "No space left", "free space"],
        );
        assert!(!partial.exists(), "{file}");
    }
    place.succeed("train --resume run --epochs 3");
    place.assert_same_results("straight", "run");
}

#[test]
fn a_nudge_that_leaves_the_energy_unbounded_is_refused() {
    let place = Place::new();
    place.write("strong.toml", DEEP.replace("beta = 0.5", "beta = 1000.0"));
    place.fail("train strong.toml --out run", &["unbounded below", "beta"]);
}
