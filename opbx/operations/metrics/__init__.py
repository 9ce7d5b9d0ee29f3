"""Metrics of the web side: what its requests meant, and what waits in the database, the broker and Redis."""
