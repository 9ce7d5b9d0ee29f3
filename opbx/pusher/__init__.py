"""The Pusher Channels protocol, version 7, without I/O. See README.md."""
