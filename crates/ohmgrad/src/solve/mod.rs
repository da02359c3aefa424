//! Solving circuits.

pub(crate) mod star_mesh;
