"""A customer's storage, into which data is copied before he is told of it: a folder, or a bucket of S3 and its like."""
