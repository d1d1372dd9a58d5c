"""Stored JSON records: each says its kind and its schema version, and one that is newer than we are is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from resorb.errors import InputError

Record = TypeVar("Record", bound=BaseModel)

#: From a record of one version, as parsed from JSON, to one of the next.
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def parse_stored(
    model: type[Record],
    text: str,
    *,
    name: str,
    version: int,
    upgrades: Mapping[int, Upgrade] | None = None,
) -> Record:
    """Read a stored record.

    Args:
        model: what it shall become; its field `kind` has one possible value.
        text: the file's content.
        name: what the record is called in messages, e.g. "reading".
        version: the newest schema version that is known.
        upgrades: by the version that each starts from; taken one after another up to `version`.

    Raises:
        InputError: not JSON, of another kind, made by a newer resorb, or invalid.
    """
    try:
        record: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"this {name} is not valid JSON") from error
    if not isinstance(record, dict) or record.get("kind") != model.model_fields["kind"].default:
        raise InputError(f"this JSON file is not a resorb {name}")
    stored = record.get("schema_version")
    if isinstance(stored, int) and stored > version:
        raise InputError(
            f"this {name} has schema version {stored}, newer than this resorb knows ({version}): update resorb"
        )
    for older, upgrade in sorted((upgrades or {}).items()):
        if record.get("schema_version") == older:
            record = upgrade(record)
    try:
        return model.model_validate_json(json.dumps(record))
    except ValueError as error:
        raise InputError(f"this {name} is invalid: {str(error).splitlines()[0]}") from error
