"""Every public name is documented, has a signature, and its examples hold."""

import doctest
import inspect
from importlib.util import find_spec

import pytest

import ohmgrad
import ohmgrad.callbacks
import ohmgrad.circuits
import ohmgrad.datasets
import ohmgrad.plot
import ohmgrad.sklearn
import ohmgrad.study

MODULES = [
    ohmgrad,
    ohmgrad.callbacks,
    ohmgrad.circuits,
    ohmgrad.datasets,
    ohmgrad.plot,
    ohmgrad.sklearn,
    ohmgrad.study,
]
if find_spec("torch"):
    import ohmgrad.torch

    MODULES.append(ohmgrad.torch)


def public_names():
    """All public names, and what they have: (name, object)."""
    for module in MODULES:
        yield module.__name__, module
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing) and not issubclass(thing, Exception):
                fields = getattr(thing, "_fields", ())
                for member, value in inspect.getmembers(thing):
                    if not _is_ours(value):
                        continue
                    if not member.startswith("_") and member not in (*fields, "count", "index"):
                        yield f"{module.__name__}.{name}.{member}", value


def _is_ours(member):
    """Whether a member is not inherited from another package."""
    if getattr(member, "__objclass__", None) in (list, tuple):
        return False
    module = getattr(inspect.unwrap(member), "__module__", None) if callable(member) else None
    return module is None or module.split(".")[0] == "ohmgrad"


NAMES = dict(public_names())


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    text = inspect.getdoc(NAMES[name])
    assert text, f"{name} has no documentation"
    test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    results = doctest.DocTestRunner(verbose=False).run(test)
    assert results.failed == 0, f"examples of {name}"


@pytest.mark.parametrize("name", [name for name, thing in NAMES.items() if callable(thing)])
def test_signatures_name_the_documented_parameters(name):
    thing = NAMES[name]
    if inspect.isclass(thing) and issubclass(thing, (Exception, list, tuple)):
        return
    text = inspect.getdoc(thing) or ""
    parameters = [p for p in inspect.signature(thing).parameters if p != "self"]
    for parameter in parameters:
        assert f"{parameter} :" in text or f"{parameter}," in text or f", {parameter}" in text, (
            f"{name} does not document {parameter}"
        )


def test_public_classes_know_their_place():
    for name in ohmgrad.__all__:
        thing = getattr(ohmgrad, name)
        if inspect.isclass(thing):
            assert thing.__module__.split(".")[0] == "ohmgrad"
            assert "_ohmgrad" not in thing.__module__, f"{name} is shown as {thing.__module__}"
