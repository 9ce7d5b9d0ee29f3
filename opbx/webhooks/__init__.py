"""Webhooks out: telling an app's own servers what happened on its channels.

Relays queue events (`opbx/backplane/hooks.py`); here they are held, batched and sent, by tasks of the workers.
"""
