"""`dataenvgym ui`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import layout_here
from dataenvgym_spec.core.errors import UserError


@click.command("ui")
@click.option(
    "--port",
    default=5000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Where to listen.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
def command(port: int, host: str) -> int:
    """Bring MLflow up to date with all experiments and open it for a browser; Ctrl-C ends it.

    If MLFLOW_TRACKING_URI names a server, nothing is started: it says where to look.

    \b
    Example:
      dataenvgym ui --port 5001
    """
    from dataenvgym_spec.track import names_of, track
    from dataenvgym_spec.track.address import is_database, uri_of
    from dataenvgym_spec.track.serve import check_port, serve

    layout = layout_here()
    here = is_database(uri_of(layout))
    if here:
        check_port(host, port)
    done = track(layout, names_of(layout), say=_say)

    def show(place: str) -> None:
        lines = [f"  look at it: {place}/{page}" for page in done.pages]
        click.echo("\n".join(lines))

    if not here:
        show(done.uri.rstrip("/"))
        return 0
    click.echo("MLflow is starting, which takes some seconds; Ctrl-C ends it")
    address = f"http://{host}:{port}"
    artifacts = layout.root / "mlartifacts"
    code = serve(uri_of(layout), artifacts, host, port, ready=lambda: show(address))
    if code:
        help = "the reason is above; another port: dataenvgym ui --port 5001"
        raise UserError(f"MLflow's server ended with exit code {code}", help=help)
    return 0


def _say(text: str) -> None:
    click.echo(text, err=True)
