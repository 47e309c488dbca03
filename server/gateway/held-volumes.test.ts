import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { maxVolumeReports, type AttachmentReport, type HostVolume, type VolumeReport } from '@/contracts/host/v1/volumes'
import { HeldVolumes, rightKey } from './held-volumes'
import { namedVolumesOf } from './named-volumes'

const uid = randomUUID()
const key = `volume/${uid}`
const pod = { podUid: randomUUID(), epoch: 3 }
const right = rightKey(pod)
const said = (phase: AttachmentReport['phase'], of = pod): AttachmentReport => ({ ...of, phase, reason: '', message: '', device: null, usedBytes: null, fsBytes: null, paused: false, transport: 'direct' })
const report = (phase: VolumeReport['phase'], attachments: AttachmentReport[] = [], epoch = 3): VolumeReport => ({ kind: 'volume', uid, epoch, phase, reason: '', message: '', attachments })
const volume = (rights: readonly { podUid: string; epoch: number }[]): HostVolume => ({
  kind: 'volume', uid, tenantId: 't', name: 'data', storeUid: randomUUID(), epoch: 3, keeper: true, sizeBytes: 1, origin: { kind: 'blank' }, mode: 'filesystem', fsType: 'ext4', formatted: false, populate: null,
  rates: { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }, onFull: 'pause', fence: null, revertTo: null, purge: false, flatten: false, detaching: [],
  attachments: rights.map((one) => ({ uid: randomUUID(), name: 'v', readOnly: false, mounts: null, ...one })),
})
/** One turn of telling, as of the rows that were read now. */
const tell = (held: HeldVolumes, ...objects: HostVolume[]) => [...held.choose(objects, held.leaving())]

describe('what a host may have open', () => {
  it('is everything before it has said what it is, and what it said from then on', () => {
    const held = new HeldVolumes()
    expect([held.isReady, held.holds(key), held.holdsRight(key, right)]).toEqual([false, true, true])
    held.begin([{ key, epoch: 3, rights: new Map([[right, 'Attached']]) }])
    expect([held.holds(key), held.holds('volume/other'), held.holdsRight(key, right), held.holdsRight(key, 'other/3'), held.epochOf(key), held.epochOf('volume/other')]).toEqual([true, false, true, false, 3, 0])
    held.begin([])
    expect(held.holds(key)).toBe(true)
  })

  it('is held until its removal is answered, and told to nobody before', () => {
    const held = new HeldVolumes()
    held.begin([])
    expect(tell(held, volume([pod]))).toEqual([key])
    expect(tell(held)).toEqual([])
    expect([held.isLeaving(key), held.holds(key), tell(held, volume([pod]))]).toEqual([true, true, []])
    held.hear(report('Ready', [said('Attached')]))
    expect([held.isLeaving(key), held.holdsRight(key, right)]).toEqual([true, true])
    // What was answered after the rows were read counts the next time.
    const leaving = held.leaving()
    expect(held.hear(report('Gone'))).toBe(true)
    expect([held.holds(key), held.holdsRight(key, right)]).toEqual([false, false])
    expect([...held.choose([volume([pod])], leaving)]).toEqual([])
    expect(tell(held, volume([pod]))).toEqual([key])
    expect(held.hear(report('Gone')), 'nobody has asked for it').toBe(false)
    expect(held.holds(key)).toBe(true)
  })

  it('is left alone where its key is not asked about', () => {
    const held = new HeldVolumes()
    held.begin([{ key, epoch: 3, rights: new Map() }])
    held.choose([], held.leaving(), (one) => one !== key)
    expect(held.isLeaving(key)).toBe(false)
  })

  it('is held by a pod until the host, told without it, says that it is detached: what it said while it was told is no word on that', () => {
    const held = new HeldVolumes()
    held.begin([])
    tell(held, volume([pod]))
    held.hear(report('Ready', [said('Detached')]))
    expect(held.holdsRight(key, right)).toBe(true)
    held.hear(report('Ready', [said('Attached')]))
    expect(held.saidOf(key, right)).toBe('Attached')
    tell(held, volume([]))
    expect([held.holdsRight(key, right), held.saidOf(key, right)]).toEqual([true, null])
    expect(held.hear(report('Ready', [said('Detached', { ...pod, epoch: 2 })]))).toBe(false)
    expect(held.hear(report('Ready', [said('Detached')]))).toBe(true)
    expect(held.holdsRight(key, right)).toBe(false)
    expect(held.hear(report('Ready', [said('Detached')])), 'said twice').toBe(false)
  })

  it('is detached also while all of it is being let go of', () => {
    const held = new HeldVolumes()
    held.begin([])
    tell(held, volume([pod]))
    tell(held)
    held.hear(report('Ready', [said('Detached')]))
    expect([held.holdsRight(key, right), held.holds(key)]).toEqual([false, true])
  })
})

describe('what a host names in its first report', () => {
  it('is read with its rights, but what has gone or is detached', () => {
    const other = { podUid: randomUUID(), epoch: 4 }
    expect(namedVolumesOf([report('Ready', [said('Attached'), said('Detached', other)]), { ...report('Gone'), uid: randomUUID() }, { kind: 'snapshot', uid, epoch: 0, phase: 'Ready', reason: '', message: '' }])).toEqual([
      { key, epoch: 3, rights: new Map([[right, 'Attached']]) }, { key: `snapshot/${uid}`, epoch: 0, rights: new Map() },
    ])
  })

  it('has any right where it cannot be read, and is nothing that can be told where it cannot be known what it is', () => {
    const named = namedVolumesOf([{ kind: 'volume', uid, phase: 'Melted' }])
    expect(named).toEqual([{ key, epoch: 0, rights: null }])
    const held = new HeldVolumes()
    held.begin(named ?? [])
    expect(held.holdsRight(key, right)).toBe(true)
    tell(held, volume([]))
    held.hear(report('Ready', [said('Detached')]))
    expect(held.holdsRight(key, right), 'until all of it is gone').toBe(true)
    tell(held)
    held.hear(report('Gone'))
    expect(held.holdsRight(key, right)).toBe(false)
    for (const unread of [{ kind: 'volume' }, { uid }, null, { kind: 'planet', uid }]) expect(namedVolumesOf([report('Ready'), unread])).toBeNull()
    expect(namedVolumesOf(Array.from({ length: maxVolumeReports }, () => report('Ready'))), 'it may be a part of more').toBeNull()
  })
})
