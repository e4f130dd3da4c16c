"""The common language: subjects, events, and the catalogue of signals. Imports nothing of ours."""
