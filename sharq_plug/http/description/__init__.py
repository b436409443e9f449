"""The description of the API, made of the table of routes and the structures of bodies."""

from sharq_plug.http.description.pages import ROWS

__all__ = ["ROWS"]
