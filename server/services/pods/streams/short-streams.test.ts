import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { waitingStatus } from '@/domain/pod/status'
import { streamsTo, type HostEnd } from '@/server/api/testing/fake-host'
import { startTestServer } from '@/server/api/testing/server'

let test: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof test.signUp>>
/** What the host does with the next stream. */
let serve: (host: HostEnd) => void = () => {}

beforeAll(async () => {
  test = await startTestServer()
  ann = await test.signUp('ann')
  const { uid } = (await ann.caller.pod.create({ tenant: ann.tenant.slug, name: 'web', spec: { containers: [{ name: 'main', image: 'busybox' }] } })).metadata
  const host = await test.db.host.create({ data: { name: 'h1', publicKey: 'none', phase: 'Ready', lastHeartbeat: new Date() } })
  await test.db.pod.update({ where: { uid }, data: { hostId: host.id, boundAt: new Date() } })
  const containers = [{ ...waitingStatus('main', 'busybox', 'container', ''), state: 'Running' }]
  const document = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers, startMode: null, startSteps: [], startedAt: null }
  await test.db.podReport.create({ data: { podUid: uid, hostId: host.id, bootId: randomUUID(), sequence: 1, phase: 'Running', document } })
  Object.assign(test.server.streams, { open: streamsTo((host) => serve(host)) })
})
afterAll(() => test.stop())

const pod = () => ({ tenant: ann.tenant.slug, name: 'web' })
const audit = async (action: string) => (await test.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, action: { startsWith: action } }, orderBy: { id: 'asc' } })).map((entry) => [entry.action, entry.detail, entry.name])

it('a list of a folder is audited as other streams are, also one that fails', async () => {
  serve = (host) => {
    host.send(1, `${JSON.stringify({ name: 'b', type: 'file', size: 1, mode: 0o644, modifiedAt: 5, target: null })}\n`)
    host.finish({ exitCode: 0, error: null })
  }
  await ann.caller.pod.listFiles({ ...pod(), path: '/etc' })
  expect(await audit('pod.listFiles')).toEqual([['pod.listFiles.open', '/etc of container main', 'web'], ['pod.listFiles.close', expect.stringMatching(/^\/etc of container main, 0 B in, [1-9]\d B out$/), 'web']])
  serve = (host) => host.finish({ exitCode: null, error: 'gone' })
  await expect(ann.caller.pod.listFiles({ ...pod(), path: '/nope' })).rejects.toThrow('gone')
  expect((await audit('pod.listFiles')).slice(2)).toEqual([['pod.listFiles.open', '/nope of container main', 'web'], ['pod.listFiles.close', '/nope of container main, 0 B in, 0 B out', 'web']])
})

it('a command is audited by its program and its exit code, never by its arguments', async () => {
  serve = (host) => host.finish({ exitCode: 3, error: null })
  await ann.caller.pod.run({ ...pod(), command: ['mysql', '--password=hunter2'] })
  serve = (host) => host.finish({ exitCode: null, error: 'There is no such program.' })
  await expect(ann.caller.pod.run({ ...pod(), command: [`\0${'x'.repeat(100_000)}`] })).rejects.toThrow('no such program')
  const long = `"\\u0000${'x'.repeat(199)}" in container main`
  expect(await audit('pod.run')).toEqual([
    ['pod.run', '"mysql" in container main', 'web'],
    ['pod.run.close', '"mysql" in container main, exit code 3', 'web'],
    ['pod.run', long, 'web'],
    ['pod.run.close', `${long}, ended without an exit code`, 'web'],
  ])
})

it('a log that is larger than one answer loses its beginning, and says so', async () => {
  const text = 'ü'.repeat(30_000)
  serve = (host) => {
    for (let line = 0; line < 300; line += 1) host.send(1, `2026-01-01T00:00:00.${String(line).padStart(9, '0')}Z ${text}\n`)
    host.finish({ exitCode: 0, error: null })
  }
  const { lines } = await ann.caller.pod.logs({ ...pod(), tailLines: 300 })
  const kept = lines.slice(1)
  expect(lines[0]).toMatchObject({ stream: 'stderr', time: kept[0]?.time, text: expect.stringContaining(`[hypernetes: ${300 - kept.length} earlier lines were left out here`) })
  expect(kept.length).toBe(Math.floor((16 << 20) / (60_000 + 30)))
  expect(kept.at(-1)?.time).toBe('2026-01-01T00:00:00.000000299Z')
  serve = (host) => {
    host.send(2, '2026-01-01T00:00:00Z short\n')
    host.finish({ exitCode: 0, error: null })
  }
  expect((await ann.caller.pod.logs(pod())).lines).toEqual([{ time: '2026-01-01T00:00:00Z', stream: 'stderr', text: 'short' }])
})
