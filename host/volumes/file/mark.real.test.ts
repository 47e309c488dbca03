import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isRoot } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { refuses } from '../testing/store-under-test'
import { FileStore } from './file-store'
import { markName } from './mark'

it.runIf(isRoot)('a store that is too full for a mark is used without, and given one once there is room; what it is mounted on is never taken for it', async () => {
  const mount = await mkdtemp(join(tmpdir(), 'full-store-'))
  let seen: string | null = null
  const memory = { seen: async () => seen, remember: async (id: string) => void (seen = id), file: 'memory', hasVolumes: () => false }
  const opened = async <T>(work: (store: FileStore) => Promise<T>): Promise<T> => {
    const store = await FileStore.open(mount, { name: 'full', shared: true, memory })
    return work(store).finally(() => store.close())
  }
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount])
  try {
    await writeFile(join(mount, 'filler'), Buffer.alloc(2 ** 20))
    expect([await opened((store) => store.list()), seen]).toEqual([{ volumes: [], snapshots: [] }, null])
    expect((await readdir(mount)).filter((name) => name.startsWith(markName))).toEqual([])
    await rm(join(mount, 'filler'))
    await opened(async (store) => {
      expect(seen).not.toBeNull()
      await run('umount', [mount])
      await refuses('Unreachable', store.probe())
    })
    await refuses('Unreachable', opened((store) => store.probe()))
    expect(await readdir(mount)).toEqual([])
  } finally {
    await run('umount', ['--quiet', mount]).catch(() => {})
    await rm(mount, { recursive: true })
  }
})
