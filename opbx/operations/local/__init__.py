"""The local run: everything on this machine, from an empty folder to live calls, until Ctrl-C."""
