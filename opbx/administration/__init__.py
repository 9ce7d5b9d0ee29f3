"""What owners and administrators manage over HTTP: people, tokens, sender keys, numbers, and the audit log."""
