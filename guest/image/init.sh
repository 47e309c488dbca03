#!/bin/sh
# PID 1 of every pod's VM: prepares what the agent needs, then becomes the agent.
if [ "$1" != second ]; then
  # pivot_root(2) refuses to leave the initramfs; a bind mount of it, moved onto /, can be left.
  mount --bind / /root
  cd /root
  mount --move . /
  exec chroot . /init second
fi
cd /
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o nosuid,noexec,mode=0620,gid=5,ptmxmode=0666 devpts /dev/pts
mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue
mount -t tmpfs -o nosuid,nodev,mode=1777,size=64m shm /dev/shm
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mount -t tmpfs -o nosuid,nodev,mode=0755,size=16m run /run
mount -t tmpfs -o nosuid,nodev,mode=1777,size=16m tmp /tmp
# Before each run crun copies itself out of a container's reach, three executions in all, unless it lies on a
# read-only mount and is told so (libcrun, cloned_binary.c).
mount --bind /bin/crun /bin/crun
mount -o remount,bind,ro /bin/crun
export _LIBCONTAINER_CLONED_BINARY=1
# The guest's own programs, and nodes of disks, alone in a folder that can be shown to a container, which cannot write to them.
ln /bin/busybox /libexec/packed/busybox
mount --bind /libexec/packed /libexec/box
mount -o remount,bind,ro /libexec/box
for module in /lib/modules/*.ko; do insmod "$module"; done
echo '+cpu +memory +pids +io' >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/pod /run/images /run/scratch /run/pod /run/containers /run/mounts /run/volumes
echo '+cpu +memory +pids +io' >/sys/fs/cgroup/pod/cgroup.subtree_control
ip link set lo up
# Everybody may ping, as in Docker's containers: an unprivileged ICMP socket, no raw one.
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
echo -1000 >/proc/self/oom_score_adj
export PATH=/bin HOME=/
# The agent says with which mode it makes a file or a folder; containers get a mask of their own.
umask 0
# A refused request is a rejected promise before anybody looks at it; that must not end PID 1.
exec /bin/qjs --no-unhandled-rejection -m /libexec/agent.js
