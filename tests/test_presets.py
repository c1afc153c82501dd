"""Presets: every file holds what it must, and every country's election is held."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep
from esim_jax.chunks import Span, make_cutter, program_for
from esim_jax.cli import main
from esim_jax.config import read_parameters
from esim_jax.plan import make_plan
from esim_jax.presets import list_presets, read_preset
from esim_jax.presets.library import _OTHER_NAMES
from esim_jax.presets.reading import FIELDS, parse_preset
from esim_jax.seats import assembly_seats
from esim_jax.systems import allocate_seats

PRESETS = {name: read_preset(name) for name in list_presets()}
FEW = {"n_voters": 200_000}
SEED = 7


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_says_what_it_is(preset):
    full = read_parameters(preset.parameters)
    assert assembly_seats(full) + preset.seats_left_out == preset.seats
    assert len(preset.sources) >= 2  # the rules, and the result
    assert any(str(preset.year) in source for source in preset.sources)
    assert len({*preset.not_modelled}) == len(preset.not_modelled) >= 2
    for party in full["parties"]:
        for position in (party.position_x, party.position_y):
            assert abs(position) <= 1
            assert round(position, 1) == position  # no more precise than they are
    assert sum(preset.vote_shares.values()) > 80
    if preset.districts:
        magnitudes = np.broadcast_to(full["district_magnitude"], full["n_constituencies"])
        assert magnitudes.tolist() == [*preset.districts.values()]


def test_a_preset_cannot_be_changed():
    for mapping in (PRESETS["norway"].parameters, PRESETS["norway"].districts, PRESETS["norway"].vote_shares):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["Oslo"] = 1


def test_there_are_many_countries_and_families_of_rules():
    assert len({preset.country for preset in PRESETS.values()}) == len(PRESETS) >= 20
    systems = {preset.parameters["electoral_system"] for preset in PRESETS.values()}
    assert len(systems) >= 9


# The seats of parties, as officially published: by the rules of the preset, the published shares must come to them.
OFFICIAL = {
    "netherlands": [37, 25, 24, 20, 9, 7, 5, 5, 3, 3, 3, 3, 3, 2, 1],
    "germany": [208, 152, 120, 85, 64],  # and SSW, which needs no threshold, 1
    "austria": [57, 51, 41, 18, 16],
    "slovakia": [42, 32, 27, 16, 12, 11, 10],
    "israel": [32, 24, 14, 12, 11, 7, 6, 5, 5, 4],
    "uruguay": [48, 29, 17, 2, 2, 1],
    "bulgaria": [69, 64, 37, 36, 23, 11],
    "greece": [158, 47, 32, 21, 12, 12, 10, 8],
    "sweden": [107, 73, 68, 24, 24, 19, 18, 16],
    "denmark": [50, 23, 16, 15, 14, 14, 10, 9, 7, 6, 6, 5],
    "iceland": [15, 14, 11, 10, 8, 5],
    "slovenia": [41, 27, 8, 7, 5],
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_rules_and_shares_come_to_the_seats_of_the_real_house(name):
    preset, full = PRESETS[name], read_parameters(PRESETS[name].parameters)
    votes = [round(1000 * share) for share in preset.vote_shares.values()]
    bonus, threshold = full["bonus_seats"], full["levelling_threshold"] or full["threshold"]
    seats = allocate_seats(votes, assembly_seats(full) - bonus, full["allocation_method"], threshold)
    seats = seats + bonus * (np.arange(len(votes)) == 0)
    official = np.zeros(len(votes), int)
    official[: len(OFFICIAL[name])] = OFFICIAL[name]
    assert np.abs(seats - official).max() <= 1  # the shares are rounded to a tenth of a per cent


def hold(parameters, n_runs=1):
    """Elections of each configuration: those of one program are one call, so that little is compiled."""
    outcomes = {}
    for program in {*map(program_for, parameters)}:
        mine = [index for index, p in enumerate(parameters) if program_for(p) == program]
        chosen = [parameters[index] for index in mine]
        load = make_cutter(chosen).load(tuple(Span(place, 0, 1) for place in range(len(chosen))))
        plan = make_plan(chosen, program, jax.local_devices(), load, ("turnout",))
        runs = [
            jax.device_get(plan.simulate(np.arange(len(chosen)), np.full(len(chosen), SEED + run, np.uint64)))
            for run in range(n_runs)
        ]
        ends = np.cumsum([p["n_constituencies"] for p in chosen])
        for place, index in enumerate(mine):
            here = slice(ends[place] - parameters[index]["n_constituencies"], ends[place])
            outcomes[index] = Held(
                np.array([run.votes[place] for run in runs]),
                np.array([run.seats[place] for run in runs]),
                np.array([run.vacant_seats[place] for run in runs]),
                np.array([first_places(run.constituency_votes[here]) for run in runs]),
            )
    return [outcomes[index] for index in range(len(parameters))]


class Held(NamedTuple):
    """Elections of one country, [run, party]."""

    votes: np.ndarray
    seats: np.ndarray
    vacant: np.ndarray  # [run]
    firsts: np.ndarray  # constituencies in which the party was first


def first_places(votes):
    """Of each party; ties are too rare to matter here."""
    return np.bincount(votes.argmax(axis=1), minlength=votes.shape[1])


UNEVEN = [name for name, preset in PRESETS.items() if "local_appeal" in preset.parameters]
"""Presets whose constituencies differ."""

FITTED = [name for name in UNEVEN if name != "ireland"]
"""Those of them whose single seats were fitted."""

RUNS = 16
RUNS_OF_FIT = 128
"""Elections with which the valences were fitted at last, see fit_presets.py."""


@pytest.fixture(scope="module")
def elections():
    """Every country's election. With few voters where constituencies are alike; else several, with all voters."""
    alike = [name for name in PRESETS if name not in UNEVEN]
    held = hold([read_parameters({**PRESETS[name].parameters, **FEW}) for name in alike])
    several = hold([read_parameters(PRESETS[name].parameters) for name in UNEVEN], RUNS)
    return dict(zip([*alike, *UNEVEN], [*held, *several], strict=True))


def test_presets_with_single_seats_have_geography():
    single = {"FPTP", "two_round", "IRV", "parallel", "MMP"}
    assert [name for name, preset in PRESETS.items() if preset.parameters["electoral_system"] in single] == FITTED
    for name in FITTED:
        preset = PRESETS[name]
        assert bool(preset.single_seats_won) == (preset.parameters["electoral_system"] in ("parallel", "MMP"))
        assert sum((preset.single_seats_won or preset.seats_won).values()) <= preset.parameters["n_constituencies"]
        assert sum(preset.seats_won.values()) > 0.8 * preset.seats


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_election_fills_its_house(elections, preset):
    held = elections[preset.name]
    filled = preset.seats - preset.seats_left_out
    assert not held.vacant.any()
    assert held.seats[:, len(preset.vote_shares) :].sum() == 0
    if preset.parameters["electoral_system"] == "MMP":  # overhang
        assert (held.seats.sum(axis=1) >= filled).all()
    else:
        assert (held.seats.sum(axis=1) == filled).all()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_parties_are_as_large_as_they_were(elections, preset):
    """Within 4.9 standard errors, and what the rounding of valences may do.

    Where constituencies are alike, voters are independent, and the error is that of the binomial law. Where they
    differ, a party's share varies by far more from election to election: its error is that between the elections held,
    and that of the elections with which the valences were fitted. If seeds were drawn, one in 2,500 such tests of the
    about 300 shares of the first kind would fail by chance, and one in 50 of the about 110 of the second, as the error
    is itself an estimate from 16 elections.
    """
    votes = elections[preset.name].votes[:, : len(preset.vote_shares)]
    expected = np.array([*preset.vote_shares.values()])
    expected /= expected.sum()
    shares = votes / votes.sum(axis=1, keepdims=True)
    if preset.name in UNEVEN:
        error = shares.std(axis=0, ddof=1) * np.sqrt(1 / RUNS + 1 / RUNS_OF_FIT)
    else:
        error = np.sqrt(expected * (1 - expected) / votes.sum())
    assert (np.abs(shares.mean(axis=0) - expected) <= 4.9 * error + 0.001).all()


OUT_OF_REACH = {
    "france": {"RN and allies": 108, "Nouveau Front populaire": -23, "Ensemble": -75},
    "india": {"BJP": 34, "INC": 17, "Samajwadi Party": -12, "DMK": -15},
    "malaysia": {"Pakatan Harapan": 18, "Barisan Nasional": 6, "GPS": -15, "GRS": -5},
    "mexico": {"Morena": 35, "PAN": 8, "PVEM": -29, "PT": -21},
    "new_zealand": {"Labour": 2.5, "Te Pāti Māori": -4},
    "south_korea": {"Saenuri": 27, "People's Party": 7, "Minjoo": -34},
}
"""Single seats that parties have too many in the model, in the mean, for what is not modelled; see the files."""


def test_large_parties_of_ireland_win_several_seats_in_a_constituency(elections):
    """They have two candidates each. An eighth of the seats, at most, goes to others than in 2024, in the mean."""
    official, mean = np.array([*PRESETS["ireland"].seats_won.values()]), elections["ireland"].seats.mean(axis=0)
    assert (elections["ireland"].seats[:, :3] > 0.6 * official[:3]).all()
    assert (elections["ireland"].seats[:, :3].max(axis=1) > 43).all()  # more than one a constituency
    assert (mean > 0).all()
    assert np.abs(mean - official * mean.sum() / official.sum()).sum() / 2 <= 0.125 * mean.sum()


@pytest.mark.parametrize("name", FITTED)
def test_single_seats_are_as_they_were(elections, name):
    """Mean single seats are the official ones among the parties that are there.

    Within 2 % of these seats, which the fit may leave, and 4.9 standard errors of the mean of the elections held. These
    errors are estimated from 16 elections: if seeds were drawn, one in 50 such tests of all the 110 parties would fail
    by chance, were no fit's error smaller than 2 %.
    """
    preset = PRESETS[name]
    official = np.array([*(preset.single_seats_won or preset.seats_won).values()])
    n_seats = preset.parameters["n_constituencies"]
    beyond = np.array([OUT_OF_REACH.get(name, {}).get(party, 0) for party in preset.vote_shares])
    held = elections[name].firsts if preset.single_seats_won else elections[name].seats
    held = held[:, : len(official)]
    error = held.std(axis=0, ddof=1) / np.sqrt(RUNS)
    expected = official * n_seats / official.sum() + beyond
    assert (np.abs(held.mean(axis=0) - expected) <= 0.02 * n_seats + 4.9 * error).all()


def test_from_preset_holds_the_same_election(elections):
    votes, seats = elections["slovakia"].votes[0], elections["slovakia"].seats[0]
    model = ElectionModel.from_preset("Slovakia", seed=SEED, **FEW)
    result = model.run_election()
    assert result.party_names == tuple(PRESETS["slovakia"].vote_shares)
    assert result.vote_counts.tolist() == votes[: len(result.party_names)].tolist()
    assert result.seats.tolist() == seats[: len(result.party_names)].tolist()
    assert model.seed == SEED


def test_overrides_win():
    model = ElectionModel.from_preset("norway", seed=1, levelling_threshold=0.03, temperature=0.4)
    assert model.parameters["levelling_threshold"] == 0.03
    assert model.parameters["temperature"] == 0.4
    assert model.parameters["levelling_seats"] == 19
    with pytest.raises(InputError, match="district_magnitude has 19 numbers for n_constituencies = 5"):
        ElectionModel.from_preset("norway", n_constituencies=5)


def test_countries_are_known_by_their_names():
    for name, preset in PRESETS.items():
        for written in (name, preset.country, preset.country.upper(), f" {name.replace('_', '-')} "):
            assert read_preset(written) is preset
    assert [read_preset(name).country for name in ("USA", "uk", "The Netherlands")] == [
        "United States", "United Kingdom", "Netherlands",
    ]  # fmt: skip
    assert {*_OTHER_NAMES.values()} <= {*PRESETS}


@pytest.mark.parametrize("name", ["slovaki", "", None, ["norway"]])
def test_an_unknown_name(name):
    with pytest.raises(InputError, match=r"is unknown.*Known are australia, austria") as error:
        ElectionModel.from_preset(name)
    assert ("Did you mean 'slovakia'?" in str(error.value)) == (name == "slovaki")


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "--preset", "slovakia", "--voters", str(FEW["n_voters"]), "--seed", str(SEED)]
    assert main([*arguments, "--output", "result.json", "--quiet"]) == 0
    written = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert written["parameters"]["allocation_method"] == "hagenbach_bischoff"
    assert sum(written["seats"]) == 150
    assert main(["run", "--preset", "slovakai"]) == 2
    assert "preset = 'slovakai' is unknown. Did you mean 'slovakia'?" in capsys.readouterr().err


def test_a_sweep_over_a_preset(tmp_path, monkeypatch):
    """Swept values win over the file's fixed ones, and these over the preset's; in Python it is the same."""
    monkeypatch.chdir(tmp_path)
    sweep = {"parameters": {"threshold": [0.0, 0.05]}, "fixed_params": {"n_voters": 10_000}, "seed": 3}
    (tmp_path / "sweep.json").write_text(json.dumps(sweep | {"n_runs_per_config": 1}))
    arguments = ["batch", "--config", "sweep.json", "--preset", "slovakia", "--output", "out.csv", "--quiet"]
    assert main(arguments) == 0
    written = pl.read_csv("out.csv")
    assert written["threshold"].to_list() == [0.0, 0.05]
    assert {*written["n_voters"]} == {10_000}
    assert {*written["district_magnitude"]} == {150}

    own = PRESETS["slovakia"].parameters_beside(["threshold"])
    space = ParameterSweep({"threshold": [0.0, 0.05]}, fixed_params={**own, "n_voters": 10_000})
    rows = BatchRunner(ElectionModel, space, seed=3, verbose=False).run()
    assert rows["gallagher"].to_list() == written["gallagher"].to_list()
    assert rows["seed"].to_list() == written["seed"].to_list()


def test_list_presets(capsys):
    assert main(["list-presets"]) == 0
    table = capsys.readouterr().out
    assert table in (Path(__file__).parent.parent / "docs" / "presets.md").read_text("utf-8")
    header, *lines = table.splitlines()
    assert header.split() == ["name", "country", "house", "seats", "system", "year"]
    assert [line.split()[0] for line in lines] == [*PRESETS]
    assert main(["list-presets", "norway", "spain"]) == 0
    shown = capsys.readouterr().out
    for sentence in (*PRESETS["norway"].not_modelled, *PRESETS["spain"].sources):
        assert " ".join(sentence.split()) in " ".join(shown.split())
    assert "(" not in shown.partition("shares of the votes")[2].partition("Positions")[0]
    assert main(["list-presets", "canada"]) == 0
    assert "votes (and seats)\n  - Liberal 43.8 % (169), Conservative" in capsys.readouterr().out
    assert main(["list-presets", "atlantis"]) == 2
    assert "preset = 'atlantis' is unknown" in capsys.readouterr().err


GOOD = """
name = "utopia"
country = "Utopia"
house = "Senate"
year = 1916
seats = 7
seats_left_out = 1
sources = ["More, T. (1916), Utopia"]
not_modelled = ["The prince."]
positions = "Unknown."

[parameters]
electoral_system = "district_PR"

[districts]
East = 2
West = 4

[[parties]]
name = "A"
position_x = 0.5
vote_share = 60
seats_won = 4
single_seats_won = 0

[[parties]]
name = "B"
vote_share = 40.0
seats_won = 2
single_seats_won = 1
"""


def test_a_good_file():
    preset = parse_preset(GOOD, "utopia.toml")
    assert preset.parameters["district_magnitude"] == (2, 4)
    assert preset.parameters["n_constituencies"] == 2
    assert preset.parameters["parties"][0].position_x == 0.5
    assert preset.vote_shares == {"A": 60.0, "B": 40.0}
    assert preset.seats_won == {"A": 4, "B": 2}
    assert preset.single_seats_won == {"A": 0, "B": 1}
    assert [party.valence for party in preset.parameters["parties"]] == [50.0, 50.0]
    assert {*tomllib.loads(GOOD)} == {*FIELDS}


BAD = {
    "not TOML": ("seats = 7", "seats = ", "is not TOML"),
    "an unknown field": ('house = "', 'huose = "', "the field 'huose' is unknown. Did you mean 'house'?"),
    "a missing field": ("seats = 7\n", "", "the field 'seats' is missing"),
    "another name": ('name = "utopia"', 'name = "eutopia"', "name = 'eutopia' is not the file's"),
    "no sources": ('["More, T. (1916), Utopia"]', "[]", "sources = [] is not allowed"),
    "a source without a year": ("(1916), ", "", "'More, T. Utopia' names no year"),
    "nothing that is not modelled": ('["The prince."]', '[""]', "not_modelled = [''] is not allowed"),
    "an empty text": ('"Senate"', '" "', "house = ' ' is not allowed"),
    "a year that is none": ("year = 1916", 'year = "then"', "year = 'then' is not allowed"),
    "seats that don't add up": ("seats = 7", "seats = 8", "seats = 8 is not what the parameters come to: they fill 6"),
    "more left out than there are": ("seats_left_out = 1", "seats_left_out = 7", "seats_left_out = 7 is not allowed"),
    "an unknown parameter": ("electoral_system =", "electorl_system =", "Did you mean 'electoral_system'?"),
    "a bad parameter": ('"district_PR"', '"STVV"', "electoral_system = 'STVV' is unknown"),
    "parameters that contradict": ('"district_PR"', '"FPTP"', "district_magnitude = (2, 4) is not allowed with FPTP"),
    "parties among parameters": ("[districts]", "parties = []\n[districts]", "write [[parties]]"),
    "parameters that are none": (
        '[parameters]\nelectoral_system = "district_PR"', "parameters = 3", "parameters = 3 is not a table"
    ),
    "a magnitude beside districts": (
        "[districts]", "district_magnitude = 3\n[districts]", "district_magnitude follows from the districts"
    ),
    "a district without seats": ("East = 2", "East = 0", "districts: East = 0 is not allowed"),
    "a party without a share": ("vote_share = 40.0", "", "'B' has no vote_share"),
    "a share that is none": ("vote_share = 40.0", "vote_share = 0", "vote_share of 'B' = 0 is not allowed"),
    "shares above 100": ("vote_share = 60", "vote_share = 61", "the vote_shares sum to 101.0"),
    "seats of some parties alone": ("seats_won = 2", "", "'B' has no seats_won, as others have"),
    "more seats than the house has": ("seats_won = 2", "seats_won = 8", "seats_won of 'B' = 8 is not allowed"),
    "more seats than the house in all": ("seats_won = 4", "seats_won = 6", "the seats_won sum to 8; the house has 7"),
    "single seats of some parties alone": ("single_seats_won = 0", "", "'A' has no single_seats_won, as others have"),
    "more single seats than seats": ("single_seats_won = 1", "single_seats_won = 3", "single_seats_won of 'B' = 3"),
    "a bad position": ("position_x = 0.5", "position_x = nan", "position_x of party 'A' is nan"),
    "an unknown field of a party": ("position_x = 0.5", "position_z = 0.5", "unknown field 'position_z'"),
    "a party twice": ('name = "B"', 'name = "A"', "the name 'A' is given twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_sentence(case):
    old, new, sentence = BAD[case]
    assert GOOD.count(old) == 1
    with pytest.raises(InputError) as error:
        parse_preset(GOOD.replace(old, new), "utopia.toml")
    assert str(error.value).startswith("The preset utopia.toml ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_files_are_utf_8_and_each_is_a_preset():
    folder = files("esim_jax.presets").joinpath("data")
    for file in folder.iterdir():
        assert file.name.removesuffix(".toml") in PRESETS
        assert parse_preset(file.read_text("utf-8"), file.name) == PRESETS[file.name.removesuffix(".toml")]
