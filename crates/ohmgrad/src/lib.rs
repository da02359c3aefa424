//! Exact simulation and training of nonlinear resistive networks.
//!
//! A network of resistors, diodes and sources settles by itself into the state that minimises a convex energy, its
//! co-content, under linear constraints; in that state it computes, and by comparing two such states it learns. This
//! crate finds the state, says how well it obeys Kirchhoff's laws, and trains the conductances by local rules. Potentials
//! are in volt, currents in ampere, conductances in siemens, power in watt.
//!
//! # A circuit
//!
//! [`circuit`] holds circuits of any shape, from a builder or a SPICE [netlist](circuit::netlist); [`solve`] finds the
//! operating point and certifies it by the circuit's own laws.
//!
//! ```
//! use ohmgrad::circuit::netlist;
//! use ohmgrad::solve::{SolveOptions, Solver};
//!
//! let text = "a rectifier\nV1 in 0 3\nD1 in out ideal\nR1 out 0 1k\n.model ideal D(Ron=0 Vfwd=0.5)\n";
//! let circuit = netlist::parse(text, "rectifier.cir")?.circuit;
//! let solution = Solver::new(&circuit, SolveOptions::default())?.solve(&circuit)?;
//! let out = circuit.node("out").expect("a node of the netlist");
//! assert!((solution.potential(out) - 2.5).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A deep resistive network
//!
//! [`drn`] holds layered networks: [settled](drn::Network::settle) a layer at a time, exactly.
//!
//! ```
//! use ohmgrad::drn::{Architecture, Network, Settling, SweepOrder};
//!
//! let architecture = Architecture::new(2, vec![8, 4], 1).with_input_gain(2.0);
//! let network = Network::random(&architecture, 0, 1)?;
//! let settling = Settling::tolerance(SweepOrder::Asynchronous, 1e-5, 500);
//! let settled = network.settle(&[0.3, 0.7], &settling)?;
//! assert!(settled.residuals[0] <= 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Training
//!
//! [`learn`] trains networks, and [circuits of any shape](learn::circuit), on a [`data::Dataset`]; [`experiment`] says all of it
//! in one file, and [`record::Run`] keeps such a training in a folder, from which it goes on with the same bits.
//!
//! ```
//! use ohmgrad::experiment::Preset;
//! use ohmgrad::learn::Trainer;
//!
//! let experiment = Preset::named("digits")?.experiment()?;
//! let data = experiment.data.load(experiment.seed)?;
//! let network = experiment.initial_network(1)?;
//! let mut trainer = Trainer::new(network, experiment.training, experiment.seed)?;
//! let epoch = trainer.train_epoch(&data.train, |_| {})?;
//! assert!(epoch.error_percent() < 40.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decisions, and what was rejected for them
//!
//! - **The energy is minimised, time is not simulated.** SPICE finds operating points by Newton's method on the circuit's
//!   equations, with homotopies where that fails. Here all laws are monotone, so the problem is convex: there is one answer,
//!   it can be found without luck, and the multipliers of the constraints are the currents of sources and diodes. What is not
//!   monotone is refused, not approximated. Controlled sources, which have no energy, are kept apart: their circuits are
//!   solved by their equations, and [what the certificate proves](solve#circuits-with-controlled-sources) without convexity is said.
//! - **Every answer is checked against the circuit as it was given**, by code that shares nothing with the solvers. A
//!   solver's own residual would only say that it has done what it does.
//! - **Layers are minimised exactly, one at a time** (block coordinate descent: Scellier, ICML 2024), rather than by the general solver,
//!   which cannot know that layers have no edges inside, or by gradient steps, whose size somebody must choose.
//! - **A rule makes two states; one local law updates.** Rules are short programs on states, so that a backend or a kernel knows no
//!   rule and a rule no kernel. Automatic differentiation through the sweeps was rejected: it needs memory for all of them and learns
//!   nothing that hardware could.
//! - **Gradients are never stored in training.** The update of a step and the product of the next are one pass over the conductances;
//!   8 bytes per conductance and step are what memory has to move in plain descent.
//! - **f32 to train, f64 to know.** The engine works in f32, and an f64 reference runs the same programs;
//!   [`learn::compare_gradients`] says how far a rule in f32 is from the exact gradient.
//! - **No result depends on the number of threads or on the machine**, as far as it has fused multiply-add: sums have a fixed order. A faster
//!   reduction in the order in which threads finish was rejected: nobody could check a table made with it.
//! - **Randomness is a seed**, given as a number and recorded: of ChaCha8, whose stream is the same everywhere.
//! - **Errors are values.** Bad input is an `Err` that names the place; not reaching an answer is a status of the
//!   answer. Public enums are `non_exhaustive`, but for those of [`data`] that users take apart.

pub mod circuit;
pub mod data;
pub mod device;
pub mod drn;
pub mod experiment;
pub mod interrupt;
pub mod learn;
mod presolve;
pub mod record;
pub mod solve;
mod threads;

/// The programs of the README, which its readers copy.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
