"""`python -m opbx.operations.local`: what `make run` runs."""

import signal
import sys

# Until there is something to stop, a Ctrl-C just ends this process: Python's own answer would be a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from opbx.operations.local.run import main  # noqa: E402 - the signal comes first

sys.exit(main())
