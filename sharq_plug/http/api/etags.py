"""Entity tags: RFC 9110, sections 8.8.3 and 13.1.1."""

import re

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.request import IF_MATCH, IF_NONE_MATCH, Request

_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_is_list = re.compile(rf"[, \t]*{_TAG}(?:[ \t]*,[, \t]*{_TAG})*[, \t]*").fullmatch
_tags = re.compile(r'(W/)?"([^"]*)"').findall


def etag(tag: str) -> str:
    """Return a tag as the header `ETag` has it."""
    return f'"{tag}"'


def if_match(request: Request) -> tuple[str, ...] | None:
    """Return the tags in `If-Match`, one of which must be the present one; None if any will do.

    A weak tag never is. Raises InvalidRequest.
    """
    value = request.known.get(IF_MATCH, "*")
    if value == "*":
        return None
    if _is_list(value) is None:
        raise InvalidRequest('`If-Match` must be * or a list of tags in quotes, as in "tag".')
    return tuple(tag for weak, tag in _tags(value) if not weak)


def is_known(request: Request, tag: str) -> bool:
    """Return whether `If-None-Match` says that the client has what has this tag."""
    value = request.known.get(IF_NONE_MATCH, "")
    return value == "*" or any(known == tag for _, known in _tags(value))
