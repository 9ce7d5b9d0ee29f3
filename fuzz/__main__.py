"""`python -m fuzz [target …] [--seconds N]`: let atheris look for inputs that break the targets, one after the other.

What it finds is kept in `var/fuzz`, and shown.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from opbx.settings import VAR

CORPUS = Path(__file__).parent / "corpus"


def main() -> int:
    """Fuzz the targets that are named, or all; the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help="frames, messages, requests")
    parser.add_argument("--seconds", type=int, default=30, help="for each target (30)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _fuzz(options.targets[0], options.seconds)
    failed = [name for name in options.targets or _names() if not _run(name, options.seconds)]
    print(f"found something in: {', '.join(failed)}" if failed else "nothing found")
    return 1 if failed else 0


def _names() -> list[str]:
    return sorted(folder.name for folder in CORPUS.iterdir())


def _run(name: str, seconds: int) -> bool:
    """Whether nothing was found. In a process of its own: libFuzzer ends the one that it runs in."""
    print(f"\n{name}: {seconds} s", flush=True)
    command = [sys.executable, "-m", "fuzz", "--one", name, "--seconds", str(seconds)]
    return subprocess.run(command, check=False).returncode == 0


def _fuzz(name: str, seconds: int) -> None:
    """Does not return."""
    import atheris  # noqa: PLC0415 - installed by `make fuzz` alone

    with atheris.instrument_imports(include=["opbx", "wsproto"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415

    grown = VAR / "fuzz" / name
    grown.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0"]
    atheris.Setup(
        [name, *options, "-print_final_stats=1", f"-artifact_prefix={grown}-", str(grown), str(CORPUS / name)],
        TARGETS[name],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
