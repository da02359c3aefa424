//! The energy along a descent.

use super::*;
use crate::circuit::Circuit;
use crate::device::{Diode, Law, Shockley};
use std::sync::Arc;

use crate::presolve::Reduction;

fn circuit() -> Circuit {
    let soft = Law::from(Diode {
        on_conductance: 0.5,
        ..Diode::ideal(0.2)
    });
    Circuit::builder()
        .voltage_source("v1", "in", "0", 3.0)
        .conductance("r1", "in", "a", 1.0)
        .ideal_diode("d1", "a", "b", 0.1)
        .ideal_diode("d2", "b", "c", 0.0)
        .conductance("r2", "a", "c", 0.3)
        .conductance("r3", "b", "0", 2.0)
        .conductance("r4", "c", "d", 1.0)
        .ideal_diode("d3", "d", "0", 0.7)
        .element("d4", "b", "d", soft)
        .element("d5", "c", "0", Law::from(Shockley::new(1e-14)))
        .current_source("i1", "0", "c", 0.5)
        .build()
        .expect("valid")
}

/// Sum of g u^2 / 2 over resistors, of the co-contents of the others, less what injections give.
fn energy(walk: &Walk) -> f64 {
    let network = walk.network;
    let mut energy = 0.0;
    let state = walk.state();
    for r in &network.resistors {
        let voltage = state.voltage(r.ends, r.offset);
        energy += 0.5 * r.conductance * voltage * voltage;
    }
    for d in network.diodes.iter().filter(|d| d.resistance > 0.0) {
        let beyond = state.voltage(d.ends, -d.bound).max(0.0);
        energy += 0.5 * beyond * beyond / d.resistance;
    }
    for c in &network.nonlinear {
        energy += c.law.co_content(state.voltage(c.ends, c.offset));
    }
    let injections = network.injections.iter().zip(&state.potentials);
    energy - injections.map(|(i, x)| i * x).sum::<f64>()
}

#[test]
fn energy_never_rises_in_a_sweep() {
    let circuit = circuit();
    let reduction = Reduction::new(&circuit).expect("solvable");
    let conductances = Arc::new(reduction.conductances(&circuit).expect("its shape"));
    let numbers = reduction
        .numbers(&circuit, &conductances)
        .expect("solvable");
    let numbers = numbers.expect("its shape");
    for over_relaxation in [1.0, 1.5] {
        let network = &numbers.network;
        let mut walk = Walk::new(network, &network.rest(), over_relaxation);
        let mut last = energy(&walk);
        for sweep in 0..60 {
            walk.sweep();
            let now = energy(&walk);
            assert!(now <= last + 1e-14, "sweep {sweep}: from {last} to {now}");
            assert!(walk.within_bounds());
            last = now;
            walk.check(1e-12);
        }
        assert!(walk.check(1e-12).converged);
    }
}
