"""The exact pass: histories of which every call is known, one after the other."""
