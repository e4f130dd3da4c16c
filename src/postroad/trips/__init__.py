"""Following the log and recording in it the trips that reports show."""
