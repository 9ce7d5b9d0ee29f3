"""Who is who: organizations, their users, tokens, sender keys, numbers; login."""
