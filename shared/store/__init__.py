"""PostgreSQL: engine, tables, inboxes and migrations."""
