"""serve · doctor"""

from __future__ import annotations

import argparse
import ipaddress

from server.commands.session import Session, Subparsers, command


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "serve",
        "run the service: REST under /v1, documentation at /docs",
        epilog="  beltline serve\n  beltline --home /data/beltline serve --port 9000",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8000, help="0 takes a free one (8000)")
    parser.set_defaults(run=_serve)

    parser = command(
        commands,
        shared,
        "doctor",
        "say what this machine can do",
        description="Say what this machine can do: renderer, GPU, players (one frame is rendered), home, libraries.\n"
        "Exit code 0 when rendering and training can work.",
    )
    parser.set_defaults(run=_doctor)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port")
    return int(text)


def _serve(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("serve")
    from server.api.app import serve

    if not _is_loopback(arguments.host):
        session.say(
            f"listening on {arguments.host}: whoever reaches this address can use the service; it asks nobody in"
        )
    try:
        return serve(session.settings(allow_paths=False), arguments.host, arguments.port)
    except KeyboardInterrupt:
        return 0  # the ordinary way to end a service, which has by now ended in order


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _doctor(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("doctor")
    from server.doctor import examine

    found = examine(session.settings(), lambda name: session.say(f"looking at: {name}"))

    def text() -> str:
        lines = []
        for check in found.checks:
            lines.append(f"{check.status:<6}  {check.name}: {check.detail}")
            if check.hint:
                lines.append(f"        hint: {check.hint}")
        lines.append("")
        lines.append(
            "versions: " + ", ".join(f"{name} {number or 'missing'}" for name, number in found.versions.items())
        )
        for word, works in (
            ("rendering", found.can_render),
            ("training", found.can_train),
            ("storing", found.can_store),
        ):
            lines.append(f"{word} {'can work' if works else 'CAN NOT WORK: see what failed above'}")
        return "\n".join(lines)

    session.emit({"ready": found.ready, **found.model_dump(mode="json")}, text)
    return 0 if found.ready else 1
