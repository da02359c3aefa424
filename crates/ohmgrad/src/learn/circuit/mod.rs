//! Learning on any circuit: resistors and sources are trained so that a circuit answers its inputs with wanted outputs.
//!
//! A [`CircuitTask`] says which elements of a [`Circuit`](crate::circuit::Circuit) are trained, which sources are its
//! inputs, and which potentials, voltages or currents its outputs. A [`CircuitLearner`] changes the trained elements by
//! a [`Rule`](crate::learn::Rule), with [`CircuitOptions`].
//!
//! # Pushes as sources
//!
//! Every output has a probe: a current source of 0 A beside an output voltage, a voltage source of 0 V in series with
//! an output current. With E* the smallest energy (co-content) of the circuit, and s the value of the probe,
//! `output = -dE*/ds`. A nudge of strength beta is therefore `s = -beta dC/d(output)`, with the derivative of the cost C
//! taken at the free state. It is linear in the outputs: to first order in beta it is the nudge of equilibrium
//! propagation for every cost, the energy keeps its lower bound for both signs of beta, and only values of sources
//! change, so that one reduction and one factorization serve the free and all nudged states. Beta is in siemens for
//! output voltages and in ohm for output currents.
//!
//! The rules that clamp replace the probes by voltage sources. They need output voltages.
//!
//! The response to an infinitesimal nudge is the state of a linear circuit: conducting ideal diodes are shorts, blocking
//! ones open, nonlinear elements have their slopes. It is solved to the end, for recurrent backpropagation as well.
//!
//! # The update
//!
//! ```text
//! g = mean over the batch[e(second) - e(first)] / span
//! p <- clamp(p - rate * d), d made of g by the update law of the optimiser
//! e = u^2 / 2 of a conductance, u of a current source, -i of a voltage source
//! ```
//!
//! with u (volt) across and i (ampere) through the element, both from its first node to its second. e is the derivative
//! of the energy by the parameter.
//!
//! ```
//! use ohmgrad::circuit::Circuit;
//! use ohmgrad::learn::circuit::{
//!     CircuitExamples, CircuitLearner, CircuitOptions, CircuitTask, Output,
//! };
//! let divider = Circuit::builder()
//!     .voltage_source("v1", "in", "0", 0.0)
//!     .resistor("r1", "in", "out", 1.0)
//!     .resistor("r2", "out", "0", 1.0)
//!     .build()?;
//! let named = |name| divider.element(name).expect("it was just added");
//! let output = Output::Potential(divider.node("out").expect("it was just added"));
//! let task = CircuitTask::new(&divider, vec![named("v1")], vec![output], vec![named("r1"), named("r2")])?;
//! let examples = CircuitExamples::new(vec![vec![1.0], vec![2.0]], vec![vec![0.25], vec![0.5]])?;
//! let mut learner = CircuitLearner::new(&divider, task, CircuitOptions::default(), 0)?;
//! for _ in 0..200 {
//!     learner.train_epoch(&examples, |_| {})?;
//! }
//! assert!(learner.evaluate(&examples)?.cost < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod examples;
mod learner;
mod options;
mod probes;
mod response;
mod task;
mod worker;

pub use examples::{CircuitExamples, ExamplesError};
pub use learner::{CircuitEvaluation, CircuitLearner, LearnError, LearnerState};
pub use options::{CircuitOptions, CircuitOptionsError};
pub use task::{CircuitTask, Output, TaskError};
