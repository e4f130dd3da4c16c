"""The durable log: batches of items in shards, and the delivery state that moves with them."""
