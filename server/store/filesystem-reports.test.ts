import { afterAll, beforeAll, expect, it } from 'vitest'
import { volumeReport } from '@/contracts/host/v1/volumes'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
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
