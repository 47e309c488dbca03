import type { SetupParams } from '@/contracts/guest/v1/messages'
import { GuestError } from '@/guest/errors'
import { listFolder, makeFolder, readText, writeFile } from '@/guest/files'
import { runScript } from '@/guest/processes'
import { decodeBase64 } from '@/guest/text'

export const podFolder = '/run/pod'
export const scratchFolder = '/run/scratch'
export const volumesFolder = '/run/volumes'

/** Exit codes by which the one script of setup tells what failed. */
const networkFailed = 11
const scratchFailed = 12

/** One shell for all of it: a process costs more than the commands, which run inside the shell. */
const setupScript = `
date -u -s "@$1" >/dev/null
if [ -n "$2" ]; then
  ip link set dev eth0 address "$2" mtu "$3" up && ip addr add "$4" dev eth0 || exit ${networkFailed}
  if [ -n "$5" ]; then ip route replace default via "$5" dev eth0 onlink || exit ${networkFailed}; fi
fi
if [ -n "$6" ]; then
  mount -t ext4 -o noatime,nosuid,nodev "$6" ${scratchFolder} || exit ${scratchFailed}
else
  mount -t tmpfs -o nosuid,nodev scratch ${scratchFolder} || exit ${scratchFailed}
fi
shift 6
while [ $# -gt 0 ]; do
  mkdir -p "${volumesFolder}/$1"
  mount -t tmpfs -o "nosuid,nodev,mode=1777$2" "$1" "${volumesFolder}/$1" || exit ${scratchFailed}
  shift 2
done
`

/** The block device whose virtio serial is the given one. */
export function diskBySerial(serial: string): string {
  const found = listFolder('/sys/block').find((device) => readText(`/sys/block/${device}/serial`, 64)?.trim() === serial)
  if (!found) throw new GuestError('DiskNotFound', 'no disk has this serial', serial)
  return `/dev/${found}`
}

function mixEntropy(entropy: string): void {
  writeFile('/dev/urandom', decodeBase64(entropy))
}

function writePodFiles(params: SetupParams): void {
  writeFile('/proc/sys/kernel/hostname', params.hostname)
  writeFile(`${podFolder}/hostname`, `${params.hostname}\n`)
  writeFile(`${podFolder}/hosts`, params.hosts)
  writeFile(`${podFolder}/resolv.conf`, params.resolvConf)
  writeFile('/etc/machine-id', `${params.machineId}\n`)
  writeFile('/etc/hosts', params.hosts)
  writeFile('/etc/resolv.conf', params.resolvConf)
}

/** Makes a fresh VM, or the clone of a template, this pod's: its time, randomness, names, address, disk and volumes. */
export async function setUpMachine(params: SetupParams): Promise<void> {
  mixEntropy(params.entropy)
  writePodFiles(params)
  const { network, scratch } = params
  const memoryVolumes = params.volumes.filter((volume) => volume.medium !== 'scratch')
  const { exitCode, output } = await runScript(setupScript, [
    String(Math.round(params.time / 1000)),
    network?.mac ?? '',
    String(network?.mtu ?? ''),
    network ? `${network.address}/${network.prefixLength}` : '',
    network?.gateway ?? '',
    scratch ? diskBySerial(scratch.serial) : '',
    ...memoryVolumes.flatMap((volume) => [volume.name, volume.sizeBytes === null ? '' : `,size=${volume.sizeBytes}`]),
  ])
  if (exitCode === networkFailed) throw new GuestError('NetworkFailed', output, 'eth0')
  if (exitCode !== 0) throw new GuestError('MountFailed', output, scratch?.serial ?? 'scratch')
  for (const volume of params.volumes) {
    if (volume.medium === 'scratch') makeFolder(volumePath(volume), 0o1777)
  }
}

/** Where a pod's volume is in the VM. */
export function volumePath(volume: { name: string; medium: 'scratch' | 'memory' | 'files' }): string {
  return volume.medium !== 'scratch' ? `${volumesFolder}/${volume.name}` : `${scratchFolder}/volumes/${volume.name}`
}
