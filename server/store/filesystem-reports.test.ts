import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { volumeReport } from '@/contracts/host/v1/volumes'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
import { volumeViewOf } from '@/server/services/volumes/volume-view'
import { inTransaction } from './database'
import { storeVolumeReport } from './volume-reports'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => void (test = await startVolumeServer()))
afterAll(() => test.stop())

it('a file system that is nearly full is told of once, with what helps', async () => {
  const { uid } = await test.volume('data', { hostId: test.hostId, epoch: 1n, formatted: 'ext4' })
  const { podUid } = await test.attach(uid)
  const tell = async (usedBytes: number) => {
    const attachment = { podUid, epoch: 1, phase: 'Attached', reason: '', message: '', device: '/dev/vdc', usedBytes, fsBytes: 1000, paused: false, transport: 'direct' }
    await inTransaction(test.db, (tx) => storeVolumeReport(tx, test.hostId, volumeReport.parse({ kind: 'volume', uid, epoch: 1, phase: 'Ready', reason: '', message: '', sizeBytes: 1 << 30, storedBytes: 4096, formatted: 'ext4', attachments: [attachment] })))
    const condition = await test.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: uid, type: 'FilesystemRoom' } } })
    return [condition?.status ?? null, await test.db.event.count({ where: { objectUid: uid, reason: 'FilesystemNearlyFull' } })]
  }
  expect([await tell(500), await tell(880), await tell(910), await tell(950), await tell(880), await tell(920), await tell(500)]).toEqual([['True', 0], ['True', 0], ['False', 1], ['False', 1], ['False', 1], ['False', 1], ['True', 1]])
  expect((await test.db.event.findFirstOrThrow({ where: { objectUid: uid, reason: 'FilesystemNearlyFull' } })).message).toContain('let it grow (volume.update {name, size}')
})

it('how full it was is known once its pod has let go of it, with when; not of what it went back to', async () => {
  const { uid } = await test.volume('left', { hostId: test.hostId, epoch: 1n, formatted: 'ext4' })
  const { podUid } = await test.attach(uid)
  const attachment = { podUid, epoch: 1, phase: 'Attached', reason: '', message: '', device: '/dev/vdc', usedBytes: 500, fsBytes: 1000, paused: false, transport: 'direct' }
  const tell = async (over: object) => {
    await inTransaction(test.db, (tx) => storeVolumeReport(tx, test.hostId, volumeReport.parse({ kind: 'volume', uid, epoch: 1, phase: 'Ready', reason: '', message: '', sizeBytes: 1 << 30, storedBytes: 4096, formatted: 'ext4', ...over })))
    return (await volumeViewOf(test.db, test.ann, 'left')).status.filesystem
  }
  expect(await tell({ attachments: [attachment] })).toEqual({ type: 'ext4', totalBytes: 1000, usedBytes: 500 })
  const left = await tell({ attachments: [] })
  expect(left).toEqual({ type: 'ext4', totalBytes: 1000, usedBytes: 500, lastAt: expect.any(String) as string })
  // The next pod has it, and its guest has not looked yet; what was said stays, with its time.
  expect([await tell({ attachments: [], storedBytes: 8192 }), await tell({ attachments: [{ ...attachment, usedBytes: null, fsBytes: null }] })]).toEqual([left, left])
  expect(await tell({ attachments: [{ ...attachment, usedBytes: 600 }] })).toEqual({ type: 'ext4', totalBytes: 1000, usedBytes: 600 })
  const snapshot = randomUUID()
  await test.db.volume.update({ where: { uid }, data: { revertTo: snapshot } })
  expect(await tell({ attachments: [], revertedTo: snapshot })).toBeNull()
})
