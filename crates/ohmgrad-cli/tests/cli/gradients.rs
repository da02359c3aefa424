//! `ohmgrad gradients`: the choice of beta and sweeps.

use super::support::{DEEP, Place};

/// The lines of a CSV file by columns; none of the tests' reasons has a comma.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn presets_are_compared_for_every_beta_and_number_of_sweeps() {
    let place = Place::new();
    let arguments = "gradients digits --beta 1,0.01 --sweeps 4,100 --examples 18";
    let table = place.succeed(&format!("{arguments} --csv g.csv"));
    for words in [
        "digits: 128-64-10",
        "c-ep, batch 4, mean over 16 training examples drawn with seed 0",
        "residual ",
        "* the cosine is below 0.99",
    ] {
        assert!(table.contains(words), "no `{words}` in: {table}");
    }
    let text = place.text("g.csv");
    let rows = rows(&text);
    let header = "rule,beta,free_sweeps,nudged_sweeps,parameter,cosine,ratio,reason";
    assert_eq!(rows[0].join(","), header);
    assert_eq!(rows.len(), 1 + 2 * 2 * 4);
    assert_eq!(rows[1][..5], ["c-ep", "1.0", "4", "4", "W1"]);
    assert_eq!(rows[16][..5], ["c-ep", "0.01", "100", "100", "b2"]);
    for row in &rows[13..] {
        let numbers = [&row[5], &row[6]].map(|text| text.parse::<f64>().unwrap());
        let near = numbers.map(|x| (x - 1.0).abs() < 1e-3);
        assert_eq!(near, [true; 2], "{row:?}");
    }
    assert_eq!(place.succeed(&format!("{arguments} --threads 2")), table);
    let other = place.succeed(&format!("{arguments} --seed 1"));
    assert!(
        other.contains("drawn with seed 1") && other != table,
        "{other}"
    );
}

/// A checkpoint, its run's folder and a model beside its settings give what the settings say.
#[test]
fn models_are_compared_with_the_settings_of_their_training() {
    let place = Place::new();
    place.write("deep.toml", DEEP);
    place.succeed("train deep.toml --epochs 1 --out run");
    let subjects = ["run", "run/best.safetensors", "run/checkpoint.safetensors"];
    let tables = subjects.map(|subject| {
        let table = place.succeed(&format!("gradients {subject} --examples 32"));
        table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    });
    assert!(
        tables[0][0].contains("c-ep, batch 32, mean over 32"),
        "{tables:?}"
    );
    assert!(tables[0][2].contains("0.5        4  W1"), "{tables:?}");
    assert!(
        tables[0] == tables[1] && tables[0] == tables[2],
        "{tables:?}"
    );
    let initial = place.succeed("gradients deep.toml --examples 32");
    assert!(!initial.contains(&tables[0][2]), "{initial}");

    std::fs::copy(
        place.path("run/best.safetensors"),
        place.path("alone.safetensors"),
    )
    .unwrap();
    let words = [
        "alone.safetensors",
        "put the config.toml of its run beside it",
    ];
    place.fail("gradients alone.safetensors", &words);
    place.write("config.toml", DEEP.replace("[70, 130]", "[70, 30]"));
    place.fail("gradients alone.safetensors", &["those of another network"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.fail("gradients empty", &["empty", "without a trained model"]);
    // A folder of a preset's name is not in its way.
    std::fs::create_dir(place.path("digits")).unwrap();
    place.succeed("gradients digits --examples 4");
}

#[test]
fn a_beta_without_a_gradient_says_so_and_others_stand() {
    let place = Place::new();
    let table = place.succeed("gradients digits --beta 1,1e6 --examples 8 --csv g.csv");
    assert!(
        table.contains("1000000        4  no gradient: nudging by -1000000 S"),
        "{table}"
    );
    assert!(table.contains("  W1  "), "{table}");
    let text = place.text("g.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 4);
    assert!(
        lines[1].starts_with("c-ep,1.0,4,4,W1,0.") && lines[1].ends_with(','),
        "{text}"
    );
    let unbounded = lines[5].starts_with("c-ep,1000000.0,4,4,W1,,,\"nudging by -1000000 S");
    assert!(unbounded, "{text}");
}

#[test]
fn comparisons_that_cannot_be_made_are_refused() {
    let place = Place::new();
    for (arguments, words) in [
        ("digits --beta 0", "beta is 0"),
        ("digits --beta -1", "beta is -1"),
        ("digits --beta 1,x", "'x'"),
        ("digits --sweeps 4,0", "at least 1"),
        (
            "digits --examples 3",
            "3 examples are less than one batch of 4",
        ),
        (
            "digits --csv nowhere/g.csv",
            "nowhere/g.csv cannot be written",
        ),
        ("digitz", "did you mean `digits`?"),
        ("nowhere/model.safetensors", "cannot be read"),
    ] {
        place.fail(&format!("gradients {arguments}"), &[words]);
    }
    let hopfield = place
        .succeed("presets digits")
        .replace("input_gain = 30.0", "energy = \"hopfield\"")
        .replace("beta = 1.0", "beta = 0.5");
    place.write("hopfield.toml", hopfield);
    place.fail("gradients hopfield.toml", &["a Hopfield network has no"]);
}
