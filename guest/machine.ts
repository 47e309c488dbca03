import type { SetupParams } from '@/contracts/guest/v1/requests'
import { diskBySerial } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { writeFile } from '@/guest/files'
import { runScript } from '@/guest/processes'
import type { ReseedWatch } from '@/guest/reseed'
import { setSysctls } from '@/guest/sysctls'
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
if [ -n "$6" ]; then
  (cd /proc/sys/net/ipv6/conf/eth0 && echo 0 >accept_ra && echo 0 >autoconf && echo 0 >accept_dad && echo 0 >accept_redirects && echo 1 >addr_gen_mode) || exit ${networkFailed}
fi
if [ -n "$2" ]; then
  ip link set dev eth0 address "$2" mtu "$3" up && ip addr add "$4" dev eth0 || exit ${networkFailed}
  if [ -n "$5" ]; then ip route replace default via "$5" dev eth0 onlink || exit ${networkFailed}; fi
fi
if [ -n "$6" ]; then
  ip addr add "$6/128" dev eth0 && ip -6 route replace "$7" dev eth0 && ip -6 route replace default via "$7" dev eth0 || exit ${networkFailed}
fi
if [ -n "$8" ]; then
  mount -t ext4 -o noatime,nosuid,nodev "$8" ${scratchFolder} || exit ${scratchFailed}
else
  mount -t tmpfs -o nosuid,nodev scratch ${scratchFolder} || exit ${scratchFailed}
fi
group=$9
shift 9
while [ $# -gt 0 ]; do
  mkdir -p "$2"
  if [ "$1" = folder ]; then
    chmod "$3" "$2"
    if [ "$group" != 0 ]; then chgrp "$group" "$2"; chmod g+s "$2"; fi
  else
    mount -t tmpfs -o "nosuid,nodev,gid=$group,mode=$3$4" volume "$2" || exit ${scratchFailed}
  fi
  shift 4
done
`

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

type Volume = SetupParams['volumes'][number]

/** Kubernetes' modes: a folder that all may write to, one of configuration for root alone; with a group, setgid. */
function volumeArguments(volume: Volume, group: number): string[] {
  const mode = volume.medium === 'files' ? '755' : '777'
  // Without a size the kernel bounds it to half of the VM's memory.
  const size = volume.sizeBytes === null || volume.sizeBytes === 0 ? '' : `,size=${volume.sizeBytes}`
  if (volume.medium === 'scratch' || volume.medium === 'disk') return ['folder', volumePath(volume), mode, '']
  return ['memory', volumePath(volume), group === 0 ? mode : `2${mode}`, size]
}

/** Makes a fresh VM, or the clone of a template, this pod's: its time, randomness, names, address, disk and volumes. */
export async function setUpMachine(params: SetupParams, reseed: ReseedWatch): Promise<void> {
  // First, for it may be refused: nothing else is done then.
  setSysctls(params.sysctls ?? [])
  mixEntropy(params.entropy)
  if (params.cloned) await reseed.done()
  writePodFiles(params)
  const { network, scratch } = params
  const group = params.fsGroup ?? 0
  const { exitCode, output } = await runScript(setupScript, [
    String(Math.round(params.time / 1000)),
    network?.mac ?? '',
    String(network?.mtu ?? ''),
    network ? `${network.address}/${network.prefixLength}` : '',
    network?.gateway ?? '',
    network?.ipv6?.address ?? '',
    network?.ipv6?.gateway ?? '',
    scratch ? diskBySerial(scratch.serial) : '',
    String(group),
    ...params.volumes.flatMap((volume) => volumeArguments(volume, group)),
  ])
  if (exitCode === networkFailed) throw new GuestError('NetworkFailed', output, 'eth0')
  if (exitCode !== 0) throw new GuestError('MountFailed', output, scratch?.serial ?? 'scratch')
}

/** Where a pod's volume is in the VM. */
export function volumePath(volume: Pick<Volume, 'name' | 'medium'>): string {
  return volume.medium !== 'scratch' ? `${volumesFolder}/${volume.name}` : `${scratchFolder}/volumes/${volume.name}`
}

/** Where a volume that has a disk of its own is mounted in the VM, one that came while the pod runs included. Throws where a volume of another kind has the name. */
export function diskPath(volumes: readonly Volume[], name: string): string {
  const taken = volumes.find((volume) => volume.name === name && volume.medium !== 'disk')
  if (taken) throw new GuestError('AlreadyExists', 'a volume of the pod that has no disk has this name', name)
  return volumePath({ name, medium: 'disk' })
}
