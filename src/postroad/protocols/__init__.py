"""The push protocols, a folder each: wire structs, read, write, contract. They know nothing of each other."""
