"""Upstream: our side of providers' own control planes, a folder for each protocol whose providers have one."""
