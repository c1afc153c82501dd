"""The shape of the package: public names, direction of imports, files that are replaced whole."""

import ast
from pathlib import Path

import pytest

import esim_jax
import esim_jax.analysis
from esim_jax.config import PARAMETERS
from esim_jax.errors import InputError
from esim_jax.kinds import Clusters, Parties
from esim_jax.results.export import write_file

PACKAGE = Path(esim_jax.__file__).parent

ENGINE = (
    "model",
    "systems",
    "random",
    "programs",
    "packing",
    "poll",
    "ask",
    "rows",
    "tally",
    "multinomial",
    "limit",
    "laws",
    "simulate",
    "allot",
    "ballot_box",
    "ranking_types",
    "measure",
    "metrics",
)
"""Parts that know nothing of sweeps, frames or files."""


def test_public_names():
    assert esim_jax.__all__ == [
        "BatchRunner", "ChunkWarning", "ElectionModel", "ElectionResult", "EsimError", "IdleParameterWarning",
        "InputError", "OutcomeWarning", "ParameterSweep", "Party", "ResultsError", "SimulationWarning",
    ]  # fmt: skip
    for name in esim_jax.__all__:
        assert getattr(esim_jax, name).__name__ == name
    assert esim_jax.analysis.BatchRunner is esim_jax.BatchRunner
    assert esim_jax.analysis.ParameterSweep is esim_jax.ParameterSweep
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        esim_jax.Nothing  # noqa: B018


def imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return set(modules) | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


def test_a_public_name_is_looked_up_once(monkeypatch):
    first = esim_jax.BatchRunner
    monkeypatch.delattr(esim_jax, "import_module")
    assert esim_jax.BatchRunner is first


def test_imports_point_one_way():
    files = [
        f
        for part in ENGINE
        for f in ([PACKAGE / f"{part}.py"] if (PACKAGE / f"{part}.py").exists() else (PACKAGE / part).glob("*.py"))
    ]
    assert len(files) >= 30
    for file in files:
        for module in imports(file):
            assert not module.startswith(("polars", "esim_jax.sweep", "esim_jax.results", "esim_jax.cli", "tqdm")), file
    for file in (PACKAGE / "results").glob("*.py"):
        assert not any(module.startswith("esim_jax.sweep") for module in imports(file)), file
    for file in (PACKAGE / "presets").glob("*.py"):  # read by the command line, which starts without JAX
        assert not any(module.startswith(("jax", "numpy", "polars")) for module in imports(file)), file
    for file in PACKAGE.rglob("*.py"):
        assert not any(module.split(".")[0] == "service" for module in imports(file)), file


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("old")

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left on device"):
        write_file(path, half)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


def test_every_parameter_is_documented_with_its_default():
    page = (PACKAGE.parent / "docs" / "model.md").read_text(encoding="utf-8")
    for parameter in PARAMETERS.values():
        rows = [line for line in page.splitlines() if line.startswith(f"| `{parameter.name}` |")]
        default = "" if isinstance(parameter.kind, Parties | Clusters) else str(parameter.default).lower()
        assert any(default in row.lower().replace(",", "").replace("`", "") for row in rows), parameter.name
