//! Long computations: other Python threads run meanwhile, and Ctrl-C ends them.

use std::cell::RefCell;
use std::rc::Rc;

use ohmgrad::interrupt::interruptible;
use pyo3::prelude::*;

/// Does `work` without the interpreter. About every 50 ms it lets signal handlers run; the work stops at an exception.
pub(crate) fn detached<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    observed(py, |_| Ok(()), work)
}

/// As [`detached`]; `observe` is called whenever signal handlers have run.
pub(crate) fn observed<R: Send>(
    py: Python<'_>,
    mut observe: impl FnMut(Python<'_>) -> PyResult<()> + Send + 'static,
    work: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    let (raised, result) = py.detach(|| {
        let raised = Rc::new(RefCell::new(None));
        let stop = {
            let raised = raised.clone();
            move || {
                let outcome = Python::attach(|py| py.check_signals().and_then(|()| observe(py)));
                let stop = outcome.is_err();
                if let Err(exception) = outcome {
                    *raised.borrow_mut() = Some(exception);
                }
                stop
            }
        };
        let result = interruptible(stop, work);
        (raised.take(), result)
    });
    match raised {
        Some(raised) => Err(raised),
        None => Ok(result),
    }
}
