"""The voters: electorate -> utility -> ballots, one stage a file, named for what it returns."""
