/**
 * Every Debian package that Hypernetes needs beyond Node, with the reason that `npm start` shows before it installs one.
 * `command`: a program of the package; where it is found, however it came there, the package is not asked for.
 * `service`: what the package starts and enables on a machine with systemd, which Hypernetes has no use for: where it installs the package, that is ended and disabled.
 * @typedef {{ name: string, reason: string, command?: string, service?: string }} DebianPackage
 */

/** What a hypervisor host needs. @type {DebianPackage[]} */
export const hostPackages = [
  { name: 'qemu-system-x86', reason: 'runs each pod in a virtual machine of its own', command: 'qemu-system-x86_64' },
  { name: 'qemu-utils', reason: 'makes the files of volumes, and reads those that tenants send', command: 'qemu-img' },
  { name: 'skopeo', reason: 'pulls container images from registries', command: 'skopeo' },
  { name: 'squashfs-tools', reason: 'turns an image into one read-only disk', command: 'mksquashfs' },
  { name: 'mmdebstrap', reason: "fetches the guest's kernel and tools from Debian", command: 'mmdebstrap' },
  { name: 'debian-archive-keyring', reason: "verifies the guest's packages" },
  { name: 'nftables', reason: "separates the tenants' networks", command: 'nft' },
  { name: 'iproute2', reason: "makes the tenants' networks", command: 'ip' },
  { name: 'conntrack', reason: "ends connections to a service's endpoints that have gone, and those of an address whose pod has gone", command: 'conntrack' },
  { name: 'e2fsprogs', reason: 'makes the writable disks of pods', command: 'mkfs.ext4' },
  { name: 'bubblewrap', reason: 'jails the programs that read images, and resolvers', command: 'bwrap' },
  { name: 'dnsmasq-base', reason: "answers the questions for names in the tenants' networks", command: 'dnsmasq' },
  { name: 'haproxy', reason: "answers for the tenants' load balancers, a process each", command: 'haproxy', service: 'haproxy' },
  { name: 'busybox-static', reason: "is the guest's shell and the sample image" },
  { name: 'cpio', reason: "packs the guest's first file system", command: 'cpio' },
  { name: 'zstd', reason: 'unpacks image layers', command: 'zstd' },
]

/** What a host needs only where volumes are kept in Ceph: nothing installs it but `npm test`, for it brings 200 MB of libraries. @type {DebianPackage[]} */
export const cephPackages = [
  { name: 'ceph-common', reason: 'makes, claims and removes volumes in Ceph', command: 'rbd' },
  { name: 'qemu-block-extra', reason: 'lets QEMU open volumes in Ceph' },
]

/** What `npm test` needs beyond that. @type {DebianPackage[]} */
export const testPackages = [
  ...cephPackages,
  ...(process.env.CHROMIUM_PATH ? [] : [{ name: 'chromium-headless-shell', reason: 'is the browser of the journeys', command: 'chromium-headless-shell' }]),
  { name: 'docker-registry', reason: 'is the registry that tests pull from', command: 'docker-registry', service: 'docker-registry' },
  { name: 'umoci', reason: 'makes the images that tests pull', command: 'umoci' },
  { name: 'ceph-mon', reason: 'is the monitor of the cluster on which tests keep volumes', command: 'ceph-mon' },
  { name: 'ceph-osd', reason: 'keeps the data of that cluster, in memory', command: 'ceph-osd' },
  { name: 'ceph-mgr', reason: 'knows how full that cluster is', command: 'ceph-mgr' },
  { name: 'iputils-arping', reason: 'claims addresses that are not its own, in the tests of floating addresses', command: 'arping' },
  { name: 'socat', reason: "is both ends of the traffic that the network's tests send", command: 'socat' },
]

/** What `npm run bench` needs beyond that. @type {DebianPackage[]} */
export const benchPackages = [
  { name: 'fio', reason: 'measures disks of volumes, in a guest', command: 'fio' },
  { name: 'chromium', reason: 'is the whole browser, as people have it, in which a page of many pods is timed', command: 'chromium' },
]
