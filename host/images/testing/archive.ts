import { createHash } from 'node:crypto'
import { busyboxRoot } from '../sample/busybox'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import type { TestImageConfig } from './registry'

const sha256 = (bytes: Buffer | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** An archive as `docker save` writes it, of layers of tar entries, bottom first. Nothing is checked. */
export function dockerArchive(tag: string, layers: readonly (readonly ArchiveEntry[])[], config: TestImageConfig = {}): Buffer {
  const tars = layers.map((entries) => tarArchive(entries))
  const description = JSON.stringify({ os: 'linux', architecture: 'amd64', config, rootfs: { type: 'layers', diff_ids: tars.map(sha256) } })
  const names = tars.map((_, i) => `${i}/layer.tar`)
  return tarArchive([
    { name: 'config.json', content: description },
    ...tars.map((content, i) => ({ name: names[i] ?? '', content })),
    { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', RepoTags: [tag], Layers: names }]) },
  ])
}

/** An archive of Debian's static busybox with its applets, to be uploaded and run. */
export const busyboxArchive = async (tag: string, cmd: string[]): Promise<Buffer> => dockerArchive(tag, [await busyboxRoot()], { Cmd: cmd, Env: ['PATH=/bin'] })
