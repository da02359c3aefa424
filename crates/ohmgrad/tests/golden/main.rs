//! Golden netlists. `public/` holds netlists as people write them, see `public.rs`; each other folder beside this file holds a `circuit.cir`, and in `expected.toml` its operating point and
//! how that was found: by ngspice (`expect.py` asks it again) or in closed form.

mod public;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ohmgrad::circuit::netlist;
use ohmgrad::solve::{SolveOptions, Solver, Status};
use serde::Deserialize;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    made_by: String,
    /// By how much potentials may differ, in volt, and currents, relative to the largest of them.
    tolerance: f64,
    /// Potentials in volt.
    nodes: BTreeMap<String, f64>,
    /// Currents of voltage sources and inductors in ampere.
    currents: BTreeMap<String, f64>,
}

#[test]
fn operating_points_are_as_expected() {
    let folders = folders();
    assert!(folders.len() >= 24, "only {} folders", folders.len());
    let wrong: Vec<String> = folders.iter().flat_map(|folder| check(folder)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders of netlists, by name.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).expect("the folder of the golden netlists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = paths
        .filter(|path| path.join("circuit.cir").is_file())
        .collect();
    folders.sort();
    folders
}

/// What is wrong with the answer to a folder's netlist.
fn check(folder: &Path) -> Vec<String> {
    let name = folder.file_name().expect("a name").display();
    let text = fs::read_to_string(folder.join("expected.toml"));
    let text = text.unwrap_or_else(|error| panic!("{name}/expected.toml: {error}"));
    let expected: Expected =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/expected.toml: {error}"));
    let circuit = match netlist::read(folder.join("circuit.cir")) {
        Ok(netlist) => netlist.circuit,
        Err(errors) => return vec![errors.to_string()],
    };
    let solver = Solver::new(&circuit, SolveOptions::default());
    let solution = match solver.and_then(|mut solver| solver.solve(&circuit)) {
        Ok(solution) => solution,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut wrong = Vec::new();
    if solution.status != Status::Solved {
        wrong.push(format!("{name}: not solved, {:?}", solution.certificate));
    }
    let mut compare = |what: &str, unit, found: Option<f64>, wanted: f64, scale: f64| {
        let off = found.map_or(f64::INFINITY, |found| (found - wanted).abs());
        if off.is_nan() || off > expected.tolerance * scale {
            wrong.push(format!(
                "{name}: {what} is {found:?} {unit}, off by {off:.1e} {unit} from {wanted} {unit} ({})",
                expected.made_by
            ));
        }
    };
    for (node, wanted) in &expected.nodes {
        let found = circuit.node(node).map(|node| solution.potential(node));
        compare(&format!("node {node}"), "V", found, *wanted, 1.0);
    }
    let largest = expected
        .currents
        .values()
        .fold(0.0, |max: f64, i| max.max(i.abs()));
    for (element, wanted) in &expected.currents {
        let id = circuit.element(element);
        let found = id.map(|id| solution.current(id));
        compare(&format!("element {element}"), "A", found, *wanted, largest);
    }
    wrong
}
