"""What operators look at and do, as functions: the command line prints what they give, the hub's API sends it."""
