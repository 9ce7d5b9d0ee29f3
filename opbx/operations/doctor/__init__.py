"""The doctor: looks at settings, servers and processes, and says what is wrong and what to do about it."""
