"""From a committed change to the backplane: event classes, channel rules, the outbox, its delivery."""
