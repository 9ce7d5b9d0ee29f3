"""`python -m opbx …`: the same as `opbx …`, where the console script is not installed."""

from opbx.operations.cli import main

main()
