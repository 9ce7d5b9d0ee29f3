"""Tests of the whole product: real processes, real client libraries, a real browser."""
