//! What a network is for the other classes, and what its methods share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::ndarray::Ix1;
use ohmgrad::circuit::Circuit;
use ohmgrad::data::Preprocessing;
use ohmgrad::drn::{Architecture, Network, Settling, default_threads};
use ohmgrad::learn::Trainer;
use ohmgrad::record::model::ModelInfo;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use super::{Holder, PyNetwork, Shared, WAITING};
use crate::architecture::PyArchitecture;
use crate::arrays;
use crate::errors;
use crate::settings::threads;
use crate::settling::PySettling;
use crate::signals::detached;

impl PyNetwork {
    /// A network with random conductances.
    pub(crate) fn initial(
        py: Python<'_>,
        architecture: &Architecture,
        seed: u64,
        threads: Option<&Bound<'_, PyAny>>,
        info: ModelInfo,
    ) -> PyResult<Self> {
        let threads = self::threads(threads)?.unwrap_or_else(|| default_threads(architecture));
        let conductances = architecture.conductances();
        if Vec::<f32>::new().try_reserve_exact(conductances).is_err() {
            return Err(PyMemoryError::new_err(format!(
                "the network's {conductances} conductances need more memory than there is"
            )));
        }
        let network = detached(py, || Network::random(architecture, seed, threads))?;
        Ok(Self::from_network(network.map_err(errors::value)?, info))
    }

    pub(super) fn from_network(network: Network, info: ModelInfo) -> Self {
        Self {
            architecture: PyArchitecture(network.architecture().clone()),
            threads: network.threads(),
            info: Mutex::new(info),
            shared: Arc::new(Shared::new(Holder::Nobody(Box::new(network)))),
        }
    }

    /// The network of a trainer that waits for who goes on with it.
    pub(crate) fn waiting(trainer: Trainer) -> Self {
        let network = trainer.network();
        Self {
            architecture: PyArchitecture(network.architecture().clone()),
            threads: network.threads(),
            info: Mutex::new(ModelInfo::new(trainer.options().free_phase)),
            shared: Arc::new(Shared::new(Holder::Trainer(Box::new(trainer), WAITING))),
        }
    }

    /// What is done to features before they drive the network.
    pub(crate) fn preprocessing(&self) -> Preprocessing {
        self.info().preprocessing
    }

    pub(crate) fn shape(&self) -> &Architecture {
        &self.architecture.0
    }

    /// The circuit of the network under some features.
    pub(super) fn circuit(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Circuit> {
        let x = arrays::doubles::<Ix1>("x", x)?;
        let features = x.as_slice()?;
        let circuit = self.shared.read(py, |holder| {
            let network = holder.network()?;
            Ok(network.to_circuit(features))
        })?;
        circuit.map_err(errors::value)
    }

    /// What its file says beside the parameters. Never held while the interpreter is waited for.
    pub(super) fn info(&self) -> MutexGuard<'_, ModelInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that training has changed the network, and how it settled it.
    pub(crate) fn trained(&self, free_phase: Settling) {
        let mut info = self.info();
        (info.inference, info.training) = (free_phase, None);
    }

    /// How to settle: as the arguments say or, without any, as `inference` says.
    pub(super) fn settling(
        &self,
        sweeps: Option<&Bound<'_, PyAny>>,
        tolerance: Option<f64>,
        order: Option<&str>,
        relaxation: Option<f32>,
    ) -> PyResult<Settling> {
        match (sweeps, tolerance, order, relaxation) {
            (None, None, None, None) => Ok(self.info().inference),
            _ => {
                let (order, relaxation) =
                    (order.unwrap_or("asynchronous"), relaxation.unwrap_or(1.0));
                Ok(PySettling::new(sweeps, tolerance, order, relaxation)?.0)
            }
        }
    }
}
