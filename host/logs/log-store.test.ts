import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { LogStore, type LogQuery } from './log-store'
import { comparableTime, decodeRecord, encodeRecords, LineSplitter, linesApart, maxLineBytes, nanoTime } from './record'

let folder: string
let now = 0
const opened: LogStore[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logs-'))
  now = Date.parse('2026-01-01T00:00:00Z')
})
afterEach(async () => {
  for (const logs of opened.splice(0)) await logs.pod('pod').remove()
  await rm(folder, { recursive: true, force: true })
})

const bytes = (text: string) => Buffer.from(text)
/** How many descriptors of this process are of files below it, removed ones too. */
const filesOpenIn = async (place: string): Promise<number> => (await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))).filter((path) => path.startsWith(place)).length
function store(limits = { fileBytes: 1 << 20, files: 3 }, dir = folder): LogStore {
  const logs = new LogStore(dir, () => now, limits)
  opened.push(logs)
  return logs
}

async function read(logs: LogStore, query: Partial<LogQuery> = {}): Promise<string[]> {
  const lines: string[] = []
  for await (const { stream, text } of logs.read('pod', 'web', { previous: false, tailLines: null, since: null, follow: false, ...query }, new AbortController().signal)) lines.push(`${stream === 'stdout' ? '' : '!'}${text.toString()}`)
  return lines
}

describe('records', () => {
  it('are written and read in the CRI format', () => {
    const record = { time: nanoTime(0, 7), stream: 'stderr' as const, whole: false, text: bytes('a b') }
    const next = { time: nanoTime(1, 0), stream: 'stdout' as const, whole: true, text: bytes('ä') }
    expect(encodeRecords([record, next]).toString()).toBe('1970-01-01T00:00:00.000000007Z stderr P a b\n1970-01-01T00:00:00.001000000Z stdout F ä\n')
    expect(decodeRecord(encodeRecords([record]).subarray(0, -1))).toEqual(record)
    expect(['', 'x', 'x y z', '1970-01-01T00:00:00.000000007Z stdxxx F a'].map((line) => decodeRecord(bytes(line)))).toEqual([null, null, null, null])
  })

  it('hold every byte, in whatever pieces it came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 8 }), (pieces) => {
        const splitter = new LineSplitter('stdout')
        const records = [...pieces.flatMap((piece) => splitter.push(piece, () => 't')), ...splitter.end(() => 't')]
        expect(records.every((r) => r.text.length <= maxLineBytes)).toBe(true)
        const joined = Buffer.concat(records.flatMap((r, i) => [r.text, ...(r.whole && (i < records.length - 1 || Buffer.concat(pieces).at(-1) === 10) ? [bytes('\n')] : [])]))
        expect(joined.equals(Buffer.concat(pieces))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('come in pieces of few lines, with nothing lost between them', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(10, 120), { maxLength: 200 }), fc.integer({ min: 1, max: 7 }), (all, lines) => {
        const pieces = [...linesApart(Uint8Array.from(all), lines)]
        expect(pieces.flatMap((piece) => [...piece])).toEqual(all)
        expect(pieces.every((piece) => piece.length > 0 && piece.filter((byte) => byte === 10).length <= lines)).toBe(true)
      }),
    )
  })

  it('of empty lines without end leave others their turns, and the greater part of the thread', async () => {
    const sink = await store({ fileBytes: 10 << 20, files: 2 }).pod('pod').begin('web')
    const flood = Buffer.alloc(32 * 1024, 10)
    let turns = 0
    let isOver = false
    const turn = () => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    await sink.write('stdout', flood)
    expect(turns).toBeGreaterThan(20)
    isOver = true
    const [began, time] = [performance.now(), threadTimeMs()]
    for (let frame = 0; frame < 20; frame += 1) await sink.write('stdout', flood)
    expect((threadTimeMs() - time) / (performance.now() - began)).toBeLessThan(0.7)
  })

  it('compare with any RFC 3339 time', () => {
    expect(comparableTime('2026-01-01T01:00:00+01:00')).toBe('2026-01-01T00:00:00.000000000Z')
    expect(comparableTime('2026-01-01T00:00:00.25Z')).toBe('2026-01-01T00:00:00.250000000Z')
    expect(comparableTime('yesterday')).toBeNull()
  })
})

describe('a container\'s log', () => {
  it('is read whole, by its tail and from a time on', async () => {
    const logs = store()
    const sink = await logs.pod('pod').begin('web')
    for (let i = 0; i < 10; i += 1) {
      now += 1000
      await sink.write(i % 2 ? 'stderr' : 'stdout', bytes(`line ${i}\n`))
    }
    expect(await read(logs)).toHaveLength(10)
    expect(await read(logs, { tailLines: 2 })).toEqual(['line 8', '!line 9'])
    expect(await read(logs, { tailLines: 0 })).toEqual([])
    expect(await read(logs, { tailLines: 100 })).toHaveLength(10)
    expect(await read(logs, { since: '2026-01-01T00:00:09Z' })).toEqual(['line 8', '!line 9'])
  })

  it('keeps a few files of a bounded size, and reads the tail across them', async () => {
    const logs = store({ fileBytes: 2_000, files: 3 })
    const sink = await logs.pod('pod').begin('web')
    for (let i = 0; i < 300; i += 1) await sink.write('stdout', bytes(`line ${i}\n`))
    const files = await readdir(join(folder, 'pod', 'web'))
    expect(files).toHaveLength(3)
    for (const file of files) expect((await readFile(join(folder, 'pod', 'web', file))).length).toBeLessThanOrEqual(2_000)
    const all = await read(logs)
    expect(all.at(-1)).toBe('line 299')
    for (const tail of [1, 30, 50, 80]) expect(await read(logs, { tailLines: tail })).toEqual(all.slice(-tail))
  })

  it('finds any tail of lines of any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 70_000 }), { maxLength: 12 }), fc.nat({ max: 12 }), async (lengths, tail) => {
        const logs = store({ fileBytes: 100_000, files: 50 }, await mkdtemp(join(folder, 'run-')))
        const sink = await logs.pod('pod').begin('web')
        for (const [i, length] of lengths.entries()) await sink.write('stdout', bytes(`${String(i).repeat(1)}${'x'.repeat(length)}\n`))
        const joined = (await read(logs, { tailLines: tail })).join('')
        expect(joined).toBe(lengths.slice(tail === 0 ? lengths.length : -tail).map((length, i, kept) => `${lengths.length - kept.length + i}${'x'.repeat(length)}`).join(''))
      }),
      { numRuns: 30 },
    )
  })

  it('keeps the instance before the current one, and no older', async () => {
    const logs = store()
    for (const instance of ['first', 'second', 'third']) {
      const sink = await logs.pod('pod').begin('web')
      await sink.write('stdout', bytes(`${instance}\nunfinished`))
    }
    await logs.pod('pod').end()
    expect(await read(logs, { previous: true })).toEqual(['second', 'unfinished'])
    expect(await read(logs)).toEqual(['third', 'unfinished'])
    expect(await readdir(join(folder, 'pod', 'web'))).toHaveLength(2)
  })

  it('marks where the guest had to drop output', async () => {
    const logs = store()
    const sink = await logs.pod('pod').begin('web')
    await sink.write('stdout', bytes('whole\nhalf'))
    sink.lost('stdout', 4096)
    await sink.write('stdout', bytes('rest\n'))
    expect(await read(logs)).toEqual(['whole', 'half', '[hypernetes: 4096 bytes of output were lost here]', 'rest'])
  })

  it('goes on after another run of the program, behind a line that was cut off', async () => {
    const before = await store().pod('pod').begin('web')
    await before.write('stdout', bytes('one\n'))
    const [file] = await readdir(join(folder, 'pod', 'web'))
    await writeFile(join(folder, 'pod', 'web', file ?? ''), '2026-01-01T00:00:00.000000000Z stdout F cut', { flag: 'a' })
    const logs = store()
    const after = await logs.pod('pod').resume('web')
    await after.write('stdout', bytes('two\n'))
    expect(await read(logs)).toEqual(['one', 'cut', 'two'])
  })

  it('is followed over rotations and restarts until the pod ends', async () => {
    const logs = store({ fileBytes: 500, files: 50 })
    const pod = logs.pod('pod')
    const followed = read(logs, { follow: true })
    const expected: string[] = []
    for (const instance of ['a', 'b']) {
      const sink = await pod.begin('web')
      for (let i = 0; i < 50; i += 1) {
        expected.push(`${instance} ${i}`)
        await sink.write('stdout', bytes(`${instance} ${i}\n`))
      }
    }
    await pod.end()
    expect(await followed).toEqual(expected)
    expect(await read(logs, { follow: true })).toHaveLength(50)
  })

  it('ends a follower that goes away', async () => {
    const logs = store()
    await logs.pod('pod').begin('web')
    const abort = new AbortController()
    const iterator = logs.read('pod', 'web', { previous: false, tailLines: null, since: null, follow: true }, abort.signal)
    const next = iterator.next()
    abort.abort()
    expect((await next).done).toBe(true)
  })

  it('loses output, not the container, while it cannot be written', async () => {
    const logs = store()
    const sink = await logs.pod('pod').begin('web')
    await sink.write('stdout', bytes('before\n'))
    await rm(join(folder, 'pod'), { recursive: true })
    await writeFile(join(folder, 'pod'), 'a file in the way')
    await logs.pod('pod').end()
    await sink.write('stdout', bytes('lost\n'))
    await rm(join(folder, 'pod'))
    await sink.write('stdout', bytes('after\n'))
    expect(await read(logs)).toEqual([expect.stringMatching(/^![[]hypernetes: \d+ bytes/), 'after'])
  })

  it('lets a container start while its log cannot be written, and keeps what it says once it can', async () => {
    const logs = store()
    await writeFile(join(folder, 'pod'), 'a file in the way')
    const sink = await logs.pod('pod').begin('web')
    await sink.write('stdout', bytes('lost\n'))
    await rm(join(folder, 'pod'))
    await sink.write('stdout', bytes('kept\n'))
    expect(await read(logs)).toEqual([expect.stringMatching(/^![[]hypernetes: \d+ bytes/), 'kept'])
  })

  it('gives the last lines of the newest instance at its end, unfinished and cut ones too', async () => {
    const logs = store({ fileBytes: 256, files: 3 })
    expect(await logs.pod('pod').tail('web', 5)).toEqual([])
    const before = await logs.pod('pod').begin('web')
    await before.write('stdout', bytes('of the instance before\n'))
    const sink = await logs.pod('pod').begin('web')
    expect(await logs.pod('pod').tail('web', 5)).toEqual([])
    await sink.write('stdout', bytes(Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join('')))
    await sink.write('stderr', bytes('fatal'))
    expect(await logs.pod('pod').tail('web', 3)).toEqual(['line 18', 'line 19', 'fatal'])
    const large = store()
    const other = await large.pod('pod').begin('other')
    await other.write('stdout', Buffer.alloc(100_000, 'x'))
    expect((await large.pod('pod').tail('other', 3)).map((line) => line.length)).toEqual([4096])
  })

  it('goes with its pod, and with pods nobody knows', async () => {
    const logs = store()
    const sinks = await Promise.all(['pod', 'other'].map((uid) => logs.pod(uid).begin('web')))
    const write = () => Promise.all(sinks.map((sink) => sink.write('stdout', bytes('x\n'))))
    await write()
    await logs.pod('pod').remove()
    // What a container said last comes late, and makes no folder anew.
    await write()
    expect([await readdir(folder), await filesOpenIn(folder)]).toEqual([['other'], 1])
    await logs.reconcile(new Set())
    await write()
    expect([await readdir(folder), await filesOpenIn(folder)]).toEqual([[], 0])
  })

  it('takes what comes after its end, and keeps nothing open for it', async () => {
    const logs = store()
    const sink = await logs.pod('pod').begin('web')
    await sink.write('stdout', bytes('one\n'))
    await logs.pod('pod').end()
    await sink.write('stdout', bytes('late\n'))
    expect([await read(logs), await filesOpenIn(folder)]).toEqual([['one', 'late'], 0])
  })
})
