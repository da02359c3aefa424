//! Drives the real `ohmgrad` binary in fresh folders.

mod bad_input;
mod eval;
mod faults;
mod gradients;
mod hopfield;
mod learn;
mod plot;
mod presets;
mod reproduce;
mod resume;
mod solve;
mod study;
mod support;
mod train;
