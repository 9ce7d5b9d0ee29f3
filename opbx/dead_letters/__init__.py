"""What was given up: events that can never be published, and webhooks out that nobody took. An owner decides."""
