"""Change a keys file: add, rotate and retire keys. What people wrote into it stays as it is."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT

from sharq_plug.keys.checks import MAX_HASHES, BadKeys, read_keys
from sharq_plug.keys.keyring import Key
from sharq_plug.keys.tokens import digest, new_token

HEAD = "The keys of sharq-server. It is reread when it changes. See docs/keys.md."


def list_keys(path: Path) -> list[Key]:
    """Return the keys of a file in their order. Raises BadKeys."""
    return read_keys(_read(path))[0]


def add_key(
    path: Path,
    key_id: str,
    *,
    scopes: Sequence[str],
    types: Sequence[str] | None = None,
    queues: Sequence[str] | None = None,
    expires: datetime | None = None,
) -> str:
    """Add a key to a file, which is made if there is none; return the key's token.

    Raises BadKeys if the file or the new key is not as it must be; then nothing was changed.
    """
    token = new_token(key_id)
    fields: dict[str, object] = {
        "id": key_id,
        "hashes": [_hash(token)],
        "scopes": list(scopes),
    }
    chosen: dict[str, object] = {"types": types, "queues": queues, "expires": expires}
    fields |= {name: value for name, value in chosen.items() if value is not None}
    with _changing(path, creates=True) as document:
        if "session_secret" not in document:
            document["session_secret"] = secrets.token_urlsafe(32)
        table = tomlkit.table()
        table.update(fields)
        keys = document.get("key")
        if not isinstance(keys, AoT):  # an inline list, or none yet
            keys = tomlkit.aot() if keys is None else keys
            document["key"] = keys
        keys.append(table)
    return token


def rotate_key(path: Path, key_id: str) -> str:
    """Give a key a second token, and return it. The first one works until it is retired.

    Raises BadKeys.
    """
    token = new_token(key_id)
    with _changing(path) as document:
        hashes = _table(document, key_id)["hashes"]
        if len(hashes) == MAX_HASHES:
            raise BadKeys([f"key {key_id}: has two secrets already: retire the old one first"])
        hashes.append(_hash(token))
    return token


def retire_key(path: Path, key_id: str, *, only_old: bool = False) -> None:
    """Remove a key, or with `only_old` its older token, once it was rotated. Raises BadKeys."""
    with _changing(path) as document:
        table = _table(document, key_id)
        if not only_old:
            document["key"].remove(table)
            if not document["key"]:
                del document["key"]
        elif len(table["hashes"]) < MAX_HASHES:
            raise BadKeys([f"key {key_id}: has one secret only: rotate it first"])
        else:
            del table["hashes"][0]


@contextmanager
def _changing(path: Path, *, creates: bool = False) -> Iterator[MutableMapping[str, Any]]:
    """Hold a file's content to be changed; write it in one step unless it is bad afterwards."""
    path = path.resolve()  # a link stays one
    with _only_writer(path):
        is_new = creates and not path.exists()
        text = "" if is_new else _read(path)
        if not is_new:
            read_keys(text)
        document = tomlkit.parse(text)
        if is_new:
            document.add(tomlkit.comment(HEAD))
        yield document
        changed = tomlkit.dumps(document)
        read_keys(changed)
        _replace(path, changed)


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Wait until no other command changes files in the folder."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise BadKeys([f"{path}: cannot be written: {error.strerror}"]) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    except BadKeys as error:
        raise BadKeys([f"{path}: {error}"]) from None
    except OSError as error:
        raise BadKeys([f"{path}: cannot be written: {error.strerror}"]) from None
    finally:
        os.close(folder)


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, with mode 0600. Its owner stays."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            with suppress(FileNotFoundError):
                owner = path.stat()
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadKeys([f"cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise BadKeys(["is not UTF-8 text"]) from None


def _table(document: MutableMapping[str, Any], key_id: str) -> Any:
    for table in document.get("key", ()):
        if table["id"] == key_id:
            return table
    raise BadKeys([f"there is no key {key_id!r}"])


def _hash(token: str) -> str:
    return digest(token).hex()
