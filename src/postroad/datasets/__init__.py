"""Where in the log the datasets are that the hub has announced to instances, and who may have them."""
