"""Checks users' own files, and puts them where workers find them: into the folder of assets, named by their digests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contracts.errors import ConflictError
from contracts.generator import Generator
from contracts.ids import digest_of
from contracts.own_assets import OWN_FILES, own_file_name
from contracts.process import write_atomically
from registry.durable import storage_error


def check_own_vehicles(generator: Generator, own: Mapping[str, Path]) -> None:
    """Read every own vehicle whole, so that what is wrong with one is said before anything is queued.

    Args:
        generator: As loaded.
        own: Where each own file lies, by digest; what is not there was read when it was kept.

    Raises:
        ConfigurationError: A file can't be understood, or has a part without a label.
    """
    vehicles = {} if generator.assets is None else generator.assets.vehicles
    for name, vehicle in vehicles.items():
        if vehicle.digest in own:
            from unity_bridge.vehicle_files import read_vehicle  # heavy, and few generators have own vehicles

            path = own[vehicle.digest]
            read_vehicle(path.read_bytes(), vehicle, f"assets.vehicles.{name}: {path.name}")


def keep_own_files(own: Mapping[str, Path], assets: Path) -> None:
    """Copy own files that are not there yet.

    Args:
        own: Where each lies, by digest.
        assets: The home's folder of assets.

    Raises:
        ConflictError: A file has changed since its digest was taken.
        StorageError: The folder takes no more files.
    """
    for digest, source in own.items():
        path = assets / OWN_FILES / own_file_name(digest)
        try:
            if path.is_file() and path.stat().st_size == source.stat().st_size:
                continue
            data = source.read_bytes()
            if digest_of(data) != digest:
                raise ConflictError(f"{source} has changed while it was read", hint="try again", retryable=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError as error:
            raise storage_error(error, f"keep {source} in {path.parent}") from error
