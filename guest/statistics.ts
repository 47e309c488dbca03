import type { StatsResult } from '@/contracts/guest/v1/answers'
import type { SetupParams } from '@/contracts/guest/v1/requests'
import { containerUsage, machineUsage } from '@/guest/cgroups'
import { layerFolder } from '@/guest/containers'
import { readNumber } from '@/guest/files'
import { scratchFolder, volumePath } from '@/guest/machine'
import { runScript } from '@/guest/processes'

type Volumes = SetupParams['volumes']

// A process a look costs more than the look: the disk's fill may be so old.
const scratchAgeMilliseconds = 10_000
/** A tree of so many files that it takes longer is not told this time. */
const usageSeconds = 10

const networkFolder = '/sys/class/net/eth0/statistics'

/** Reads what the pod uses. What needs a process is asked rarely, and once at a time. */
export class Statistics {
  private scratch: { at: number; value: StatsResult['scratch'] } | undefined
  private reading: Promise<Map<string, number>> | undefined

  async read(containers: readonly string[], volumes: Volumes, usage: boolean): Promise<StatsResult> {
    // What a disk of its own takes, its file system says.
    const taken = usage ? await this.folders(containers, volumes.filter(({ medium }) => medium !== 'disk')) : undefined
    const scratch = await this.scratchDisk(usage)
    return {
      vm: machineUsage(),
      containers: containers.map((container) => ({ container, ...containerUsage(container), ...layerBytes(taken, container) })),
      network: networkUsage(),
      ...(scratch ? { scratch } : {}),
      ...(taken ? { volumes: volumes.flatMap((volume) => volumeBytes(taken, volume)) } : {}),
    }
  }

  private async scratchDisk(now: boolean): Promise<StatsResult['scratch']> {
    if (!now && this.scratch && Date.now() - this.scratch.at < scratchAgeMilliseconds) return this.scratch.value
    const { output } = await runScript('stat -f -c "%S %b %f" "$1"', [scratchFolder])
    const [blockBytes = 0, blocks = 0, free = 0] = output.split(' ').map(Number)
    const totalBytes = blockBytes * blocks
    this.scratch = { at: Date.now(), value: totalBytes > 0 ? { totalBytes, usedBytes: totalBytes - blockBytes * free } : undefined }
    return this.scratch.value
  }

  private folders(containers: readonly string[], volumes: Volumes): Promise<Map<string, number>> {
    this.reading ??= readFolders([...containers.map(layerFolder), ...volumes.map(volumePath)]).finally(() => (this.reading = undefined))
    return this.reading
  }
}

/** What folders take on their disks, in bytes; those that could not be read in time are missing. */
async function readFolders(paths: readonly string[]): Promise<Map<string, number>> {
  if (paths.length === 0) return new Map()
  // Its output has room for all paths there may be; what du says about files that vanish is not of interest.
  const { output } = await runScript(`timeout ${usageSeconds} du -skx "$@" 2>/dev/null`, paths)
  const rows = output.split('\n').map((line) => /^(\d+)\s+(\/.*)$/.exec(line))
  return new Map(rows.flatMap((row) => (row?.[1] && row[2] ? [[row[2], Number(row[1]) * 1024] as const] : [])))
}

function layerBytes(taken: Map<string, number> | undefined, container: string): { layerBytes?: number } {
  const bytes = taken?.get(layerFolder(container))
  return bytes === undefined ? {} : { layerBytes: bytes }
}

function volumeBytes(taken: Map<string, number>, volume: Volumes[number]): { name: string; usedBytes: number }[] {
  const usedBytes = taken.get(volumePath(volume))
  return usedBytes === undefined ? [] : [{ name: volume.name, usedBytes }]
}

function networkUsage(): NonNullable<StatsResult['network']> {
  const read = (name: string) => readNumber(`${networkFolder}/${name}`)
  return { receivedBytes: read('rx_bytes'), sentBytes: read('tx_bytes'), receivedPackets: read('rx_packets'), sentPackets: read('tx_packets') }
}
