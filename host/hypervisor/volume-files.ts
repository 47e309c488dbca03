import { z } from 'zod'
import type { Layer } from '@/host/volumes/store'
import type { GivenFile } from './give-files'
import type { QmpClient } from './qmp'

const fileSets = z.array(z.looseObject({ 'fdset-id': z.number().int(), fds: z.array(z.looseObject({ fd: z.number().int(), opaque: z.string().optional() })) }))
const sets = (qmp: QmpClient) => qmp.execute('query-fdsets', {}, fileSets)

/** QEMU keeps these beside a file: a volume's serial, the layer's id (of one that came in place of others: with a number), how it is open. */
export const labelOf = (serial: string, layer: Pick<Layer, 'id'>, access: 'rw' | 'ro') => `${serial}/${layer.id}/${access}`

/** Of a layer that is written QEMU needs a second way in, for reading alone: it takes that once the layer lies below another. */
export const filesOf = (serial: string, layer: Layer, readOnly: boolean): GivenFile[] => [
  ...(readOnly || layer.readOnly ? [] : [{ path: layer.path, access: 'write' as const, label: labelOf(serial, layer, 'rw') }]),
  { path: layer.path, access: 'read', label: labelOf(serial, layer, 'ro') },
]

/** The layers whose files QEMU was given, by their labels. */
export async function givenLayers(qmp: QmpClient): Promise<{ serial: string; id: string }[]> {
  const labels = (await sets(qmp)).flatMap(({ fds }) => fds.flatMap(({ opaque }) => opaque?.replace(/\/r[ow]$/, '') ?? []))
  return [...new Set(labels)].map((label) => label.split('/')).map(([serial = '', id = '']) => ({ serial, id }))
}

/** Closes QEMU's own descriptors of files whose labels begin so; what is open by them stays. */
export async function takeFiles(qmp: QmpClient, labels: readonly string[]): Promise<void> {
  for (const { 'fdset-id': set, fds } of await sets(qmp)) {
    for (const { fd, opaque } of fds) if (labels.some((label) => opaque?.startsWith(label))) await qmp.command('remove-fd', { 'fdset-id': set, fd })
  }
}
