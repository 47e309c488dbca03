#!/bin/sh
# launch LOG OPTIONS ROOT [PLACE MOUNTPOINT]… -- COMMAND…: mounts a container's root from an overlay and open places of
# volumes where the runtime finds them, then becomes the command, in one process.
log=$1
mount -t overlay -o "$2" overlay "$3" 2>"$log" || exit 101
shift 3
while [ "$1" != -- ]; do
  mount --bind "$1" "$2" 2>"$log" || exit 101
  shift 2
done
shift
exec "$@"
