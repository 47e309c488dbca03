import { Gauge, type Registry } from 'prom-client'
import type { Database } from '@/server/store/database'
import { filesystemsNow, storesNow, volumesNow, type VolumeNow } from '@/server/store/figures-volumes'

/** Beyond it, those that do most are told, and the fullest file systems. */
const mostVolumes = 1000
const labelNames = ['tenant', 'volume', 'host'] as const

const measures: [name: string, help: string, value: (row: VolumeNow) => number | null][] = [
  ['read_bytes_per_second', 'Bytes read of a volume a second.', (row) => row.readBytes],
  ['written_bytes_per_second', 'Bytes written to a volume a second.', (row) => row.writtenBytes],
  ['reads_per_second', 'Reads of a volume a second.', (row) => row.reads],
  ['writes_per_second', 'Writes to a volume a second.', (row) => row.writes],
  ['read_seconds', 'How long a read of a volume took, the mean.', (row) => row.readSeconds],
  ['write_seconds', 'How long a write to a volume took, the mean.', (row) => row.writeSeconds],
  ['stored_bytes', 'What a volume takes in its store.', (row) => row.storedBytes],
]

/** What volumes do now, and how full their stores are, as each host sees them. */
export async function addVolumeMetrics(db: Database, registry: Registry): Promise<void> {
  const rows = await volumesNow(db, mostVolumes)
  for (const [name, help, value] of measures) {
    const gauge = new Gauge({ name: `hypernetes_volume_${name}`, help, labelNames: [...labelNames], registers: [registry] })
    for (const row of rows) if (value(row) !== null) gauge.set({ tenant: row.tenant, volume: row.name, host: row.host }, value(row) ?? 0)
  }
  const filesystem = (name: string, help: string) => new Gauge({ name: `hypernetes_volume_filesystem_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  const [all, used] = [filesystem('total_bytes', 'How large the file system of a volume is that a pod has.'), filesystem('used_bytes', 'How much of the file system of a volume is taken that a pod has.')]
  for (const { tenant, name, host, totalBytes, usedBytes } of await filesystemsNow(db, mostVolumes)) {
    all.set({ tenant, volume: name, host }, totalBytes)
    used.set({ tenant, volume: name, host }, usedBytes)
  }
  const store = (name: string, help: string) => new Gauge({ name: `hypernetes_volume_store_${name}`, help, labelNames: ['store', 'host'], registers: [registry] })
  const reachable = store('reachable', 'Whether a host reaches a store of volumes: 1 or 0.')
  const [total, free] = [store('total_bytes', 'How large a store of volumes is, as a host sees it.'), store('free_bytes', 'How much of a store of volumes is free, as a host sees it.')]
  for (const { store: name, host, ...said } of await storesNow(db)) {
    reachable.set({ store: name, host }, said.reachable ? 1 : 0)
    if (said.totalBytes !== null) total.set({ store: name, host }, Number(said.totalBytes))
    if (said.freeBytes !== null) free.set({ store: name, host }, Number(said.freeBytes))
  }
}
