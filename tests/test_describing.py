"""Every electoral system and allocation method has its words: the rule, ties, the source, and an example that runs."""

import doctest
import importlib
import pkgutil
import re

import pytest

import esim_jax.systems
from esim_jax.cli import main
from esim_jax.errors import InputError
from esim_jax.names import ALLOCATION_METHODS, ELECTORAL_SYSTEMS
from esim_jax.systems import PAIRWISE, RANKED, RULES, describe

NAMES = (*ELECTORAL_SYSTEMS, *ALLOCATION_METHODS)


@pytest.fixture(scope="module")
def doctests():
    """All examples of esim_jax.systems that doctest, and so pytest, finds and runs."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.iter_modules(esim_jax.systems.__path__, "esim_jax.systems.")
    ]
    finder = doctest.DocTestFinder(exclude_empty=True)
    return {tuple(example.source for example in test.examples) for module in modules for test in finder.find(module)}


@pytest.mark.parametrize("name", NAMES)
def test_every_system_and_method_is_described(name, doctests):
    text = describe(name)
    first, blank, *_ = text.splitlines()
    assert first.endswith("."), first
    assert blank == ""
    assert re.search(r"\b([Tt]ies?|that tie)\b.*\blot\b", text, re.DOTALL)
    assert re.search(r"^Source: .{10}", text, re.MULTILINE)
    examples = doctest.DocTestParser().get_examples(text)
    assert any(example.want for example in examples)
    assert tuple(example.source for example in examples) in doctests


def test_no_rule_of_the_registry_is_without_a_name():
    assert set(RULES) - set(NAMES) == {"plurality"}  # that of FPTP, party_block and others
    assert {*RANKED, *PAIRWISE} <= set(NAMES)
    assert len({describe(name) for name in NAMES}) == len(NAMES)


def test_names_are_read_in_any_case():
    assert describe("stv") == describe("STV")
    with pytest.raises(InputError, match=r"name = 'Shulze' is unknown: .* Did you mean 'Schulze'\?"):
        describe("Shulze")


def test_list_systems(capsys):
    assert main(["list-systems"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name}  ", shown, re.MULTILINE) for name in NAMES)
    assert main(["list-systems", "irv", "hare"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("IRV\n  Instant-runoff voting")
    assert "\n\nhare\n  Largest remainders" in shown
    assert main(["list-systems", "STVV"]) == 2
    assert "'STVV' is unknown" in capsys.readouterr().err
