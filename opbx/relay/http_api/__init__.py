"""The Pusher HTTP API: what back ends call to publish, and to ask who is there. Every call is signed.

Source: the protocol's section "HTTP API".
"""
