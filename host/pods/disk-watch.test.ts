import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { diskProblem, findDiskProblem, type FolderProblem } from './data-folder'
import { DiskWatch } from './disk-watch'
import { testAssignment } from './testing/assignment'
import { FakeClock, settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { startWorker } from './testing/worker'

const full = diskProblem(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))

it('tells each change once, to the operator and to pods, with the next action', async () => {
  const clock = new FakeClock()
  let found: FolderProblem | null = null
  const [logged, told]: [string[], string[]] = [[], []]
  const watch = new DiskWatch({ find: async () => found, clock, log: { error: (_fields: unknown, text?: string) => void logged.push(text ?? ''), warn: (_fields: unknown, text?: string) => void logged.push(text ?? '') }, tell: (type, reason, message) => told.push(`${type} ${reason} ${message}`) })
  const end = new AbortController()
  const running = watch.run(end.signal)
  await clock.advance(25_000)
  expect([logged, told]).toEqual([[], []])
  found = full
  await clock.advance(25_000)
  expect(logged).toEqual([expect.stringMatching(/^the data folder cannot be written to: .*full.* HYPERNETES_DATA/)])
  expect(told).toEqual([expect.stringMatching(/^Warning HostDiskFull .*The pod goes on\..*operator has to make room/)])
  found = null
  await clock.advance(25_000)
  expect(told.slice(1)).toEqual([expect.stringMatching(/^Normal HostDiskRecovered/)])
  end.abort()
  await running
})

it('knows what an error says of the disk, wherever it stands among the causes', () => {
  expect(full?.reason).toBe('HostDiskFull')
  expect(diskProblem(new Error('cp failed', { cause: Object.assign(new Error('EROFS'), { code: 'EROFS' }) }))?.reason).toBe('HostDiskReadOnly')
  expect(diskProblem(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }))).toBeNull()
})

it('finds nothing in a folder that can be written to, and leaves nothing in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'data-'))
  try {
    await chmod(folder, 0o700)
    expect(await findDiskProblem(folder)).toBeNull()
    expect(await readdir(folder)).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})

it.each(['network.attach', 'disks', 'template', 'vm.start', 'guest.setup'])('a start that failed at %s while the disk is full says so, with what is done about it', async (step) => {
  const host = new FakeHost()
  host.diskProblem = full
  host.fail(step)
  const { worker, events } = startWorker(host, testAssignment())
  await settle()
  expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'HostDiskFull', message: expect.stringMatching(/full\. The host's operator has to make room .* It is tried again in 10 s\./) })
  expect(events.at(-1)).toMatchObject({ type: 'Warning', reason: 'HostDiskFull' })
  host.diskProblem = null
  await host.clock.advance(10_000)
  expect(worker.report()).toMatchObject({ phase: 'Running', reason: '' })
})
