//! The iterations of a solve, for those who want to see them.

/// One step of a solve, as a [`Solver`](super::Solver) shows it to what [`set_trace`](super::Solver::set_trace) was given.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The attempt, from 1: where an answer is not certified, another method tries.
    pub attempt: usize,
    /// What the step is part of.
    pub phase: Phase,
    /// Which step of the phase, from 0, which is its start; of coordinate descent, the number of sweeps.
    pub number: usize,
    /// By how much the laws are missed at most before the next step, relative to scales that are the phase's own: smaller is better.
    pub missed: f64,
    /// Diodes that have begun or ceased to conduct in the step.
    pub switched: usize,
}

/// Part of a solve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Sweeps of coordinate descent: one of several is shown.
    Coordinate,
    /// Newton steps by the method of multipliers, from a start that may be close.
    Multipliers,
    /// Newton steps of the interior point, from nothing.
    InteriorPoint,
    /// Corrections with a set of conducting diodes, and exchanges of diodes that are wrong.
    Confirmation,
    /// Newton steps on the equations of a circuit with controlled sources.
    Equations,
    /// Such steps with capacitors beside all diodes and curves, which charge: implicit Euler steps in time.
    Settling,
}

impl Phase {
    /// The phase in words, for people.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Coordinate => "coordinate descent",
            Phase::Multipliers => "multipliers",
            Phase::InteriorPoint => "interior point",
            Phase::Confirmation => "confirmation",
            Phase::Equations => "equations",
            Phase::Settling => "steps in time",
        }
    }
}

/// Where steps go.
#[derive(Default)]
pub(super) struct Trace {
    observer: Option<Observer>,
    pub(super) attempt: usize,
}

/// What gets each step as it is done.
pub type Observer = Box<dyn FnMut(&Step) + Send + Sync>;

impl Trace {
    pub(super) fn set(&mut self, observer: Option<Observer>) {
        self.observer = observer;
    }

    pub(super) fn tell(&mut self, phase: Phase, number: usize, missed: f64, switched: usize) {
        if let Some(observer) = &mut self.observer {
            observer(&Step {
                attempt: self.attempt,
                phase,
                number,
                missed,
                switched,
            });
        }
    }
}
