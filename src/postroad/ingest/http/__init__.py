"""HTTP entrances: requests in, answers out, no knowledge of logs or routing."""
