"""The person's pages: activation, recovery and the log-in."""
