"""Runs a measurement in a process of its own."""

import multiprocessing
from functools import partial
from multiprocessing.connection import Connection

import click


def in_its_own_process(work: "partial[str]") -> None:
    """Run where nothing else has taken memory before, and print what came of it."""
    received, sent = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_tell, args=(sent, work))
    process.start()
    sent.close()
    try:
        click.echo(received.recv())
    except EOFError:
        raise click.ClickException("the measurement failed; see above") from None
    finally:
        process.join()


def _tell(sent: Connection, work: "partial[str]") -> None:
    sent.send(work())
