"""`dataenvgym join`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import layout_here


@click.command("join")
@click.option("--once", is_flag=True, help="End after one training.")
def command(once: bool) -> int:
    """Have this machine take part in trainings that another machine runs; Ctrl-C ends it.

    Both have the repository on a file system that they share. How many machines train together is
    said on the one that runs the experiment, by training.num_machines in hardware.yaml.

    \b
    Example:
      dataenvgym join
    """
    from dataenvgym_spec.execute.training.machines import help_out

    return help_out(layout_here(), once=once, say=click.echo)
