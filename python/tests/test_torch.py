"""The module for PyTorch, against automatic differentiation's own checks and the library's engine."""

import copy
import warnings

import numpy as np
import pytest

import ohmgrad

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install ohmgrad[torch]")

from ohmgrad.torch import DRN  # noqa: E402

torch.set_num_threads(1)  # what is small waits for its threads


def module(hidden, **options):
    """A small module in float64, all parameters random and away from their bounds."""
    architecture = ohmgrad.Architecture(3, hidden, 2, input_gain=4, g_min=0.001)
    model = DRN(ohmgrad.Network(architecture), **options).double()
    rng = np.random.default_rng(1)
    for values in model.parameters():
        scale = rng.uniform(0.02, 0.5, size=values.shape)
        values.data = torch.from_numpy(scale)
    return model


def features(*shape):
    return torch.from_numpy(np.random.default_rng(2).normal(size=(*shape, 3)))


def as_function(model):
    """The module as a function of its features and parameters."""
    names = [name for name, _ in model.named_parameters()]

    def function(x, *values):
        return torch.func.functional_call(model, dict(zip(names, values)), (x,))

    return function


@pytest.mark.parametrize("hidden", [[], [8], [7, 6]], ids=str)
@pytest.mark.parametrize("options", [{}, {"gradient": "ep", "beta": 1e-3}], ids=str)
def test_gradcheck(hidden, options):
    model = module(hidden, **options)
    inputs = (features(3).requires_grad_(), *model.parameters())
    assert torch.autograd.gradcheck(as_function(model), inputs)


def test_outputs_are_those_of_the_engine(network, inputs):
    model = DRN(network)
    outputs = model(torch.from_numpy(inputs))
    assert outputs.dtype == torch.float32
    expected = network.settle(inputs, tolerance=1e-6).outputs
    assert outputs.detach().numpy() == pytest.approx(expected, abs=1e-5)
    for name, values in model.network().parameters().items():
        assert (values == network[name]).all()


def test_the_gradient_of_squared_error_is_what_adjoint_learning_descends(network, inputs):
    targets = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
    model, rate = DRN(network), 1e-3
    loss = (model(torch.from_numpy(inputs)) - torch.from_numpy(targets)).square().sum() / 2 / 4
    loss.backward()
    before = network.parameters()
    settling = ohmgrad.Settling(200, tolerance=1e-6)
    trainer = ohmgrad.Trainer(
        network, "al", batch_size=4, learning_rate=rate, free_phase=settling, nudged_phase=settling
    )
    trainer.train(ohmgrad.Dataset(inputs, targets))
    for name, values in model.named_parameters():
        expected = before[name] - rate * values.grad.numpy()
        if name.startswith("W"):
            expected = expected.clip(min=0.001)
        scale = rate * float(values.grad.abs().max())
        assert network[name] == pytest.approx(expected, abs=1e-2 * scale + 1e-7)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,), (2, 0)], ids=str)
def test_any_leading_dimensions(shape):
    model, x = module([8]), features(*shape).requires_grad_()
    outputs = model(x)
    assert outputs.shape == (*shape, 2)
    outputs.sum().backward()
    assert x.grad.shape == x.shape
    assert all(values.grad.shape == values.shape for values in model.parameters())
    for at in np.ndindex(shape):
        assert (model(x[at]) == outputs[at]).all()


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
@pytest.mark.parametrize("options", [{}, {"gradient": "ep", "beta": 1.0}], ids=str)
def test_it_learns_between_other_layers(optimizer, options):
    torch.manual_seed(0)
    digits = ohmgrad.datasets.load_digits()
    x, y = torch.from_numpy(digits.X[:600]), torch.from_numpy(digits.y[:600])
    network = ohmgrad.Network(ohmgrad.Architecture(16, [32], 10, input_gain=5))
    model = torch.nn.Sequential(torch.nn.Linear(64, 16), DRN(network, threads=1, **options), torch.nn.Linear(10, 10))
    descent = optimizer(model.parameters(), lr=0.2 if optimizer is torch.optim.SGD else 0.005)
    for _ in range(30):
        for batch in torch.randperm(600).split(20):
            descent.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            descent.step()
    assert (model(x).argmax(1) == y).float().mean() > 0.9
    assert (model[1].network()["W1"] >= 0).all()


def test_conductances_are_put_back_into_their_bounds():
    model = module([8])
    with torch.no_grad():
        model.W1[2, 3] = -1.0
    model(features(1))
    assert model.W1[2, 3] == np.float32(0.001)
    assert model.network()["W1"][2, 3] == np.float32(0.001)


def test_a_module_can_be_used_twice_in_one_graph():
    model, x = module([8]), features(4)
    (model(x) + model(x)).sum().backward()
    twice = model.W1.grad.clone()
    model.zero_grad()
    model(x).sum().backward()
    assert torch.allclose(twice, 2 * model.W1.grad)


def test_states_and_copies(tmp_path):
    model, other, x = module([8]), module([8]), features(4)
    with torch.no_grad():
        other.W1 += 1
    other.load_state_dict(model.state_dict())
    assert (other(x) == model(x)).all() and (copy.deepcopy(model)(x) == model(x)).all()
    torch.save(model, tmp_path / "model.pt")
    assert (torch.load(tmp_path / "model.pt", weights_only=False)(x) == model(x)).all()
    assert "Architecture(3, [8], 2" in repr(model)


def test_too_few_sweeps_are_a_warning():
    with pytest.warns(RuntimeWarning, match="the network is not settled: after 1 sweeps the residual is"):
        outputs = module([7, 6], sweeps=1)(features(2))
    with pytest.warns(RuntimeWarning, match="the gradient is not exact"):
        outputs.sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module([7, 6])(features(2)).sum().backward()


def test_second_derivatives_are_refused():
    x = features(2).requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivatives: do without create_graph=True"):
        torch.autograd.grad(module([8])(x).sum(), x, create_graph=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gradient": "exact"}, "gradient is 'exact': it must be 'adjoint' or 'ep'"),
        ({"gradient": "ep"}, "gradient 'ep' needs beta"),
        ({"beta": 1.0}, "beta is for gradient 'ep' alone"),
        ({"gradient": "ep", "beta": 0.0}, "beta is 0.0: it must be finite and above 0"),
    ],
)
def test_wrong_settings_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        module([8], **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"tolerance": 0.0}, "tolerance is 0"), ({"sweeps": 0}, "sweeps is 0"), ({"threads": 0}, "threads is 0")],
)
def test_settings_of_settling_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        module([8], **options)(features(1))


def test_wrong_tensors_are_refused():
    model = module([8])
    with pytest.raises(TypeError, match="x is of torch.float32, the parameters are of torch.float64"):
        model(features(2).float())
    with pytest.raises(ValueError, match=r"X has the shape \(2, 2\): it must be \(n, 3\)"):
        model(features(2)[:, :2])
    with pytest.raises(ValueError, match="single number"):
        model(torch.tensor(1.0, dtype=torch.float64))
    x = features(2)
    x[1, 2] = torch.nan
    with pytest.raises(ValueError, match="input 2 of example 1 is NaN"):
        model(x)
    with torch.no_grad():
        model.b1[3] = torch.inf
    with pytest.raises(ValueError, match=r"b1\[3\] is inf: a bias must be finite"):
        model(features(2))


def test_gradients_that_are_not_finite_are_named():
    outputs = module([8])(features(2))
    with pytest.raises(ValueError, match="the derivative by output 1 of example 0 is NaN"):
        outputs.backward(torch.tensor([[0.0, torch.nan], [0.0, 0.0]], dtype=torch.float64))
