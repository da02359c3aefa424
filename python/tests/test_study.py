"""Studies: grids, executors, interruptions, and the command line beside them."""

import concurrent.futures
import json
from pathlib import Path

import pytest

import ohmgrad
from ohmgrad import study

TABLE = """
title = "Rates and rules"
[[row]]
file = "digits.toml"
[grid]
optimizer.learning_rate = [0.003, 0.01]
rule = ["p-ep", "al"]
network.hidden = [[8]]
seed = [0, 1]
"""


@pytest.fixture
def table(tmp_path) -> Path:
    folder = tmp_path / "rates"
    folder.mkdir()
    (folder / "digits.toml").write_text(ohmgrad.Experiment.preset("digits").toml)
    (folder / "table.toml").write_text(TABLE)
    return folder


def costs(out: Path, results: study.Results) -> dict[str, list[float]]:
    lines = {r.name: (out / r.name / "metrics.jsonl").read_text().splitlines() for r in results}
    return {name: [json.loads(line)["test_cost"] for line in told] for name, told in lines.items()}


def test_a_pool_of_processes_gives_what_one_after_the_other_gives(table, tmp_path):
    one = study.run(table, epochs=2, out=tmp_path / "one")
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        two = study.run(table, epochs=2, out=tmp_path / "two", executor=executor)
    assert len(one) == 8 and not one.unfinished and not two.unfinished
    assert one[0].name == "digits-hidden_8-learning_rate_0.003-rule_p-ep-seed0"
    assert [r[:4] for r in one] == [r[:4] for r in two] and {r.seed for r in one} == {0, 1}
    assert costs(tmp_path / "one", one) == costs(tmp_path / "two", two)
    assert len(repr(one)) < 100 and one._repr_html_().count("<tr>") == 9
    pytest.importorskip("pandas")
    frame = one.to_dataframe()
    assert frame.groupby("row").test_error.mean().notna().all() and len(frame) == 8


def test_dask_gives_the_same(table, tmp_path):
    distributed = pytest.importorskip("distributed")
    one = study.run(table, epochs=1, out=tmp_path / "one", rows=None, seeds=[3])
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        many = study.run(table, epochs=1, out=tmp_path / "many", seeds=[3], executor=client.get_executor())
    assert not many.unfinished and costs(tmp_path / "one", one) == costs(tmp_path / "many", many)


def test_scikit_learn_searches_on_dask():
    distributed = pytest.importorskip("distributed")
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV

    from ohmgrad.sklearn import DRNClassifier

    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(DRNClassifier(epochs=5, random_state=0), {"hidden": [(8,), (16,)]}, cv=2)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_backend("dask"):
        search.fit(X, y)
    assert search.best_score_ > 0.7


def test_what_is_not_finished_is_told(table, tmp_path):
    out = tmp_path / "runs"
    assert {r.state for r in study.collect(table, out=out)} == {"missing"}
    study.run(table, epochs=1, seeds=[0], out=out)
    told = study.collect(table, epochs=2, seeds=[0, 1], out=out)
    assert [r.state for r in told] == ["interrupted", "missing"] * 4 and len(told.unfinished) == 8
    # Settings that change do not go on with the old run; the others go on.
    config = out / told[0].name / "config.toml"
    config.write_text(config.read_text().replace("batch = 4", "batch = 5"))
    (table / "digits.toml").write_text((table / "digits.toml").read_text().replace("batch = 4", "batch = 5"))
    failed = study.run(table, epochs=2, seeds=[0], out=out)
    assert {r.state for r in failed} == {"failed"} and "other settings" in failed[0].reason
    with pytest.raises(FileNotFoundError):
        study.run(tmp_path / "none")


def test_the_command_line_collects_what_python_ran(table, tmp_path, run):
    out = tmp_path / "runs"
    study.run(table, epochs=1, out=out)
    printed = run("collect", table, "--epochs", 1, "--out", out)
    assert "rule_al" in printed and (out / "results.csv").read_text().count("\n") == 9
    again = run("reproduce", table, "--epochs", 1, "--out", out, "--jobs", 2)
    assert again.count("finished before") == 8
    first = study.collect(table, epochs=1, out=out)[0].name
    checked = run("verify", out / first, "--replay", 1)
    assert "epoch 1 again" in checked and "FAILED" not in checked
    receipt = json.loads((out / first / "receipts.jsonl").read_text())
    assert set(receipt) == {
        "epochs_before", "version", "commit", "cpu", "features", "threads", "settings", "train_data", "test_data",
    }
