#!/bin/sh
# Prints the first Python that can build the environment: $PYTHON when given, else the usual names.
# A name on the PATH is not enough: it may be a shim for a version that is not there, or lack the venv module.
set -eu

usable='import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'

for python in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14 python}; do
    if "$python" -c "$usable" >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
done

if [ -n "${PYTHON:-}" ]; then
    found=$("$PYTHON" --version 2>&1) || found='not a program that runs'
    echo "make: PYTHON=$PYTHON cannot be used ($found)." >&2
else
    found=$(python3 --version 2>&1) || found='not there'
    echo "make: no usable Python was found on the PATH (python3: $found)." >&2
fi
echo 'make: Python 3.11 to 3.14 with its venv module is needed (on Debian: apt-get install python3 python3-venv).' >&2
echo 'make: name one that is elsewhere with PYTHON=/path/to/python3.' >&2
exit 1
