//! Settings of a solver.

use crate::presolve::PresolveError;

/// How a [`Solver`](super::Solver) finds the state of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Coordinate descent for a few sweeps where they cost next to nothing beside a factorization, then directly.
    #[default]
    Auto,
    /// Exact coordinate descent. Where [`max_sweeps`](SolveOptions::max_sweeps) sweeps are not enough, the direct
    /// method takes over; the statistics show the work of both.
    Coordinate,
    /// By Newton steps, each a sparse factorization.
    Direct,
}

/// Settings of a [`Solver`](super::Solver).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SolveOptions {
    /// What every measure of the certificate must be below, and every error bar relative to the largest voltage: above 0.
    /// Default: 1e-9.
    pub tolerance: f64,
    /// How the state is found. Default: [`Method::Auto`].
    pub method: Method,
    /// The greatest number of sweeps of coordinate descent, from 0. Default: 10000.
    pub max_sweeps: usize,
    /// How long the steps of coordinate descent are at nodes with linear elements alone, in units of those to the
    /// minimum: above 0 and below 2. Other values do not converge, except by the direct method that
    /// takes over. Default: 1.
    pub over_relaxation: f64,
    /// Whether answers have [error bars](super::Solution::accuracy), and are confirmed to the digits that these need. Without
    /// them an answer is solved if its certificate passes; what is hidden behind large resistances may then be off.
    /// Default: true.
    pub error_bars: bool,
}

impl Default for SolveOptions {
    fn default() -> SolveOptions {
        SolveOptions {
            tolerance: 1e-9,
            method: Method::Auto,
            max_sweeps: 10_000,
            over_relaxation: 1.0,
            error_bars: true,
        }
    }
}

impl SolveOptions {
    /// With another tolerance.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> SolveOptions {
        self.tolerance = tolerance;
        self
    }

    /// With another method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> SolveOptions {
        self.method = method;
        self
    }

    /// With another greatest number of sweeps, from 0.
    #[must_use]
    pub fn with_max_sweeps(mut self, max_sweeps: usize) -> SolveOptions {
        self.max_sweeps = max_sweeps;
        self
    }

    /// With another length of the steps of coordinate descent, above 0 and below 2.
    #[must_use]
    pub fn with_over_relaxation(mut self, over_relaxation: f64) -> SolveOptions {
        self.over_relaxation = over_relaxation;
        self
    }

    /// With or without error bars.
    #[must_use]
    pub fn with_error_bars(mut self, error_bars: bool) -> SolveOptions {
        self.error_bars = error_bars;
        self
    }

    /// Refuses numbers out of their ranges.
    pub(super) fn check(&self) -> Result<(), PresolveError> {
        let fault = |name, value, range| Err(PresolveError::Option { name, value, range });
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return fault("tolerance", self.tolerance, "finite and above 0");
        }
        if !self.over_relaxation.is_finite() {
            return fault("over-relaxation", self.over_relaxation, "finite");
        }
        Ok(())
    }
}
