"""Names that parameters choose among, and bounds that several parts of the model know."""

ENGINES = ("voters", "multinomial", "limit")
"""How the votes of an election can come about; see docs/engines.md."""


ONE_WINNER = (
    "two_round", "supplementary_vote", "IRV", "Coombs", "Bucklin", "Borda", "approval",
    "Copeland", "minimax", "Schulze", "ranked_pairs", "Black", "score", "STAR",
)  # fmt: skip
"""Systems that fill one seat in each constituency, on ballots that rank, approve of or score the parties."""

SCORED = ("score", "STAR")
"""Of them, those that count scores."""

SEVERAL_WINNERS = ("STV", "STV_Meek", "SNTV", "block_vote", "limited_vote")
"""Systems on ranked ballots that fill a constituency's seats, at most one a candidate."""

MOST_RANKED = 15
"""Candidates that a ballot which says more than one name has room for; each party has one, or several."""

COUNTING = (
    "electoral_system", "allocation_method", "threshold", "district_threshold", "threshold_base", "levelling_seats",
    "levelling_threshold", "list_seats", "overhang", "waiver_seats", "bonus_seats",
)  # fmt: skip
"""Parameters that no voter sees: they bear on nothing until the ballots are counted."""

MOST_TYPED = 6
"""Options on a ranked ballot, none of the above among them, that engines draw which draw no voters."""

ORDERED_CULTURES = ("mallows", "single_peaked", "single_peaked_conitzer")
"""Cultures that draw an order of at most MOST_RANKED options."""

MOST_ANONYMOUS = 6
"""Options that the impartial anonymous culture has room for: 720 rankings."""

VOTER_MODELS = (
    "demographic", "spatial_normal", "spatial_uniform", "spatial_clusters", "impartial_culture",
    "impartial_anonymous_culture", "plackett_luce", *ORDERED_CULTURES, "frame",
)  # fmt: skip
"""Who the voters are; see docs/voters.md."""

CULTURES = ("impartial_culture", "impartial_anonymous_culture", "plackett_luce", *ORDERED_CULTURES)
"""Voter models whose utilities are drawn themselves, so that no behaviour makes them."""

BEHAVIOURS = ("proximity", "weighted_proximity", "directional")
"""What makes utilities; see docs/voters.md."""

MAX_DIMENSIONS = 10

ELECTORAL_SYSTEMS = (
    "FPTP", "PR", "district_PR", "party_block", "electoral_college", "MMP", "parallel", "majority_bonus", *ONE_WINNER,
    *SEVERAL_WINNERS,
)  # fmt: skip
"""How votes decide who sits in the assembly; see docs/model.md."""

MAX_SEATS = 1_000_000
"""Of an assembly: with as many, sums of seats times votes fit in 63 bits."""

ALLOCATION_METHODS = (
    "dhondt",
    "sainte_lague",
    "modified_sainte_lague",
    "modified_sainte_lague_1_2",
    "danish",
    "imperiali",
    "adams",
    "huntington_hill",
    "hare",
    "droop",
    "hagenbach_bischoff",
    "imperiali_quota",
)
"""How votes are turned into the seats of parties; see docs/model.md."""
