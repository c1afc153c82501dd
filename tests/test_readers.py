"""Readers of ballots: files as programs write them, round trips, and one sentence for each thing that is wrong."""

import csv
import itertools
import random
from fractions import Fraction

import pytest

from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError
from esim_jax.readers import read_profile

TOI = """\
# FILE NAME: 00099-00000001.toi
# TITLE: Town Council: Ward 5
# DESCRIPTION:
# DATA TYPE: toi
# NUMBER ALTERNATIVES: 4
# NUMBER VOTERS: 67
# NUMBER UNIQUE ORDERS: 4
# ALTERNATIVE NAME 1: Alexandra
# ALTERNATIVE NAME 2: Éric: "Rick", Jr.
# ALTERNATIVE NAME 3: Reuben
# ALTERNATIVE NAME 4: Write In
43: 3,2,1
20: 3
3: 1,{2,4},3
1: { 1, 2 , 3 }
"""

OLD_TOC = """\
3
1,Branden Robinson
2,"Hertzog, Raphael"
3,None Of The Above
10,10,2
7,2,1,3
3,1,{2,3}
"""

BLT = """\
# a club's committee
4 2            # candidates, seats
-2 -4
3 1 3 4 0
(b17) 2 2 4 1=3 0
1 2 - 3 0      # skipped the second place
5 0

2 4=2 1 0
0
"Adam \"\"the #1\"\" Ant"
"Basil"        # withdrew
"Charlotte"
"Donald"
"Committee #3"
"""

CVR = """\
ballot,Rank 2,Rank 1,Rank 3,Count
1,Bo,"Ann ""A"" Lee",,2
2,skipped,Bo, Cy ,1
3,overvote,Cy,Bo,4
4,Bo,Bo,Cy,1
5,,undervote,,3
6,Cy,OVERVOTE,,1
"""


def write(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def counts(profile):
    return {tuple("=".join(place) for place in ranking): count for ranking, count in profile}


# --- files as programs write them ------------------------------------------------------------------------------------


def test_preflib(tmp_path):
    profile = read_profile(write(tmp_path, "ward.toi", TOI))
    assert profile.candidates == ("Alexandra", 'Éric: "Rick", Jr.', "Reuben", "Write In")
    assert (profile.title, profile.n_seats, profile.n_ballots) == ("Town Council: Ward 5", None, 67)
    a, e, r, w = ((name,) for name in profile.candidates)
    assert dict(profile) == {(r, e, a): 43, (r,): 20, (a, (*e, *w), r): 3, ((*a, *e, *r),): 1}
    assert all(isinstance(count, Fraction) for _, count in profile)


def test_older_preflib(tmp_path):
    profile = read_profile(write(tmp_path, "leader.TOC", OLD_TOC))
    assert profile.candidates == ("Branden Robinson", "Hertzog, Raphael", "None Of The Above")
    assert counts(profile) == {
        ("Hertzog, Raphael", "Branden Robinson", "None Of The Above"): 7,
        ("Branden Robinson", "Hertzog, Raphael=None Of The Above"): 3,
    }


def test_blt(tmp_path):
    """Who withdrew leaves candidates and ballots, and the next one moves up; ballots that are then alike are added."""
    profile = read_profile(write(tmp_path, "committee.blt", BLT))
    adam = 'Adam "the #1" Ant'
    assert profile.candidates == (adam, "Charlotte")
    assert (profile.title, profile.n_seats, profile.n_ballots) == ("Committee #3", 2, 13)
    assert counts(profile) == {(adam, "Charlotte"): 3, (f"{adam}=Charlotte",): 2, ("Charlotte",): 1, (): 5, (adam,): 2}


def test_blt_of_a_council(tmp_path):
    """As Scottish councils publish it: parties in doubled quotes, a title without quotes and no newline after it."""
    text = '2 1\r\n289 2 0\r\n16 1 2 0\r\n0\r\n"Neil A ""Liberal"""\r\n"Amber D ""Green"""\r\nWard 6 - Elgin #2'
    profile = read_profile(write(tmp_path, "ward.blt", text))
    assert profile.candidates == ('Neil A "Liberal"', 'Amber D "Green"')
    assert profile.title == "Ward 6 - Elgin #2"
    assert counts(profile) == {('Amber D "Green"',): 289, ('Neil A "Liberal"', 'Amber D "Green"'): 16}


@pytest.mark.parametrize(("end", "title"), [("", ""), ('"T"\n"source"\n"comment"\n', "T"), ('""\n', "")])
def test_titles_of_blt(tmp_path, end, title):
    profile = read_profile(write(tmp_path, "a.blt", f'1 1\n3 1 0\n0\n"Ann"\n{end}'))
    assert (profile.candidates, profile.title) == (("Ann",), title)


def test_cvr(tmp_path):
    profile = read_profile(write(tmp_path, "cvr.csv", CVR))
    ann = 'Ann "A" Lee'
    assert profile.candidates == (ann, "Bo", "Cy")
    assert counts(profile) == {(ann, "Bo"): 2, ("Bo", "Cy"): 2, ("Cy",): 4, (): 4}


@pytest.mark.parametrize(
    "header",
    ["rank1,rank2", "Rank 1,Rank 2", "rank_1,RANK-2", "1st choice,2nd choice", "1st,2nd", "Choice 1,Choice 2",
     "Preference 1,preference2", " rank1 ,1,rank2"],
)  # fmt: skip
def test_names_of_columns(tmp_path, header):
    row = "Ann,x,Bo" if header.count(",") == 2 else "Ann,Bo"
    assert counts(read_profile(write(tmp_path, "cvr.csv", f"{header}\n{row}\n\n"))) == {("Ann", "Bo"): 1}


def test_a_column_alone(tmp_path):
    """A row with an empty cell is a ballot, a line without any is none."""
    assert counts(read_profile(write(tmp_path, "cvr.csv", 'rank1\nAnn\n""\n\n"Bo,\nJr."\n'))) == {
        ("Ann",): 1, (): 1, ("Bo,\nJr.",): 1,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [("a.toi", TOI), ("a.toc", OLD_TOC), ("a.blt", BLT), ("a.csv", CVR)])
def test_byte_order_marks_and_line_ends(tmp_path, name, text):
    profile = read_profile(write(tmp_path, name, text))
    assert read_profile(write(tmp_path, name, text, "utf-8-sig")) == profile
    assert read_profile(str(write(tmp_path, name, text.replace("\n", "\r\n")))) == profile


# --- round trips -----------------------------------------------------------------------------------------------------


def random_profile(seed, ties=True, complete=False, empty=True):
    rng = random.Random(seed)
    names = [f"Candidate {number}" for number in range(1, rng.randint(2, 9))]
    ballots = []
    for _ in range(rng.randint(1, 30)):
        order = rng.sample(names, len(names) if complete else rng.randint(0 if empty else 1, len(names)))
        cuts = [0, *(cut for cut in range(1, len(order)) if not ties or rng.random() < 0.7), len(order)]
        places = [tuple(order[a:b]) for a, b in itertools.pairwise(cuts) if a < b]
        ballots.append((tuple(places), rng.randint(1, 10**6)))
    return Profile.of(ballots, names, n_seats=rng.randint(1, 5), title="A title")


def numbered(profile):
    place = {name: str(number) for number, name in enumerate(profile.candidates, 1)}
    return [([[place[name] for name in tied] for tied in ranking], int(count)) for ranking, count in profile]


def as_preflib(profile):
    orders = [
        (",".join(tied[0] if len(tied) == 1 else "{" + ",".join(tied) + "}" for tied in ranking), count)
        for ranking, count in numbered(profile)
    ]
    head = [("TITLE", profile.title), ("NUMBER ALTERNATIVES", len(profile.candidates)),
            ("NUMBER VOTERS", profile.n_ballots), ("NUMBER UNIQUE ORDERS", len(orders)),
            *((f"ALTERNATIVE NAME {n}", name) for n, name in enumerate(profile.candidates, 1))]  # fmt: skip
    return "".join([*(f"# {key}: {value}\n" for key, value in head), *(f"{n}: {order}\n" for order, n in orders)])


def as_older_preflib(profile):
    """Without a title."""
    body = as_preflib(profile).replace(": ", ",").splitlines()
    names = [f"{number},{name}" for number, name in enumerate(profile.candidates, 1)]
    totals = f"{profile.n_ballots},{profile.n_ballots},{len(profile.ballots)}"
    ballots = [line for line in body if not line.startswith("#")]
    return "\n".join([str(len(names)), *names, totals, *ballots])


def as_blt(profile):
    ballots = [" ".join([str(count), *("=".join(tied) for tied in order), "0"]) for order, count in numbered(profile)]
    names = [f'"{name}"' for name in (*profile.candidates, profile.title)]
    return "\n".join([f"{len(profile.candidates)} {profile.n_seats}", *ballots, "0", *names])


def same_ballots(profile, other):
    return set(profile.candidates) >= set(other.candidates) and {
        tuple(map(frozenset, ranking)): count for ranking, count in profile
    } == {tuple(map(frozenset, ranking)): count for ranking, count in other}


@pytest.mark.parametrize("seed", range(20))
def test_round_trips(tmp_path, seed):
    for kind in ("soc", "soi", "toc", "toi"):
        profile = random_profile(seed, ties=kind[0] == "t", complete=kind[2] == "c", empty=False)
        again = read_profile(write(tmp_path, f"a.{kind}", as_preflib(profile)))
        assert (again.candidates, again.ballots, again.title) == (profile.candidates, profile.ballots, profile.title)
        older = read_profile(write(tmp_path, f"b.{kind}", as_older_preflib(profile)))
        assert (older.candidates, older.ballots) == (profile.candidates, profile.ballots)

    profile = random_profile(seed)
    assert read_profile(write(tmp_path, "a.blt", as_blt(profile))) == profile

    profile = random_profile(seed, ties=False)
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        ranks = len(profile.candidates)
        writer.writerow([*(f"rank{rank}" for rank in range(1, ranks + 1)), "count"])
        for ranking, count in profile:
            cells = [place[0] for place in ranking]
            writer.writerow([*cells, *[""] * (ranks - len(cells)), count])
    if any(ranking for ranking, _ in profile):
        assert same_ballots(profile, read_profile(tmp_path / "a.csv"))


# --- what is wrong ---------------------------------------------------------------------------------------------------

HEAD = "# NUMBER ALTERNATIVES: 3\n# ALTERNATIVE NAME 1: A\n# ALTERNATIVE NAME 2: B\n# ALTERNATIVE NAME 3: C\n"
OLD_HEAD = "3\n1,A\n2,B\n3,C\n5,5,2\n"

BAD = [
    # file, text, line, what is said
    ("a.soi", "", 1, "the number of candidates is ''; a whole number from 1 to 10,000 is allowed"),
    ("a.soi", "# TITLE: x\n3: 1\n", 2, "no line '# NUMBER ALTERNATIVES: ...' stands before the ballots"),
    ("a.soi", "# NUMBER ALTERNATIVES: 0\n", 1, "the number of candidates is '0'"),
    ("a.soi", "# NUMBER ALTERNATIVES: 99999\n", 1, "the number of candidates is '99999'"),
    ("a.soi", "# NUMBER ALTERNATIVES: ٣\n", 1, "the number of candidates is '٣'"),
    ("a.soi", "# NUMBER ALTERNATIVES: 2\n# ALTERNATIVE NAME 1: A\n1: 1\n", 3, "but there are those of [1]"),
    ("a.soi", HEAD + "# ALTERNATIVE NAME 3: D\n", 5, "'ALTERNATIVE NAME 3' is not allowed: candidates are numbered"),
    ("a.soi", HEAD + "# ALTERNATIVE NAME x: D\n", 5, "'ALTERNATIVE NAME x' is not allowed: candidates are numbered"),
    ("a.soi", HEAD + "# ALTERNATIVE NAME 4: A\n", 5, "the name 'A' is given to two candidates; names must differ"),
    ("a.soi", HEAD + "# ALTERNATIVE NAME 4:\n", 5, "the name of a candidate is empty"),
    ("a.soi", HEAD + "# NUMBER VOTERS: many\n", 5, "'many' is not allowed: it must be a whole number from 0"),
    ("a.soi", "# NUMBER VOTERS: 3\n" + HEAD + "2: 1\n", 1, "3 ballots are announced, but there are 2"),
    ("a.soi", "# NUMBER UNIQUE ORDERS: 3\n" + HEAD + "2: 1\n", 1, "3 orders are announced, but there are 1"),
    ("a.soi", HEAD + "3 1,2\n", 5, "ballot '3 1,2' must begin with its count, a whole number from 1 to 1,000,000,"),
    ("a.soi", HEAD + "0: 1,2\n", 5, "ballot '0: 1,2' must begin with its count"),
    ("a.soi", HEAD + "-3: 1,2\n", 5, "ballot '-3: 1,2' must begin with its count"),
    ("a.soi", HEAD + "1.5: 1,2\n", 5, "ballot '1.5: 1,2' must begin with its count"),
    ("a.soi", HEAD + f"{10**13}: 1,2\n", 5, "must begin with its count"),
    ("a.soi", HEAD + f"{'9' * 5000}: 1,2\n", 5, "must begin with its count"),
    ("a.soi", HEAD + "3:\n", 5, "order '' is not allowed: write numbers of candidates"),
    ("a.soi", HEAD + "3: 1,,2\n", 5, "order '1,,2' is not allowed: write numbers of candidates"),
    ("a.soi", HEAD + "3: 1 2\n", 5, "order '1 2' is not allowed: write numbers of candidates"),
    ("a.soi", HEAD + "3: 1,b\n", 5, "order '1,b' is not allowed: write numbers of candidates"),
    ("a.toi", HEAD + "3: {1,2\n", 5, "order '{1,2' is not allowed: write numbers of candidates"),
    ("a.toi", HEAD + "3: {1,{2,3}}\n", 5, "order '{1,{2,3}}' is not allowed: write numbers of candidates"),
    ("a.toi", HEAD + "3: {},1\n", 5, "order '{},1' is not allowed: write numbers of candidates"),
    ("a.soi", HEAD + "3: 1,4\n", 5, "order '1,4' is not allowed: candidates are numbered from 1 to 3"),
    ("a.soi", HEAD + "3: 0\n", 5, "order '0' is not allowed: candidates are numbered from 1 to 3"),
    ("a.soi", HEAD + f"3: {'9' * 5000}\n", 5, "is not allowed: write numbers of candidates"),
    ("a.toi", HEAD + "3: 1,{2,1}\n", 5, "order '1,{2,1}' is not allowed: each candidate may stand on it once"),
    ("a.soi", HEAD + "3: {1,2}\n", 5, "order '{1,2}' has a tie; ties are allowed in .toc and .toi, not in .soi"),
    ("a.soc", HEAD + "3: {1,2},3\n", 5, "order '{1,2},3' has a tie; ties are allowed in .toc and .toi, not in .soc"),
    ("a.soc", HEAD + "3: 1,2\n", 5, "order '1,2' leaves out 1 of the 3 candidates; that is allowed in .soi and .toi"),
    ("a.toc", HEAD + "3: {1,2}\n", 5, "order '{1,2}' leaves out 1 of the 3 candidates"),
    ("a.soi", HEAD + "3: 1\n\n# TITLE: late\n", 7, "ballot '# TITLE: late' must begin with its count"),
    ("a.soi", "x\n", 1, "the number of candidates is 'x'"),
    ("a.soi", "2\n1,A\n", 2, "the name of candidate 2 must stand here, as '2,name'"),
    ("a.soi", "2\n1,A\n3,B\n", 3, "'3,B' is not allowed: the name of candidate 2 must stand here"),
    ("a.soi", "2\n1,A\n2,A\n", 3, "the name 'A' is given to two candidates"),
    ("a.soi", "2\n1,A\n2,\n", 3, "the name of a candidate is empty"),
    ("a.soi", "1\n1,A\n5,1\n", 3, "'5,1' is not allowed: three numbers must stand here"),
    ("a.soi", "1\n1,A\n5,x,1\n", 3, "'x' is not allowed: it must be a whole number from 0"),
    ("a.soi", OLD_HEAD + "3,1\n", 5, "5 ballots are announced, but there are 3"),
    ("a.soi", OLD_HEAD + "5,1\n", 5, "2 orders are announced, but there are 1"),
    ("a.soi", OLD_HEAD + "5: 1\n", 6, "ballot '5: 1' must begin with its count"),
    ("a.blt", "", 1, "'' is not allowed: the numbers of candidates and of seats must stand here, as '4 2'"),
    ("a.blt", "4\n", 1, "'4' is not allowed: the numbers of candidates and of seats must stand here"),
    ("a.blt", "4 0\n", 1, "'4 0' is not allowed"),
    ("a.blt", "4 two\n", 1, "'4 two' is not allowed"),
    ("a.blt", "# c\n\n99999 1\n", 3, "each from 1 to 10,000"),
    ("a.blt", "2 1\n-3\n", 2, "'3' is no candidate: they are numbered from 1 to 2"),
    ("a.blt", "2 1\n-1 -2\n0\n", 3, "everybody withdrew; at least one candidate must stand"),
    ("a.blt", "2 1\n1 2 0\n-1\n", 3, "ballot '-1' is not allowed: a count, numbers of candidates and 0 must stand"),
    ("a.blt", "2 1\n1 2\n1 0\n", 2, "ballot '1 2' is not allowed: a count, numbers of candidates and 0 must stand"),
    ("a.blt", "2 1\n(7) 0 1 2 0\n", 2, "begins with '0'; its count must be a whole number from 1"),
    ("a.blt", "2 1\n-1 2 0\n", 2, "begins with '-1'; its count must be a whole number from 1"),
    ("a.blt", "2 1\n1.5 2 0\n", 2, "begins with '1.5'; its count must be a whole number from 1"),
    ("a.blt", "2 1\n1 3 0\n", 2, "'3' is no candidate: they are numbered from 1 to 2"),
    ("a.blt", "2 1\n1 1 0 2 0\n", 2, "'0' is no candidate"),
    ("a.blt", "2 1\n1 1= 0\n", 2, "'' is no candidate"),
    ("a.blt", "2 1\n1 b 0\n", 2, "'b' is no candidate"),
    ("a.blt", "2 1\n1 1 2 1 0\n", 2, "ballot '1 1 2 1 0' is not allowed: each candidate may stand on it once"),
    ("a.blt", "2 1\n1 1=1 0\n", 2, "ballot '1 1=1 0' is not allowed: each candidate may stand on it once"),
    ("a.blt", "2 1\n1 1 0\n", 2, "the file ends among the ballots; a line '0' must follow the last of them"),
    ("a.blt", "2 1\n", 1, "the file ends among the ballots"),
    ("a.blt", '2 1\n"A"\n', 2, "ballot '\"A\"' is not allowed"),
    ("a.blt", '2 1\n0\n"A"\n', 3, "the file ends after 1 names; 2 must follow the ballots"),
    ("a.blt", "2 1\n0\nAnn\n", 3, "'Ann' is not allowed: the name of candidate 1 must stand here, alone and in double"),
    ("a.blt", '2 1\n0\n"A" "B"\n', 3, "the name of candidate 1 must stand here, alone"),
    ("a.blt", '2 1\n0\n"A"\n"A"\n', 4, "the name 'A' is given to two candidates"),
    ("a.blt", '2 1\n0\n"A"\n" "\n', 4, "the name of a candidate is empty"),
    ("a.blt", '1 1\n0\n"A"\n"T"\n"s"\n"c"\n"more"\n', 5, "after the names of 1 candidates and the title the file must"),
    ("a.blt", '1 1\n0\n"A"\nT\n3 1 0\n', 5, "'3 1 0' is not allowed: after the names of 1 candidates and the title"),
    ("a.csv", "", 1, "the columns [] rank nobody; columns rank1, rank2, ... without a gap must be there"),
    ("a.csv", "name,votes\n", 1, "the columns ['name', 'votes'] rank nobody"),
    ("a.csv", "rank1;rank2\n", 1, "the columns ['rank1;rank2'] rank nobody"),
    ("a.csv", "rank1,rank3\n", 1, "the columns ['rank1', 'rank3'] rank [1, 3]; columns rank1, rank2, ... without"),
    ("a.csv", "rank0,rank1\n", 1, "rank [0, 1]"),
    ("a.csv", "rank1,1st\n", 1, "rank 1 has the two columns 'rank1' and '1st'; one is allowed"),
    ("a.csv", "rank1,count,Count\n", 1, "two columns are called 'count'; one is allowed"),
    ("a.csv", "rank1,rank2\nA,B\nA\n", 3, "the row has 1 cells; it must have 2, as many as the first row"),
    ("a.csv", "rank1,rank2\nA,B,C\n", 2, "the row has 3 cells; it must have 2"),
    ("a.csv", "rank1,count\nA,0\n", 2, "the count is '0'; a whole number from 1 to 1,000,000,000,000 is allowed"),
    ("a.csv", "rank1,count\nA,\n", 2, "the count is ''"),
    ("a.csv", "rank1,count\nA,2.5\n", 2, "the count is '2.5'"),
    ("a.csv", 'rank1,rank2\n"A,B\n', 2, "it is not CSV (unexpected end of data); separate cells by commas and close"),
    ("a.csv", 'rank1,rank2\n"A"x,B\n', 2, "it is not CSV"),
    ("a.csv", "rank1\n" + "".join(f"n{n}\n" for n in range(10_001)), 10_002, "more than 10,000 different names"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line", "sentence"), BAD)
def test_a_wrong_line_gets_one_sentence(tmp_path, name, text, line, sentence):
    path = write(tmp_path, name, text)
    with pytest.raises(InputError) as caught:
        read_profile(path)
    message = str(caught.value)
    assert message.startswith(f"{str(path)!r}, line {line}: ")
    assert sentence in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 600 + len(str(path))  # however long the line


def test_wrong_files(tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match=r"a\.txt' is not allowed: the name of a file of ballots ends with one of \.blt"
    ):
        read_profile(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"none\.soi' can't be read: No such file or directory\."):
        read_profile(tmp_path / "none.soi")
    (tmp_path / "folder.blt").mkdir()
    with pytest.raises(InputError, match=r"folder\.blt' can't be read: Is a directory\."):
        read_profile(tmp_path / "folder.blt")
    with pytest.raises(InputError, match=r"a\.csv' has no candidate: at least one ballot must rank somebody\."):
        read_profile(write(tmp_path, "a.csv", "rank1,rank2\nskipped,\n"))
    monkeypatch.setattr("esim_jax.readers._text.MAX_BYTES", 10)
    with pytest.raises(InputError, match=r"a\.csv' is too large: at most 10 bytes are allowed; split the file\."):
        read_profile(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "text", "line"), [("a.toi", TOI, 9), ("a.blt", BLT + '"é"', 16), ("a.csv", CVR + "é", 8)]
)
def test_latin_1_is_refused(tmp_path, name, text, line):
    path = write(tmp_path, name, text, "latin-1")
    with pytest.raises(InputError, match=rf"line {line}: it is not UTF-8; save the file as UTF-8 text\."):
        read_profile(path)


def test_a_large_file_is_read_fast_enough(tmp_path):
    """A linear time in the lines: 200,000 ballots in seconds."""
    lines = "".join(f"rank {n % 7},x{n % 11},y{n % 13}\n" for n in range(200_000))
    profile = read_profile(write(tmp_path, "a.csv", "rank1,rank2,rank3\n" + lines))
    assert profile.n_ballots == 200_000
    assert len(profile.ballots) == 7 * 11 * 13
