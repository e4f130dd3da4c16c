"""The wire structs: notifications, and the datasets that they announce.

What is published in samples, texts and clients is typed; anything else is kept beside it (``said``). Of a dataset
nothing but its frame is required: every field may be absent or null.
"""
