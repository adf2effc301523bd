"""Start of the embedded player: arguments, log, renderer, connection."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

import grpc

from contracts.errors import BeltlineError, ConfigurationError
from unity_bridge.embedded.connection import PlayerConnection
from unity_bridge.embedded.parent_watch import exit_with_parent
from unity_bridge.embedded.requests import FrameRenderer
from unity_bridge.embedded.variant import LIBRARY_VARIABLE, VARIANTS, choose_variant

CONNECTION_LOST_EXIT_CODE = 4
FAILED_EXIT_CODE = 1
BAD_ARGUMENTS_EXIT_CODE = 2
_log = logging.getLogger(__name__)


def arguments(values: Sequence[str]) -> argparse.Namespace:
    """What a player is started with. Like a Unity build it accepts what it does not know."""
    parser = argparse.ArgumentParser(
        prog="player", description="Renders frame specs that come over ML-Agents.", allow_abbrev=False
    )
    parser.add_argument("--mlagents-port", type=int, required=True, help="port on which UnityEnvironment listens")
    parser.add_argument("-logFile", dest="log_file", default="", help="where to log; '-' is standard output")
    parser.add_argument("-nographics", action="store_true", help="accepted and without meaning: there is no window")
    parser.add_argument("-batchmode", action="store_true", help="accepted and without meaning")
    parser.add_argument("--variant", choices=["auto", *VARIANTS], default="auto", help="of Mitsuba")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0 uses all")
    known, unknown = parser.parse_known_args(values)
    if known.threads < 0:
        raise ConfigurationError(f"--threads {known.threads} is negative", hint="0 uses all processors")
    known.unknown = unknown
    return known


def start_log(path: str) -> None:
    """Log to a file as Unity does with `-logFile`; without one, to standard error."""
    stream = sys.stdout if path == "-" else sys.stderr
    handler: logging.Handler = logging.FileHandler(path) if path not in ("", "-") else logging.StreamHandler(stream)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=[handler]
    )


def make_renderer(variant: str, threads: int) -> FrameRenderer:
    """The Mitsuba renderer. Raises CapabilityMissingError where the variant does not run here."""
    report = choose_variant(variant)
    if report.library is not None:
        os.environ[LIBRARY_VARIABLE] = report.library  # read by Dr.Jit when it is first imported
    from unity_bridge.embedded.renderer import MitsubaRenderer

    return MitsubaRenderer(report, threads)


def serve(renderer: FrameRenderer, port: int, log_file: str = "") -> int:
    """Serve one UnityEnvironment to its end. Returns the exit code: 0 when told to quit, 4 when it is gone."""
    try:
        PlayerConnection(port, renderer.identity.name, log_file).run(renderer)
    except grpc.RpcError as error:
        _log.error("the connection is lost: %s", error)
        return CONNECTION_LOST_EXIT_CODE
    return 0


def main(values: Sequence[str] | None = None) -> int:
    """Run the player; returns its exit code."""
    exit_with_parent()
    try:
        chosen = arguments(sys.argv[1:] if values is None else values)
        start_log(chosen.log_file)
        _log.info("process %d, arguments without meaning here: %s", os.getpid(), chosen.unknown)
        renderer = make_renderer(chosen.variant, chosen.threads)
        _log.info("%s %s: %s", renderer.identity.name, renderer.identity.version, renderer.device)
        return serve(renderer, chosen.mlagents_port, chosen.log_file)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return BAD_ARGUMENTS_EXIT_CODE
    except BeltlineError as error:
        _log.error("%s: %s", error.code, error)
        print(error, file=sys.stderr)
        return FAILED_EXIT_CODE
