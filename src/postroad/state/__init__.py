"""State: each subject's last known values, each with its own time."""
