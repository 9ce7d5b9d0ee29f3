"""The protocol's rows, against real relay processes, with the client libraries that people use as judges."""
