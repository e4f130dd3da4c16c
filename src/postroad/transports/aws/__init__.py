"""Amazon SNS and SQS: publishing to a topic, sending to a queue, receiving from a queue, and what a topic pushes.

Source   Amazon's documentation of SNS and SQS: PublishBatch, SendMessageBatch, ReceiveMessage, quotas, FIFO topics and
         queues, message attributes, verifying the signatures of Amazon SNS messages.

Nothing of this package imports the SDK until something is opened: it is the extra ``aws``.
"""
