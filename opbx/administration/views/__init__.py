"""One blueprint for each thing that is managed; all changes go through `opbx.identity`."""

from opbx.administration.views import audit, numbers, sender_keys, tokens, users

VIEWS = (users, tokens, sender_keys, numbers, audit)
