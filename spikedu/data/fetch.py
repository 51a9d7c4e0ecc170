"""Downloads that go on where they stopped, with the standard library alone."""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tqdm.auto import tqdm

SILENCE = 30.0  # seconds without a byte after which a server is given up
CHUNK = 1 << 16


class _Failed(Exception):
    """The fault of the network, in words; errors of the disk go through as they are."""


def fetch(addresses: list[str], target: Path, check: Callable[[Path], object]) -> None:
    """Downloads the first of `addresses` that can be had, to `target`.

    `target` is there only once `check` has raised no `ValueError`. What came of an
    interrupted download stays beside it, in a .part file, and the next call goes on
    there. Raises `ConnectionError` with what became of each address.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    told = []
    for n, address in enumerate(addresses):
        part = target.with_name(f"{target.name}.{n}.part")  # mirrors may pack unlike
        try:
            while not _went_on(address, part):
                pass
            check(part)
        except _Failed as failed:
            told.append(f"{address}: {failed}")
        except ValueError:
            size = part.stat().st_size
            part.unlink()
            told.append(f"{address}: another file or a damaged one, {size:,} bytes")
        else:
            part.replace(target)
            for other in target.parent.glob(f"{target.name}.*.part"):
                other.unlink()
            return
    raise ConnectionError(
        f"{target.name} could not be downloaded ({'; '.join(told)}). What came of it is"
        " kept: the same call goes on from there, and a copy got in another way can be"
        f" put at {target}"
    )


def _went_on(address: str, part: Path) -> bool:
    """Asks once for what is missing; True when all of it is there."""
    before = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if before:
        headers["Range"] = f"bytes={before}-"
    request = urllib.request.Request(address, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=SILENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and before:  # nothing follows what is there
            return True
        raise _Failed(f"{error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise _Failed(str(getattr(error, "reason", error))) from None
    with response:
        begin, total = _extent(response)
        free = shutil.disk_usage(part.parent).free
        if total is not None and free < total - begin:
            raise OSError(f"{part.parent}: {free:,} bytes free, {total:,} wanted")
        problem = _write(response, part, begin, total)
    size = part.stat().st_size
    if size == total or (total is None and not problem):
        return True
    if size <= before:
        of = "" if total is None else f" of {total:,}"
        raise _Failed(f"stopped after {size:,}{of} bytes {problem}".rstrip())
    return False


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """The first byte that is sent, and how many the whole has, where that is told."""
    ranged = re.match(
        r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "")
    )
    if response.status == 206 and ranged:
        return int(ranged[1]), int(ranged[2])
    length = response.headers.get("Content-Length")  # from the start, asked or not
    return 0, int(length) if length else None


def _write(response: HTTPResponse, part: Path, begin: int, total: int | None) -> str:
    """Puts what comes into `part`; what broke it off, in words, or nothing."""
    name = part.name.removesuffix(".part").rpartition(".")[0]
    bar = tqdm(desc=name, total=total, initial=begin, unit="B", unit_scale=True)
    with bar, part.open("r+b" if part.exists() else "wb") as file:
        file.truncate(begin)
        file.seek(begin)
        while True:
            try:
                chunk = response.read(CHUNK)
            except (OSError, HTTPException) as error:
                return f"({error})"
            if not chunk:
                return ""
            file.write(chunk)
            bar.update(len(chunk))
