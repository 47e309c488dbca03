/** What goes from Debian's packages into the guest. Library and module lists are closed: a missing file fails the build. */

export const suite = 'trixie'

export const packages = ['busybox-static', 'coreutils', 'crun', 'quickjs', 'bsdutils', 'e2fsprogs', 'e2fsck-static', 'xfsprogs', 'linux-image-cloud-amd64'] as const

/** Programs and libraries: path in the package root → path in the guest. */
export const files: Readonly<Record<string, string>> = {
  'usr/bin/busybox': 'bin/busybox',
  'usr/bin/crun': 'bin/crun',
  'usr/bin/qjs': 'bin/qjs',
  'usr/bin/script': 'bin/script',
  // Busybox' own says of syncfs(2) that it went well whatever it answers (coreutils/sync.c), and nothing else tells that files' bytes were lost. By its whole path, too.
  'usr/bin/sync': 'sbin/sync',
  'usr/lib64/ld-linux-x86-64.so.2': 'lib64/ld-linux-x86-64.so.2',
  'usr/lib/x86_64-linux-gnu/libc.so.6': 'lib/x86_64-linux-gnu/libc.so.6',
  'usr/lib/x86_64-linux-gnu/libm.so.6': 'lib/x86_64-linux-gnu/libm.so.6',
  'usr/lib/x86_64-linux-gnu/libcap.so.2': 'lib/x86_64-linux-gnu/libcap.so.2',
  'usr/lib/x86_64-linux-gnu/libseccomp.so.2': 'lib/x86_64-linux-gnu/libseccomp.so.2',
  'usr/lib/x86_64-linux-gnu/libsystemd.so.0': 'lib/x86_64-linux-gnu/libsystemd.so.0',
  'usr/lib/x86_64-linux-gnu/libyajl.so.2': 'lib/x86_64-linux-gnu/libyajl.so.2',
  // What makes, checks and grows the file systems of volumes. By their whole paths: busybox' shell takes an applet of its own for `mke2fs`, which knows no ext4.
  'usr/sbin/mke2fs': 'sbin/mke2fs',
  // It runs with each attach. Without libraries to link, and at the same addresses each time, it is a sixth of the work where a processor is emulated (docs/adr/0053).
  'usr/sbin/e2fsck.static': 'sbin/e2fsck',
  'usr/sbin/resize2fs': 'sbin/resize2fs',
  'usr/lib/x86_64-linux-gnu/libext2fs.so.2': 'lib/x86_64-linux-gnu/libext2fs.so.2',
  'usr/lib/x86_64-linux-gnu/libe2p.so.2': 'lib/x86_64-linux-gnu/libe2p.so.2',
  'usr/lib/x86_64-linux-gnu/libcom_err.so.2': 'lib/x86_64-linux-gnu/libcom_err.so.2',
  'usr/lib/x86_64-linux-gnu/libblkid.so.1': 'lib/x86_64-linux-gnu/libblkid.so.1',
  'usr/lib/x86_64-linux-gnu/libuuid.so.1': 'lib/x86_64-linux-gnu/libuuid.so.1',
  'usr/sbin/mkfs.xfs': 'sbin/mkfs.xfs',
  'usr/sbin/xfs_growfs': 'sbin/xfs_growfs',
  'usr/lib/x86_64-linux-gnu/libinih.so.1': 'lib/x86_64-linux-gnu/libinih.so.1',
  'usr/lib/x86_64-linux-gnu/liburcu.so.8': 'lib/x86_64-linux-gnu/liburcu.so.8',
}

/** Kernel modules below kernel/, in the order in which init inserts them. */
export const modules = [
  'drivers/char/hw_random/virtio-rng',
  'drivers/block/virtio_blk',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  'fs/squashfs/squashfs',
  'fs/overlayfs/overlay',
] as const

/** Modules that few pods need (volumes/modules.ts): packed as Debian packs them, for they are several MiB, and inserted when a volume asks for them. */
export const laterModules = [
  'lib/libcrc32c',
  'fs/xfs/xfs',
  'drivers/scsi/scsi_common',
  'drivers/scsi/scsi_mod',
  'drivers/scsi/sd_mod',
  'drivers/scsi/virtio_scsi',
] as const

/** Busybox applets that are called by name. Its shell runs all of them without one. */
export const applets = ['sh', 'mount', 'umount', 'stty', 'ip', 'poweroff', 'nc', 'cat', 'ls', 'ps', 'dmesg', 'timeout', 'du'] as const

export const directories = ['bin', 'dev', 'etc', 'lib', 'lib/modules', 'lib/modules/later', 'lib/x86_64-linux-gnu', 'lib64', 'libexec', 'libexec/box', 'libexec/packed', 'libexec/packed/dev', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp'] as const
