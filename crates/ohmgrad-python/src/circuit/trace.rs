//! What Python sees of the iterations of a solve.

use std::sync::{Arc, Mutex, PoisonError};

use ohmgrad::solve::{Observer, Step};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// A callable that gets each step, and what it has raised: from then on it gets none.
#[derive(Clone)]
pub(super) struct Trace {
    callable: Arc<Py<PyAny>>,
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Trace {
    pub(super) fn new(callable: Py<PyAny>) -> Trace {
        Trace {
            callable: Arc::new(callable),
            raised: Arc::default(),
        }
    }

    pub(super) fn observer(self) -> Observer {
        Box::new(move |step| {
            let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
            if raised.is_none() {
                *raised = Python::attach(|py| self.call(py, step)).err();
            }
        })
    }

    fn call(&self, py: Python<'_>, step: &Step) -> PyResult<()> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let class = CLASS.import(py, "ohmgrad.solution", "Step")?;
        let Step {
            attempt,
            number,
            missed,
            switched,
            ..
        } = *step;
        let step = class.call1((attempt, step.phase.name(), number, missed, switched))?;
        self.callable.call1(py, (step,)).map(drop)
    }

    /// What the callable has raised, once.
    pub(super) fn check(&self) -> PyResult<()> {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.take().map_or(Ok(()), Err)
    }
}
