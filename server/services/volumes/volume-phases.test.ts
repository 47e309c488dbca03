import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { claimState } from '@/domain/volume-claim/view'
import { snapshotPhase } from '@/domain/volume-snapshot/view'
import { attachmentPhase } from '@/domain/volume/attachment'
import { storedPhase, volumePhase } from '@/domain/volume/state'
import { listVolumeClaims, listVolumeClaimsInput } from '../volume-claims/volume-claims'
import { listSnapshotsInput, listVolumeSnapshots } from '../volume-snapshots/snapshot-view'
import { startVolumeServer } from './testing/volume-server'
import { listVolumes, listVolumesInput } from './volume-view'

let server: Awaited<ReturnType<typeof startVolumeServer>>
const hosts = { ready: '', unknown: '', lost: '' }
beforeAll(async () => {
  server = await startVolumeServer()
  hosts.ready = server.hostId
  hosts.unknown = (await server.db.host.create({ data: { name: 'silent', publicKey: 'silent', phase: 'Unknown' } })).id
  hosts.lost = (await server.db.host.create({ data: { name: 'lost', publicKey: 'lost', phase: 'Ready', lostAt: new Date() } })).id
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.volumeAttachment.deleteMany()
  await server.db.volumeSnapshot.deleteMany()
  await server.db.volume.deleteMany()
  await server.db.volumeClaim.deleteMany()
})

const ready = 'Ready' as const
const host = fc.option(fc.constantFrom('ready' as const, 'unknown' as const, 'lost' as const), { freq: 2 })
const attachment = fc.record({ phase: fc.constantFrom(...attachmentPhase.options), paused: fc.boolean() })
const facts = fc.record({
  deleted: fc.constantFrom(false, false, false, true),
  stored: fc.constantFrom(ready, ready, ready, ...storedPhase.options),
  keeper: host, home: host,
  store: fc.constantFrom('local' as const, 'ceph' as const),
  reverting: fc.constantFrom(false, false, true),
  storedSize: fc.option(fc.constantFrom(1n << 29n, 1n << 30n), { freq: 4 }),
  /** The second one reads: a volume has one writer. */
  attachments: fc.array(attachment, { maxLength: 2 }),
  report: fc.constantFrom('as told', 'as told', null),
})
type Facts = typeof facts extends fc.Arbitrary<infer F> ? F : never

async function make(name: string, { deleted, stored, keeper, home, store, reverting, storedSize, attachments, report }: Facts): Promise<void> {
  const pods = attachments.map((one) => ({ ...one, podUid: randomUUID() }))
  const told = pods.map(({ podUid, paused }) => ({ podUid, epoch: 1, phase: 'Attached', reason: '', message: '', device: null, usedBytes: null, fsBytes: null, paused, transport: 'direct' }))
  const { uid } = await server.volume(name, { deletedAt: deleted ? new Date() : null, storedPhase: stored, hostId: keeper && hosts[keeper], homeHostId: home && hosts[home], revertTo: reverting ? randomUUID() : null, storedSizeBytes: storedSize, ...(report && { report: { progress: null, attachments: told } }) }, store)
  for (const [at, { podUid, phase }] of pods.entries()) await server.attach(uid, podUid, { phase, readOnly: at > 0 })
}

const volumes = (input: object) => listVolumes(server.server, server.ann, listVolumesInput.parse({ limit: 500, ...input }))
const names = ({ items }: { items: { metadata: { name: string } }[] }) => items.map(({ metadata }) => metadata.name)

it('volumes are found by the phase that each of them says it is in, whatever its facts', async () => {
  for (const [at, each] of fc.sample(facts, 300).entries()) await make(`v-${String(at).padStart(3, '0')}`, each)
  const all = [...(await volumes({})).items, ...(await volumes({ deleted: true })).items]
  expect(all).toHaveLength(300)
  for (const phase of volumePhase.options) {
    const deleted = phase === 'Deleted'
    expect(names(await volumes({ phase: [phase], deleted })), phase).toEqual(all.filter(({ status }) => status.phase === phase).map(({ metadata }) => metadata.name))
  }
  expect((await volumes({ phase: ['Lost', 'Failed'] })).total).toBe(all.filter(({ status }) => status.phase === 'Lost' || status.phase === 'Failed').length)
  expect((await volumes({ phase: [] })).total).toBe((await volumes({})).total)
}, 120_000)

it('the filter goes with a search and with pages, and is of the own tenant', async () => {
  for (const name of ['a-1', 'a-2', 'a-3', 'b-1']) await server.volume(name)
  await server.volume('a-0', { storedPhase: 'Absent' })
  const first = await volumes({ phase: ['Available'], search: 'a-', limit: 2 })
  expect([names(first), first.total]).toEqual([['a-1', 'a-2'], 3])
  expect(names(await volumes({ phase: ['Available'], search: 'a-', limit: 2, cursor: first.nextCursor }))).toEqual(['a-3'])
  expect((await listVolumes(server.server, server.bob, listVolumesInput.parse({ phase: ['Available'] }))).total).toBe(0)
  expect(() => listVolumesInput.parse({ phase: ['Broken'] })).toThrow()
})

it('snapshots and claims are found by theirs, those that are being deleted by that alone', async () => {
  const { uid } = await server.volume('data')
  for (const phase of snapshotPhase.options) await server.snapshot(`s-${phase.toLowerCase()}`, uid, { phase })
  await server.snapshot('s-going', uid, { phase: 'Ready', deletedAt: new Date() })
  const snapshots = async (...phase: string[]) => names(await listVolumeSnapshots(server.server, server.ann, listSnapshotsInput.parse({ phase })))
  expect(await snapshots('Ready')).toEqual(['s-ready'])
  expect(await snapshots('Deleting')).toEqual(['s-deleting', 's-going'])
  expect(await snapshots('Asked', 'Failed')).toEqual(['s-asked', 's-failed'])

  const claim = (name: string, data: object = {}) => server.db.volumeClaim.create({ data: { tenantId: server.ann.tenantId, namespace: 'default', name, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }, ...data } })
  await claim('waits')
  const bound = await claim('bound')
  const going = await claim('going', { deletedAt: new Date() })
  for (const { name, uid: claimUid } of [bound, going]) await server.volume(`of-${name}`, { claimUid })
  const claims = async (...phase: string[]) => names(await listVolumeClaims(server.server, server.ann, listVolumeClaimsInput.parse({ phase })))
  expect(await Promise.all(claimState.options.map((state) => claims(state)))).toEqual([['waits'], ['bound'], ['going']])
})
