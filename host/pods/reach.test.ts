import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { GuestRefusal, StepError } from './ports'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { startWorker } from './testing/worker'

const spec = { initContainers: [{ name: 'setup', image: 'one:1' }, { name: 'proxy', image: 'one:1', restartPolicy: 'Always' as const }], containers: [{ name: 'web', image: 'one:1', stdin: true, stdinOnce: true, tty: true }, { name: 'other', image: 'one:1' }] }
const text = (value: string) => Buffer.from(value)

async function running() {
  const host = new FakeHost()
  const { worker } = startWorker(host, testAssignment(spec))
  await settle()
  host.guest.exit('setup', 0)
  await settle()
  return { host, worker }
}

describe('what reaches into a pod', () => {
  it('knows its containers of every role, and takes the first of the containers where none is named', async () => {
    const { host, worker } = await running()
    host.exec = () => ({ exitCode: 4 })
    expect(worker.containerNames).toEqual(['setup', 'proxy', 'web', 'other'])
    expect(worker.containerName(null)).toBe('web')
    const request = { args: ['id'], stdin: false, terminal: null, onOutput: async () => {} }
    expect((await (await worker.exec(null, request)).exited).exitCode).toBe(4)
    await worker.exec('proxy', request)
    expect(host.calls.filter((c) => c.startsWith('guest.exec'))).toEqual(['guest.exec web id', 'guest.exec proxy id'])
    await expect(worker.exec('setup', request)).rejects.toThrow('Container "setup" does not run')
    await expect(worker.exec('nobody', request)).rejects.toThrow('Choose one of: setup, proxy, web, other.')
    host.exec = () => new GuestRefusal('ExecutableNotFound', 'no such executable: id')
    await expect(worker.exec(null, request)).rejects.toEqual(expect.objectContaining({ name: 'GuestRefusal', code: 'ExecutableNotFound' }))
  })

  it('tells what to do where the pod does not run', async () => {
    const host = new FakeHost()
    host.fail('vm.start')
    const { worker } = startWorker(host, testAssignment(spec))
    await settle()
    for (const work of [worker.stats(false), worker.openTunnel(80, 1_000), worker.attach(null, async () => {}), worker.archive(null, { direction: 'out', path: '/', onOutput: async () => {} })]) await expect(work).rejects.toThrow(StepError)
  })

  it('opens tunnels, tells a port where nothing listens, and gives figures with the VM\'s process', async () => {
    const { host, worker } = await running()
    host.tunnels.set(80, async () => new PassThrough())
    expect(await worker.openTunnel(80, 1_000)).toBeInstanceOf(PassThrough)
    await expect(worker.openTunnel(81, 1_000)).rejects.toThrow('Nothing in the pod listens on port 81.')
    await expect(worker.stats(false)).rejects.toThrow('no figures here')
    host.stats = { vm: { memoryTotalBytes: 1, memoryAvailableBytes: 1, cpuMicroseconds: 1 }, containers: [] }
    expect(await worker.stats(true)).toEqual({ stats: host.stats, processId: 4321 })
  })
})

describe('a folder', () => {
  const entry = { name: 'a', type: 'link' as const, size: 0, mode: 0o777, modifiedAt: 0, target: 'b' }
  it('is read page by page, without what no honest guest says', async () => {
    const { host, worker } = await running()
    const asked: (string | null)[] = []
    const pages = [[entry, { ...entry, name: 'b'.repeat(256) }], [{ ...entry, name: 'c', target: 't'.repeat(4_096) }]]
    host.guest.listFolder = async ({ after }) => {
      asked.push(after)
      return { entries: pages[asked.length - 1] ?? [], more: asked.length < 2 }
    }
    const list = worker.folderPages(null, '/', 10_000)
    expect(await list.next()).toEqual({ done: false, value: [entry] })
    expect(asked).toHaveLength(1)
    expect(await list.next()).toMatchObject({ value: [{ name: 'c', target: `${'t'.repeat(1_023)}…` }] })
    expect(await list.next()).toEqual({ done: true, value: false })
    expect(asked).toEqual([null, 'b'.repeat(256)])
  })
  it('ends at the limit, with whether there is more', async () => {
    const { host, worker } = await running()
    const limits: number[] = []
    host.guest.listFolder = async ({ limit }) => {
      limits.push(limit)
      return { entries: Array.from({ length: limit }, () => entry), more: true }
    }
    const list = worker.folderPages(null, '/', 1_500)
    await list.next()
    await list.next()
    expect([await list.next(), limits]).toEqual([{ done: true, value: true }, [1_000, 500]])
  })
})

describe('attaching', () => {
  it('gives the output from now on, the input, and the end', async () => {
    const { host, worker } = await running()
    const written: string[] = []
    let ended = 0
    host.inputs.set('web', { write: async (bytes) => void written.push(Buffer.from(bytes).toString()), end: () => (ended += 1), resize: async () => {} })
    const sink = host.guest.running.get('web')?.sink
    await sink?.write('stdout', text('before'))
    const output: string[] = []
    const attached = await worker.attach(null, async (stream, bytes) => void output.push(`${stream} ${Buffer.from(bytes).toString()}`))
    expect(attached.tty).toBe(true)
    await attached.input?.write(text('in'))
    await sink?.write('stdout', text('after'))
    expect([output, written]).toEqual([['stdout after'], ['in']])
    host.guest.exit('web', 3)
    expect(await attached.exited).toEqual({ exitCode: 3, signal: null })
    attached.detach()
    expect(ended).toBe(1)
    host.inputs.set('other', { write: async () => {}, end: () => {}, resize: async () => {} })
    expect((await worker.attach('other', async () => {})).input).toBeNull()
  })

  it('with a terminal and without stdin sets its size, and ends no input', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment({ containers: [{ name: 'web', image: 'one:1', tty: true, stdinOnce: true }] }))
    await settle()
    const said: string[] = []
    host.inputs.set('web', { write: async () => {}, end: () => void said.push('end'), resize: async (columns, rows) => void said.push(`${columns}x${rows}`) })
    const attached = await worker.attach(null, async () => {})
    await attached.input?.resize(100, 30)
    attached.detach()
    expect(said).toEqual(['100x30'])
  })

  it('ends for a reader that takes nothing, and the container goes on', async () => {
    const { host, worker } = await running()
    const attached = await worker.attach(null, () => new Promise(() => {}))
    const sink = host.guest.running.get('web')?.sink
    const written = sink?.write('stdout', text('x'))
    await settle()
    await host.clock.advance(5_000)
    await written
    await expect(attached.exited).rejects.toThrow('not taken in time')
    await sink?.write('stdout', text('y'))
  })

  it('ends with the machine', async () => {
    const { worker } = await running()
    const attached = await worker.attach(null, async () => {})
    const end = attached.exited.catch((error: unknown) => String(error))
    worker.leave()
    expect(await end).toContain('The connection to the container was lost')
  })
})
