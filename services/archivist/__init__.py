"""The archivist: files dead letters into the database, so that nothing is ever only in a queue."""
