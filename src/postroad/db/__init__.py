"""SQL databases: engines, tables and migrations. Every SQL table of the hub outside the log is declared here."""
