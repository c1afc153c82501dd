"""The examples and the README's code run as they stand."""

import json
import re
import runpy
from pathlib import Path

import pytest

from esim_jax.cli import CONFIG_KEYS, main

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
CONFIGS = sorted(
    file
    for file in (ROOT / "examples").glob("*.json")
    if isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
)

SLOW = {"merrill_1984.py", "weber_1978.py"}
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.mark.parametrize(
    "script",
    [pytest.param(path, marks=pytest.mark.slow if path.name in SLOW else (), id=path.name) for path in SCRIPTS],
)
def test_example_script(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(script)])  # not those of the tests
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_example_configuration(config, tmp_path):
    assert set(json.loads(config.read_text())) <= set(CONFIG_KEYS)
    output = tmp_path / "results.parquet"
    assert main(["batch", "--config", str(config), "--output", str(output), "--quiet"]) == 0
    assert output.stat().st_size > 0


@pytest.mark.parametrize("page", ["README", "docs/counts", "docs/voters"])
def test_code_prints_what_its_page_shows(page, tmp_path, monkeypatch, capsys):
    """The README leaves some of what its code prints to the reader. Another processor may change a few votes."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page}
    text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)
    assert any(shown for _, shown in blocks)
    for block, shown in blocks:
        exec(block, names)
        printed = capsys.readouterr().out
        if shown or page != "README":
            assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
            numbers, expected = ([float(number) for number in NUMBER.findall(text)] for text in (printed, shown))
            assert numbers == pytest.approx(expected, rel=0.02)
