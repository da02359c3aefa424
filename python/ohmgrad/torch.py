"""A network as a PyTorch module; needs PyTorch (``pip install ohmgrad[torch]``)."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ohmgrad._ohmgrad import Architecture, Equilibrium, Network

__all__ = ["DRN"]


class DRN(torch.nn.Module):
    """A deep resistive network that PyTorch differentiates and trains.

    Forward settles the network: features in, output potentials in volt out. Backward gives the derivatives
    by all conductances, biases and features, so that the module can stand between other layers and be
    trained with any loss and optimizer. Everything is computed in float64 on the processor, whatever the
    type and device of the tensors; an example's outputs do not depend on the others, nor on the number of
    threads.

    The parameters are ``W1``, ``W2``, ... in siemens and ``b1``, ``b2``, ... in ampere. An optimizer may
    push conductances out of their bounds: the next forward puts them back (projected gradient descent).

    Parameters
    ----------
    network : Network
        Its architecture is taken over, and its parameters are copied.
    gradient : {'adjoint', 'ep'}, default 'adjoint'
        'adjoint' is the exact gradient, from the response of the settled state; where a diode is just
        switching it is one of the one-sided derivatives. 'ep' is the estimate of centered equilibrium
        propagation, from two states nudged by currents of ``beta`` times the derivatives of the loss.
    beta : float, optional
        Strength of the nudge in siemens, for 'ep' alone: finite and above 0. If the loss is a mean over n
        examples, each is pulled by 1/n of its own loss.
    tolerance : float, optional
        Examples are settled until their residual is at most this, see ``Settling``. Default: 1e-12 if the
        parameters are of float64, otherwise 1e-7.
    sweeps : int, default 1000
        The most sweeps that are made. If they are too few, there is a ``RuntimeWarning``.
    threads : int, optional
        Number of threads that share the examples. Default: one per processor.

    Raises
    ------
    ValueError
        If a setting is out of range.

    References
    ----------
    B. Scellier and Y. Bengio, "Equilibrium Propagation", Frontiers in Computational Neuroscience 2017.

    Examples
    --------
    >>> import ohmgrad, torch
    >>> from ohmgrad.torch import DRN
    >>> _ = torch.manual_seed(0)
    >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [16], 2, input_gain=4))
    >>> model = torch.nn.Sequential(DRN(network), torch.nn.Linear(2, 2))
    >>> optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    >>> x, y = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([0, 1, 1, 0])
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     torch.nn.functional.cross_entropy(model(x), y).backward()
    ...     optimizer.step()
    >>> model(x).argmax(1).tolist()
    [0, 1, 1, 0]
    """

    def __init__(
        self,
        network: Network,
        *,
        gradient: str = "adjoint",
        beta: float | None = None,
        tolerance: float | None = None,
        sweeps: int = 1000,
        threads: int | None = None,
    ) -> None:
        super().__init__()
        if gradient not in ("adjoint", "ep"):
            raise ValueError(f"gradient is {gradient!r}: it must be 'adjoint' or 'ep'")
        if gradient == "ep" and beta is None:
            raise ValueError("gradient 'ep' needs beta, the strength of the nudge in siemens")
        if gradient == "adjoint" and beta is not None:
            raise ValueError("beta is for gradient 'ep' alone")
        if beta is not None and not 0 < beta < np.inf:
            raise ValueError(f"beta is {beta}: it must be finite and above 0")
        self.architecture = network.architecture
        self.gradient, self.beta = gradient, beta
        self.tolerance, self.sweeps, self.threads = tolerance, sweeps, threads
        for name, values in network.parameters().items():
            tensor = torch.from_numpy(values).to(torch.get_default_dtype())
            self.register_parameter(name, torch.nn.Parameter(tensor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Settles the network.

        Parameters
        ----------
        x : Tensor of shape (..., features)
            Features, of the type of the parameters; any number of examples, even none.

        Returns
        -------
        Tensor of shape (..., outputs)
            Output potentials in volt.

        Raises
        ------
        TypeError, ValueError
            If x has another type or shape, or a value that is not finite; if a parameter is not finite.
        """
        parameters = dict(self.named_parameters())
        dtype = parameters["W1"].dtype
        if x.dtype != dtype:
            raise TypeError(f"x is of {x.dtype}, the parameters are of {dtype}: convert one of them")
        if x.ndim == 0:
            raise ValueError("x is a single number: its last dimension must hold the features")
        self._put_back()
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 1e-12 if dtype == torch.float64 else 1e-7
        rows = x.reshape(x.shape[:-1].numel(), x.shape[-1])
        outputs = _Settle.apply(self, tolerance, tuple(parameters), rows, *parameters.values())
        return outputs.reshape(*x.shape[:-1], self.architecture.outputs)

    def network(self, *, threads: int | None = None) -> Network:
        """The network with the parameters as they are, in float32: to save it, settle it, look at it.

        Parameters
        ----------
        threads : int, optional
            As for ``Network``.

        Returns
        -------
        Network

        Examples
        --------
        >>> import ohmgrad, torch
        >>> from ohmgrad.torch import DRN
        >>> model = DRN(ohmgrad.Network(ohmgrad.Architecture(2, [4], 1)))
        >>> x = torch.tensor([[0.5, -0.5]])
        >>> outputs = model.network().settle(x, tolerance=1e-6).outputs
        >>> bool(abs(model(x).detach().numpy() - outputs).max() < 1e-5)
        True
        """
        self._put_back()
        values = {name: _array(tensor) for name, tensor in self.named_parameters()}
        return Network.from_parameters(self.architecture, values, threads=threads)

    def extra_repr(self) -> str:
        """The architecture and the settings, as ``print`` shows them."""
        beta = "" if self.beta is None else f", beta={self.beta}"
        return f"{self.architecture}, gradient={self.gradient!r}{beta}"

    @torch.no_grad()
    def _put_back(self) -> None:
        """Puts conductances back into their bounds. Those that need nothing are not touched: autograd would mind."""
        low, high = (float(np.float32(g)) for g in (self.architecture.g_min, self.architecture.g_max))
        for name, values in self.named_parameters():
            if name.startswith("W") and ((values < low) | (values > high)).any():
                values.clamp_(low, high)


class _Settle(torch.autograd.Function):
    """Settled outputs as a function of features and parameters."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        module: DRN,
        tolerance: float,
        names: tuple[str, ...],
        x: torch.Tensor,
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        settled = Equilibrium(
            module.architecture,
            {name: _array(values) for name, values in zip(names, parameters)},
            _array(x),
            tolerance=tolerance,
            sweeps=module.sweeps,
            threads=module.threads,
        )
        _warn(settled.residuals, tolerance, module.sweeps, "network is not settled")
        ctx.settled, ctx.names, ctx.beta = settled, names, module.beta
        ctx.tolerance, ctx.sweeps = tolerance, module.sweeps
        return torch.from_numpy(settled.outputs).to(x)

    @staticmethod
    def backward(ctx: Any, by_outputs: torch.Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        if torch.is_grad_enabled():
            raise RuntimeError("a DRN has no second derivatives: do without create_graph=True")
        by_inputs, by_parameters, residuals = ctx.settled.gradient(_array(by_outputs), ctx.beta)
        _warn(residuals, ctx.tolerance, ctx.sweeps, "gradient is not exact")
        by_all = (by_inputs, *(by_parameters[name] for name in ctx.names))
        tensors = (torch.from_numpy(values).to(by_outputs) for values in by_all)
        return None, None, None, *tensors


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    """A tensor's values in float64."""
    return tensor.detach().to("cpu", torch.float64).numpy()


def _warn(residuals: NDArray[np.float64], tolerance: float, sweeps: int, what: str) -> None:
    if (residuals > tolerance).any():
        warnings.warn(
            f"the {what}: after {sweeps} sweeps the residual is {residuals.max():.1e}, above the"
            f" tolerance of {tolerance:g}; allow more sweeps, or a larger tolerance",
            RuntimeWarning,
            stacklevel=2,
        )
