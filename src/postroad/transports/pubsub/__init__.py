"""Google Pub/Sub: publishing to a topic, pulling from a subscription, and taking what a subscription pushes.

Source   Google's Pub/Sub documentation: quotas and limits, message ordering, push authentication; ``google.pubsub.v1``.

Nothing of this package imports Google's SDK until something is opened: it is the extra ``gcp``.
"""
