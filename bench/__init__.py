"""How fast the product is on this machine: `python -m bench [part …]`. It measures; it is no test."""
