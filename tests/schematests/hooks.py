"""Rules of the API that a JSON Schema cannot say: requests that break them are mended.

Without this, a request that the description allows would be refused, or would wait for a minute.
What is mended is valid otherwise; what is not valid stays as it is, and has to be refused.
"""

import re
from typing import Any

import schemathesis

LONGEST_WAIT = 60_000
SHORT = 3
"""Ms."""
MAX_USES = 2
MAX_BURST_DEBT = 4 * 10**15
MAX_PER = 10**12
SORTS = ("overdue", "waiting")
_is_cursor = re.compile(r"[A-Za-z0-9_.:~-]{1,500}", re.ASCII).fullmatch
_is_beginning = re.compile(r"[A-Za-z0-9_.:@+~-]{0,100}", re.ASCII).fullmatch
_is_name = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.:@+~-]{1,100}", re.ASCII).fullmatch
_is_number = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch


def before_call(_context: object, case: Any, _kwargs: object) -> None:
    """Mend a request before it is sent."""
    query, body, headers = case.query, case.body, case.headers
    if isinstance(query, dict):
        mend_query(query)
    if headers and isinstance(headers.get("If-Match"), str):
        headers["If-Match"] = "*"
    if not isinstance(body, dict):
        return
    case.body = body = with_integers(body)
    mend_limits(body)
    items = body.get("jobs")
    for fields in items if isinstance(items, list) else [body]:
        if isinstance(fields, dict):
            mend_fields(fields, case.path)
    if isinstance(query, dict) and "states" in query:
        body.pop("purge_all", None)
    if "{queue_id}" not in case.path and re.match("/(redrive|discard)/", case.path):
        body.pop("jobs", None)


def mend_query(query: dict[str, Any]) -> None:
    """Ask for a short wait, and for the first page of a listing."""
    wait = query.get("wait")
    if _is_number(str(wait)) and SHORT < int(str(wait)) <= LONGEST_WAIT:
        query["wait"] = SHORT
    if isinstance(query.get("cursor"), str) and _is_cursor(query["cursor"]):
        del query["cursor"]
    if query.get("sort") in SORTS and _is_beginning(str(query.get("prefix", ""))):
        query.pop("prefix", None)


def mend_fields(fields: dict[str, Any], path: str) -> None:
    """Ask for a short wait, bring an interval, and create the shared limits that are used."""
    wait = fields.get("wait")
    if type(wait) is int and SHORT < wait <= LONGEST_WAIT:
        fields["wait"] = SHORT
    if path.startswith("/enqueue/"):
        fields.setdefault("interval", 0)
    for settings in (fields, fields.get("defaults")):
        if isinstance(settings, dict) and isinstance(settings.get("uses"), list):
            mend_uses(settings, creates=path.startswith("/enqueue/"))


def mend_uses(settings: dict[str, Any], *, creates: bool) -> None:
    """Let an enqueue create the shared limits that it uses; let settings use none."""
    uses = settings["uses"]
    if creates:
        settings["uses"] = [_creating(use) for use in _of_different_names(uses)]
    elif all(isinstance(use, str) and _is_name(use) for use in uses):
        is_valid = len(set(uses)) == len(uses) <= MAX_USES
        settings["uses"] = [] if is_valid else uses


def mend_limits(value: Any) -> None:
    """Let no limit have a burst that is too large for its period."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        mend_limits(each)
    if isinstance(value, dict):
        burst, per = value.get("burst"), value.get("per")
        if not isinstance(burst, int) or not isinstance(per, int):
            return
        if 0 < burst <= MAX_BURST_DEBT < burst * per and per <= MAX_PER:
            value["burst"] = 1


def _of_different_names(uses: list[Any]) -> list[Any]:
    """Leave out a second limit that differs from the first one in all but its name."""
    names = [use.get("name") if isinstance(use, dict) else use for use in uses]
    is_same = len(uses) == MAX_USES and names[0] == names[1] and uses[0] != uses[1]
    return uses[:1] if is_same else uses


def _creating(use: Any) -> Any:
    if isinstance(use, str):
        return {"name": use, "limits": []}
    if isinstance(use, dict) and use.get("limits") is None:
        return {**use, "limits": []}
    return use


def with_integers(value: Any) -> Any:
    """Return a body with 1 for 1.0, which is an integer to JSON Schema but not to the server."""
    if isinstance(value, dict):
        return {name: with_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


schemathesis.hook("before_call")(before_call)
