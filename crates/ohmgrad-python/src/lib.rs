//! The extension module of the Python package `ohmgrad`: classes around the library's types, conversions and errors.
//!
//! Everything is exported from `python/ohmgrad`; what a class does is documented where it is defined, as Python
//! programmers read it.

// Keyword arguments.
#![allow(clippy::too_many_arguments)]

mod architecture;
mod arrays;
mod builder;
mod circuit;
mod circuit_experiment;
mod circuit_trainer;
mod dataset;
mod element;
mod equilibrium;
mod errors;
mod evaluation;
mod event_file;
mod examples;
mod experiment;
mod gradients;
mod network;
mod settings;
mod settled;
mod settling;
mod signals;
mod solution;
mod solved_rows;
mod study;
mod trainer;
mod transfer;

/// The compiled part of ohmgrad.
#[pyo3::pymodule]
mod _ohmgrad {
    #[pymodule_export]
    use crate::architecture::PyArchitecture;
    #[pymodule_export]
    use crate::builder::PyCircuitBuilder;
    #[pymodule_export]
    use crate::circuit::PyCircuit;
    #[pymodule_export]
    use crate::circuit_experiment::PyCircuitExperiment;
    #[pymodule_export]
    use crate::circuit_trainer::{PyCircuitExamples, PyCircuitTrainer};
    #[pymodule_export]
    use crate::dataset::{PyDataset, load_digits, load_idx, load_mnist};
    #[pymodule_export]
    use crate::equilibrium::PyEquilibrium;
    #[pymodule_export]
    use crate::errors::TrainingError;
    #[pymodule_export]
    use crate::event_file::{PyEventFile, write_text};
    #[pymodule_export]
    use crate::experiment::{PyExperiment, presets};
    #[pymodule_export]
    use crate::network::PyNetwork;
    #[pymodule_export]
    use crate::settling::PySettling;
    #[pymodule_export]
    use crate::study::{study_finish, study_runs, study_state};
    #[pymodule_export]
    use crate::trainer::PyTrainer;
    #[pymodule_export]
    use crate::transfer::transfer;
}
