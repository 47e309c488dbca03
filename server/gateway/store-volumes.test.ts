import { afterAll, beforeAll, expect, it } from 'vitest'
import { VolumeGateway } from './testing/volume-gateway'

let gateway: VolumeGateway
beforeAll(async () => {
  gateway = await VolumeGateway.start()
})
afterAll(() => gateway.stop())

it('a host is told of a folder that several hosts have whether volumes or snapshots are in it, and of no other store', async () => {
  const { db } = gateway.server
  const make = async (name: string) => (await db.volumeStore.create({ data: { name, spec: { kind: 'file', shared: true, folder: `/srv/${name}` } } })).uid
  const [full, kept, empty] = [await make('full'), await make('kept'), await make('empty')]
  const host = await gateway.connect('h1')
  await gateway.volumeOf({ storeId: full, storedPhase: 'Ready' })
  await gateway.volumeOf({ storedPhase: 'Ready' })
  await db.volumeSnapshot.create({ data: { tenantId: gateway.tenantId, name: 'kept', spec: {}, storeId: kept, phase: 'Ready', sizeBytes: 1n } })
  await host.begin()
  await expect.poll(() => host.told.has(`store/${empty}`), { timeout: 30_000, interval: 20 }).toBe(true)
  expect([full, kept, empty, gateway.place.storeId].map((uid) => host.told.get(`store/${uid}`)).map((one) => one && 'holdsVolumes' in one ? one.holdsVolumes : null)).toEqual([true, true, false, null])
  expect(await gateway.clear()).toEqual([])
})
