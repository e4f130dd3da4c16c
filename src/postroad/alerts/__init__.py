"""What a person should look at: gathered while the hub runs, kept in the registry."""
