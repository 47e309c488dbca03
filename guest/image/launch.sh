#!/bin/sh
# launch LOG OPTIONS ROOT COMMAND…: mounts a container's root from an overlay, then becomes the command, in one process.
mount -t overlay -o "$2" overlay "$3" 2>"$1" || exit 101
shift 3
exec "$@"
