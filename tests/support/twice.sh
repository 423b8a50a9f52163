#!/bin/sh
# twice.sh COMMAND…: runs it, and when it fails, once more. For tests in Chromium only, which on a
# starved machine may lose a tab or a connection of its own; what is broken fails both times, and the
# first failure stays in the output.
"$@" && exit
echo "# failed: once more"
exec "$@"
