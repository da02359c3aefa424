//! The engine: programs on a network that is split over the threads of a team.
//!
//! Each thread owns a [`Share`]: whole blocks of units. All run the same program, show one another potentials and currents
//! on a [`Board`], and meet at a [`Barrier`] where one needs what another has made.

mod advance;
mod board;
mod currents;
mod measure;
mod registers;
mod settle;
mod share;
mod speed;
mod team;
mod worker;

pub(crate) use advance::Update;
pub(crate) use board::Board;
pub(crate) use measure::Powers;
pub(crate) use registers::Registers;
pub(crate) use share::{Share, split};
pub(crate) use speed::{Stream, multiply_adds_per_second};
pub use team::default_threads;
pub(crate) use team::run as run_team;
pub(crate) use worker::{Worker, Workspace};
