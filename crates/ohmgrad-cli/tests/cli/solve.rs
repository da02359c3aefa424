//! `ohmgrad solve` and `ohmgrad export`: circuits.

use std::fs;

use serde_json::Value;

use super::support::{Place, assert_failure};

const RECTIFIER: &str = "\
A rectifier
V1 in 0 5
D1 in out ideal
R1 out 0 1k
.model ideal sidiode(Ron=0 Roff=inf Vfwd=0.7)
.end
";

fn place(netlist: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("a.cir"), netlist).unwrap();
    place
}

#[test]
fn an_operating_point_is_printed() {
    let text = place(RECTIFIER).succeed("solve a.cir");
    for line in [
        "A rectifier",
        "4.300000 V",
        "4.300000 mA",
        "certificate       solved",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

const AMPLIFIER: &str = "\
An amplifier with feedback
V1 in 0 1
R1 in minus 1k
R2 minus out 2k
E1 out 0 0 minus 1meg
.tf V(out) V1
.end
";

#[test]
fn amplifiers_are_solved_and_their_transfer_is_told() {
    let place = place(AMPLIFIER);
    let text = place.succeed("solve a.cir --verbose");
    for line in [
        "-1.999994 V",
        "v(out) follows v1 by -1.99999",
        "input resistance 1.000002 kohm",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("left out"), "{text}");
    let report: Value = serde_json::from_str(&place.succeed("solve a.cir --json")).unwrap();
    let gain = report["transfer"]["gain"].as_f64().unwrap();
    assert!((gain + 2.0 / (1.0 + 3e-6)).abs() < 1e-12, "{gain}");
    for quantity in ["input_resistance", "output_resistance"] {
        assert!(report["transfer"][quantity].is_f64(), "{report}");
    }
    place.write("b.cir", AMPLIFIER.replace("V1\n.end", "V9\n.end"));
    place.fail("solve b.cir", &[".tf v(out) v9", "there is no element v9"]);
}

/// As ngspice 39: -1.999994 V at the output, and i(e1) follows v1 by 1 mS (what flows through 3 kohm, upwards).
#[test]
fn an_operating_point_is_told_even_if_there_is_no_transfer() {
    let place = place(AMPLIFIER);
    place.write("b.cir", AMPLIFIER.replace("V1\n.end", "V9\n.end"));
    place.fail("solve b.cir", &[".tf v(out) v9", "there is no element v9"]);
    let output = place.command("solve b.cir").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["-1.999994 V", "every potential is, as estimated, within"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    place.write("c.cir", AMPLIFIER.replace("V(out) V1", "I(e1) V1"));
    let text = place.succeed("solve c.cir");
    assert!(text.contains("i(e1) follows v1 by 9.99"), "{text}");
}

/// 1 A and a negative conductance draw more from a diode than it ever carries backwards: there is no state.
#[test]
fn without_a_state_there_are_no_error_bars() {
    let text =
        "t\ni1 b 0 1\nd1 b 0 dm\ng1 b 0 b 0 -10m\n.model dm d(is=1e-14)\n.tf v(b) i1\n.end\n";
    let place = place(text);
    place.fail(
        "solve a.cir",
        &["not solved (iteration_limit): no state was found"],
    );
    let output = place.command("solve a.cir").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("error bars        none"), "{text}");
}

#[test]
fn json_has_everything() {
    let text = place(RECTIFIER).succeed("solve a.cir --json");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["status"], "solved");
    assert!((report["nodes"]["out"].as_f64().unwrap() - 4.3).abs() < 1e-12);
    for (quantity, wanted) in [("voltage", 0.7), ("current", 4.3e-3), ("power", 3.01e-3)] {
        let found = report["elements"]["d1"][quantity].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-12, "{quantity}: {found}");
    }
    for measure in [
        "kcl",
        "voltage_law",
        "diode",
        "complementarity",
        "power_balance",
    ] {
        assert!(report["certificate"][measure].as_f64().unwrap() < 1e-9);
    }
    assert!(report["dissipated_power"].as_f64().unwrap() > 0.0);
    assert_eq!(report["undetermined"], Value::Array(vec![]));
    assert!(report["statistics"]["factorizations"].is_u64());
}

#[test]
fn methods_agree() {
    let place = place(RECTIFIER);
    for (method, factorizes) in [("auto", true), ("direct", true), ("coordinate", false)] {
        let text = place.succeed(&format!("solve a.cir --json --method {method}"));
        let report: Value = serde_json::from_str(&text).unwrap();
        assert!((report["nodes"]["out"].as_f64().unwrap() - 4.3).abs() < 1e-9);
        let count = report["statistics"]["factorizations"].as_u64().unwrap();
        assert_eq!(count > 0, factorizes, "{method}: {text}");
    }
}

#[test]
fn open_potentials_are_listed() {
    let netlist = "open\nV1 in 0 1\nD1 in a ideal\n.model ideal sidiode(Ron=0 Roff=inf)\n";
    let text = place(netlist).succeed("solve a.cir --json");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["undetermined"][0]["node"], "a");
    assert_eq!(report["undetermined"][0]["lowest"], 1.0);
    assert_eq!(report["undetermined"][0]["highest"], Value::Null);
}

#[test]
fn a_trace_shows_the_iterations_beside_the_answer() {
    let place = place(RECTIFIER);
    let plain = place.succeed("solve a.cir");
    let traced = place.command("solve a.cir --trace").output().unwrap();
    assert_eq!(String::from_utf8(traced.stdout).unwrap(), plain);
    let steps = String::from_utf8(traced.stderr).unwrap();
    assert!(steps.starts_with("attempt 1, "), "{steps}");
    assert!(
        steps.lines().last().unwrap().contains("confirmation"),
        "{steps}"
    );
}

#[test]
fn a_sweep_is_a_table() {
    let place = place(RECTIFIER);
    let text = place.succeed("solve a.cir --sweep v1 -1 1 3");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "v1,v(in),v(out),i(v1),i(d1),status,residual,accuracy"
    );
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with("-1.0,-1.0,"), "{text}");
    assert!(lines[2].contains("solved"), "{text}");
    let bar: f64 = lines[3].rsplit(',').next().unwrap().parse().unwrap();
    assert!((1e-16..1e-14).contains(&bar), "{text}");
    let without = place.succeed("solve a.cir --sweep v1 -1 1 3 --no-error-bars");
    assert!(
        without.lines().nth(1).unwrap().ends_with(",left out"),
        "{without}"
    );
    place.succeed("solve a.cir --sweep V1 -1 1 3 --out t.csv");
    assert_eq!(fs::read_to_string(place.path("t.csv")).unwrap(), text);
}

#[test]
fn sweeps_and_tables_take_the_numbers_of_netlists() {
    let place = place("t\nI1 0 a 1\nR1 a 0 1k\n");
    let text = place.succeed("solve a.cir --sweep I1 -1m 1m 3");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[1].starts_with("-0.001,-1.0,") && lines[3].starts_with("0.001,1.0,"),
        "{text}"
    );
    fs::write(place.path("in.csv"), "I1\n2m\n-3u\n").unwrap();
    let text = place.succeed("solve a.cir --inputs in.csv");
    assert!(text.contains("\n0.002,2.0,"), "{text}");
}

/// The first element is the title: what is left is another circuit.
const NO_TITLE: &str =
    "I1 0 a 1m\nR1 a 0 1k\nR2 a 0 1k\nV1 b 0 1\n.tran 1m\n.print v(a)\n.tran 2m\n";

#[test]
fn a_title_that_is_an_element_is_warned_of_everywhere() {
    let place = place(NO_TITLE);
    let wanted = "a.cir:1:1: the first line of a netlist is its title, and `I1 0 a 1m` is not read";
    let text = place.succeed("solve a.cir");
    assert!(text.contains(&format!("warning: {wanted}")), "{text}");
    let left_out = "left out: .tran (2), .print; no operating point depends on them";
    assert!(text.contains(left_out), "{text}");
    let report: Value = serde_json::from_str(&place.succeed("solve a.cir --json")).unwrap();
    assert!(
        report["warnings"][0].as_str().unwrap().starts_with(wanted),
        "{report}"
    );
    assert_eq!(report["ignored"][".tran"], 2);
    assert_eq!(report["nodes"]["a"], 0.0);
    let output = place
        .command("solve a.cir --sweep V1 0 1 2")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains(wanted));
    let read: Value =
        serde_json::from_str(&place.succeed("solve a.cir --json --no-title")).unwrap();
    assert!(
        (read["nodes"]["a"].as_f64().unwrap() - 0.5).abs() < 1e-12,
        "{read}"
    );
    assert_eq!(read["warnings"], Value::Array(vec![]));
    let loop_ = "V1 a 0 1\nV2 a 0 2\nV3 a 0 3\nR1 a 0 1\n";
    fs::write(place.path("loop.cir"), loop_).unwrap();
    place.fail(
        "solve loop.cir",
        &["no operating point", "`V1 a 0 1` is not read"],
    );
}

#[test]
fn the_sweep_of_the_netlist_is_a_table() {
    let place = place("t\nV1 a 0 1\nR1 a 0 1k\n.dc V1 -1 1 500m\n");
    let text = place.succeed("solve a.cir --dc");
    assert_eq!(text, place.succeed("solve a.cir --sweep V1 -1 1 5"));
    fs::write(place.path("none.cir"), "t\nV1 a 0 1\nR1 a 0 1k\n").unwrap();
    place.fail(
        "solve none.cir --dc",
        &["the netlist has no `.dc SOURCE START STOP STEP`"],
    );
}

#[test]
fn what_was_read_is_summed_up() {
    let place = place("t\nV1 a 0 1\nV2 a b 0\nR1 b 0 1k\nR2 b c 0\nC1 c 0 1\n.op\n.meas x\n");
    let output = place
        .command("solve a.cir --verbose --json")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [
        "read: 5 elements, 4 nodes with ground",
        "resistors: 1",
        "shorts and inductors: 1",
        "open resistors and capacitors: 1",
        "voltage sources: 2",
        "merge with others: at most 2",
        "left out: .meas",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let _: Value = serde_json::from_slice(&output.stdout).unwrap();
}

#[test]
fn a_table_of_inputs_is_solved_row_by_row() {
    let place = place(RECTIFIER);
    fs::write(place.path("in.csv"), "V1\n2.7\n-3\n").unwrap();
    let text = place.succeed("solve a.cir --inputs in.csv");
    assert_eq!(text.lines().count(), 3);
    let row: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert!(
        (row[2].parse::<f64>().unwrap() - 2.0).abs() < 1e-12,
        "{text}"
    );
}

#[test]
fn a_row_without_an_operating_point_does_not_stop_the_others() {
    // The source may be at 0.7 V at most, and is above it in the netlist.
    let clamp = "clamp\nV1 in 0 5\nD1 in 0 ideal\nR1 in 0 1k\n\
                 .model ideal sidiode(Ron=0 Roff=inf Vfwd=0.7)\n";
    let place = place(clamp);
    fs::write(place.path("in.csv"), "v1\n0.5\n\n3\n-1\n4\n").unwrap();
    let cases = [
        (
            "--inputs in.csv",
            "2 of 4 rows are not solved",
            "in.csv:4: no operating point",
        ),
        (
            "--sweep v1 -1 3 3",
            "2 of 3 rows are not solved",
            "value 2 of the sweep, 1.0",
        ),
        ("--inputs in.csv --out t.csv", "2 of 4 rows", "in.csv:4"),
    ];
    for (arguments, summary, first) in cases {
        let output = place.command(&format!("solve a.cir {arguments}")).output();
        let output = output.unwrap();
        assert_failure(&output, arguments, &[summary, first]);
    }
    let text = place.text("t.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(
        lines[1].starts_with("0.5,0.5,") && lines[1].contains("solved"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("3.0,,,,") && lines[2].contains("no operating point"),
        "{text}"
    );
    assert!(lines[3].starts_with("-1.0,-1.0,"), "{text}");
    fs::write(place.path("bad.csv"), "v1\n3\n4\n").unwrap();
    place.fail(
        "solve a.cir --inputs bad.csv",
        &["no row has an operating point; bad.csv:2"],
    );
}

#[test]
fn bad_input_is_explained() {
    let place = place(RECTIFIER);
    fs::write(place.path("bad.cir"), "bad\nR1 a 0 1k\nQ1 a b c\nR2 a\n").unwrap();
    let loop_ = "loop\nV1 a 0 1\nV2 a 0 2\nR1 a 0 1\n";
    fs::write(place.path("loop.cir"), loop_).unwrap();
    fs::write(place.path("word.csv"), "v1\n1\nfive\n").unwrap();
    fs::write(place.path("wide.csv"), "v1\n1,2\n").unwrap();
    fs::write(place.path("empty.csv"), "v1\n").unwrap();
    fs::write(place.path("name.csv"), "v9\n1\n").unwrap();
    let cases = [
        ("solve none.cir", "none.cir"),
        ("solve bad.cir", "bad.cir:3:1"),
        ("solve bad.cir", "bad.cir:4"),
        ("solve loop.cir", "v2, v1 add up to"),
        ("solve a.cir --sweep r1 0 1 3", "its sources are v1"),
        ("solve a.cir --sweep v1 0 x 3", "`x` is not a finite number"),
        ("solve a.cir --sweep v1 0 1 1", "whole number from 2 on"),
        ("solve a.cir --inputs word.csv", "word.csv:3, column 1 (v1)"),
        ("solve a.cir --inputs wide.csv", "wide.csv"),
        ("solve a.cir --inputs empty.csv", "empty.csv has no rows"),
        ("solve a.cir --inputs name.csv", "`v9` is no source"),
        ("solve a.cir --inputs none.csv", "none.csv cannot be read"),
        ("solve a.cir --tol 0", "not between 0 and 1"),
        ("solve a.cir --out t.csv", "--out is for tables"),
    ];
    for (command, wanted) in cases {
        place.fail(command, &[wanted]);
    }
}

#[test]
fn a_trained_network_is_exported_and_solved() {
    let place = Place::new();
    place.succeed("train digits --epochs 1 --out run");
    place.succeed("export run/best.safetensors --example 3 --out drn.cir");
    let text = place.succeed("solve drn.cir --json");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["status"], "solved");
    assert!(report["nodes"]["o9"].is_number() && report["nodes"]["h1_63"].is_number());
    place.fail(
        "export run/best.safetensors --example 999999",
        &["no test example 999999"],
    );
    let features: Vec<String> = (0..64).map(|i| format!("{}", i as f64 / 64.0)).collect();
    place.write("x.csv", features.join(","));
    let text = place.succeed("export run/best.safetensors --input x.csv");
    assert!(text.starts_with("run/best.safetensors, x.csv\nvp0 p0 0 0\nvp1 p1 0 0.46875\n"));
    place.write("rows.csv", features.join("\n"));
    assert_eq!(
        place
            .succeed("export run/best.safetensors --input rows.csv")
            .replace("rows.csv", "x.csv"),
        text
    );
    place.write("short.csv", "1,2,3\n");
    place.write("word.csv", "1\nx\n");
    for (command, wanted) in [
        (
            "--input short.csv",
            "the example has 3 features, the network takes 64",
        ),
        ("--input word.csv", "word.csv:2: `x` is not a finite number"),
        ("--input none.csv", "none.csv cannot be read"),
        ("--input x.csv --example 1", "cannot be used with"),
    ] {
        place.fail(&format!("export run/best.safetensors {command}"), &[wanted]);
    }
}
