"""The registry: organizations, providers, integrations, subjects, destinations, subscriptions, streams."""
