//! Who holds a network: nobody, or the trainer that trains it.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};

use ohmgrad::drn::Network;
use ohmgrad::learn::Trainer;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::parameters::Parameter;
use crate::errors;
use crate::signals::detached;

/// The network, or the trainer that holds it.
pub(crate) struct Shared(RwLock<Holder>);

pub(crate) enum Holder {
    Nobody(Box<Network>),
    /// A trainer, and its number.
    Trainer(Box<Trainer>, u64),
    /// Only while it changes hands.
    Moving,
}

/// The number of a trainer that was read from a file, until somebody goes on with it.
pub(crate) const WAITING: u64 = 0;

thread_local! {
    /// The networks that this thread is at work on.
    static AT_WORK: RefCell<Vec<*const Shared>> = const { RefCell::new(Vec::new()) };
}

/// This thread's work on a network.
struct Work;

impl Work {
    fn begin(shared: &Shared) -> PyResult<Self> {
        let shared: *const Shared = shared;
        AT_WORK.with_borrow_mut(|networks| match networks.contains(&shared) {
            true => Err(PyRuntimeError::new_err(
                "this network is at work on this thread: a signal handler or progress callback cannot use it",
            )),
            false => {
                networks.push(shared);
                Ok(Self)
            }
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        AT_WORK.with_borrow_mut(Vec::pop);
    }
}

impl Holder {
    pub(crate) fn network(&self) -> PyResult<&Network> {
        match self {
            Self::Nobody(network) => Ok(network),
            Self::Trainer(trainer, _) => Ok(trainer.network()),
            Self::Moving => Err(PyRuntimeError::new_err("the network was lost in an error")),
        }
    }

    pub(super) fn set(&mut self, parameter: Parameter, values: &[f32]) -> PyResult<()> {
        let set = match (self, parameter) {
            (Self::Nobody(network), Parameter::Weights(l)) => network.set_weights(l, values),
            (Self::Nobody(network), Parameter::Biases(l)) => network.set_biases(l, values),
            (Self::Trainer(trainer, _), Parameter::Weights(l)) => trainer.set_weights(l, values),
            (Self::Trainer(trainer, _), Parameter::Biases(l)) => trainer.set_biases(l, values),
            (Self::Moving, _) => {
                return Err(PyRuntimeError::new_err("the network was lost in an error"));
            }
        };
        set.map_err(errors::value)
    }

    /// Takes the network away from whoever holds it.
    pub(crate) fn take(&mut self) -> PyResult<Network> {
        match std::mem::replace(self, Self::Moving) {
            Self::Nobody(network) => Ok(*network),
            Self::Trainer(trainer, _) => Ok(trainer.into_network()),
            Self::Moving => Err(PyRuntimeError::new_err("the network was lost in an error")),
        }
    }
}

/// All take the locks without the interpreter: who holds a lock may need it to go on.
impl Shared {
    pub(super) fn new(holder: Holder) -> Self {
        Self(RwLock::new(holder))
    }

    /// Looks at the network.
    pub(crate) fn read<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Holder) -> PyResult<R> + Send,
    ) -> PyResult<R> {
        detached(py, || {
            let _work = Work::begin(self)?;
            work(&self.0.read().unwrap_or_else(PoisonError::into_inner))
        })?
    }

    /// Changes the network.
    pub(crate) fn write<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Holder) -> PyResult<R> + Send,
    ) -> PyResult<R> {
        detached(py, || self.write_detached(work))?
    }

    /// As [`Self::write`], on a thread that has let the interpreter go.
    pub(crate) fn write_detached<R>(
        &self,
        work: impl FnOnce(&mut Holder) -> PyResult<R>,
    ) -> PyResult<R> {
        let _work = Work::begin(self)?;
        work(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Frees the network from the trainer of this number, unless it is in use.
    pub(crate) fn leave(&self, trainer: u64) {
        let Ok(mut holder) = self.0.try_write() else {
            return;
        };
        if matches!(*holder, Holder::Trainer(_, number) if number == trainer)
            && let Ok(network) = holder.take()
        {
            *holder = Holder::Nobody(Box::new(network));
        }
    }
}
