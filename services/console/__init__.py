"""The operators' pages: queues, dead letters, replays, accounts, mails, audit."""
