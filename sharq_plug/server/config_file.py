"""The grammar of sharq.conf: sections of keys, comments, and one `%%` for each `%`."""

import configparser
from collections.abc import Mapping
from pathlib import Path

from sharq_plug.errors import ConfigError


def read_file(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return a file's sections: the text of each key. `%%` means `%`, as SharQ has it.

    A single `%` stands as it is. Raises ConfigError that names the file and the line.
    """
    parser = configparser.RawConfigParser(
        delimiters=(":", "="),
        comment_prefixes=(";", "#"),
        inline_comment_prefixes=(";",),
        empty_lines_in_values=False,
        default_section="",
    )
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except configparser.Error as error:
        raise ConfigError(f"{path}: {_fault(error)}") from error
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    for name, values in sections.items():
        for key, value in values.items():
            if "\n" in value:
                raise ConfigError(
                    f"{path}: [{name}] {key}: goes on in the next line, which must not be indented"
                )
            values[key] = value.replace("%%", "%")
    return sections


def _fault(error: configparser.Error) -> str:
    """Say what is wrong without the line itself, which may hold a password."""
    match error:
        case configparser.MissingSectionHeaderError(lineno=line):
            return f"line {line} stands before the first [section]"
        case configparser.ParsingError(errors=[(line, _), *_]):
            return f"line {line} is neither a [section], nor `key : value`, nor a comment"
        case configparser.DuplicateSectionError(lineno=line, section=section):
            return f"line {line} repeats the section [{section}]"
        case configparser.DuplicateOptionError(lineno=line, section=section, option=key):
            return f"line {line} repeats the key {key} of [{section}]"
        case _:
            return " ".join(error.message.split())
