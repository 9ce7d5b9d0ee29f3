"""`opbx doctor`: what is wrong, and what to do."""

from dataclasses import asdict

import click

from opbx.operations.cli.output import as_json, console, document
from opbx.operations.doctor.examination import examine
from opbx.operations.doctor.finding import Level

_MARKS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.ERROR: "[red]✗[/]"}


@click.command("doctor")
@as_json
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Look at settings, servers and processes; say what is wrong and what to do.

    Exits with 1 where something does not work.
    """
    findings = []
    out = console()
    for finding in examine():
        findings.append(finding)
        if not as_json:
            out.print(f"{_MARKS[finding.level]} [bold]{finding.check}[/]  ", end="")
            out.print(finding.message, markup=False)
            if finding.remedy:
                out.print(f"    → {finding.remedy}", markup=False)
    if as_json:
        document([asdict(finding) for finding in findings])
    if any(finding.level is Level.ERROR for finding in findings):
        context.exit(1)
