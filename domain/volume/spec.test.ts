import { describe, expect, it } from 'vitest'
import { limitsWithin, ratesOf, ratesWithin, sizeBytesOf } from './limits'
import { changedForGood, volumeSpec } from './spec'

const problem = (value: object): string => volumeSpec.safeParse({ size: '1Gi', ...value }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'

describe('a volume', () => {
  it('needs a size, and all else has a default', () => {
    expect(volumeSpec.parse({ size: '10Gi' })).toEqual({ size: '10Gi', accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', source: { kind: 'Blank' }, limits: {} })
    expect(sizeBytesOf(volumeSpec.parse({ size: 2 ** 30 }).size)).toBe(2 ** 30)
    expect(volumeSpec.safeParse({}).success).toBe(false)
  })

  it('has a size that every store can have', () => {
    for (const size of ['1Mi', '3Mi', '16Ti', '1.5Gi']) expect(problem({ size }), size).toBe('none')
    for (const size of ['0', '-1Gi', '1023Ki', 'much', '']) expect(problem({ size }), size).toBe('size: must be a quantity of at least 1Mi, such as "10Gi"')
    expect(problem({ size: '17Ti' })).toBe('size: must be at most 16Ti')
    expect(problem({ size: '1G' })).toBe('size: must be a whole number of MiB, such as "10Gi"')
  })

  it('is refused by the field that is wrong', () => {
    expect(problem({ accessMode: 'ReadWriteMany' })).toContain('accessMode: must be ReadWriteOnce')
    expect(problem({ accessMode: 'ReadOnlyMany' })).toContain('source: is required of a volume that nobody writes')
    expect(problem({ accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 'x' } })).toBe('none')
    expect(problem({ volumeMode: 'Block', fsType: 'ext4' })).toContain('fsType: is of a volume with a file system')
    expect(problem({ volumeMode: 'Block', source: { kind: 'Image', reference: 'busybox' } })).toContain('source: files of an image need a file system')
    expect(problem({ fsType: 'btrfs' })).toBe('fsType: must be ext4 or xfs')
    expect([problem({ fsType: 'xfs', size: '300Mi' }), problem({ fsType: 'xfs', size: '301Mi' })]).toEqual(['size: must be at least 301Mi, which xfs needs: ask for more, or for ext4', 'none'])
    expect(problem({ onFull: 'Wait' })).toBe('onFull: must be Pause or Fail')
    expect(problem({ source: { kind: 'Tape' } })).toContain('must be Blank, Snapshot, Volume, Image or Upload')
    expect(problem({ source: { kind: 'Image', reference: 'http://x' } })).toContain('source.reference: the image "http://x" must not begin with a scheme')
    expect(problem({ source: { kind: 'Upload', uploadId: 'x' } })).toContain('source.uploadId: must be the id of an upload')
  })

  it('has limits with bursts over them', () => {
    expect(problem({ limits: { iops: 100, iopsBurst: 200, bytesPerSecond: '10Mi', bytesPerSecondBurst: '20Mi', burstSeconds: 5 } })).toBe('none')
    expect(problem({ limits: { iops: 0 } })).toBe('limits.iops: must be at least 1')
    expect(problem({ limits: { iopsBurst: 1 } })).toBe('limits.iopsBurst: is a burst over iops, which is not set')
    expect(problem({ limits: { bytesPerSecond: '20Mi', bytesPerSecondBurst: '10Mi' } })).toBe('limits.bytesPerSecondBurst: must be at least bytesPerSecond, 20Mi')
    expect(problem({ limits: { burstSeconds: 5 } })).toBe('limits.burstSeconds: is of a burst, and none is set')
    expect(problem({ limits: { bytesPerSecond: '1' } })).toContain('limits.bytesPerSecond: must be a quantity of bytes a second')
    expect(ratesOf({})).toEqual({ iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 })
    expect(ratesOf({ iops: 100, bytesPerSecond: '10Mi', bytesPerSecondBurst: '20Mi', burstSeconds: 5 })).toEqual({ iops: 100, iopsBurst: null, bytesPerSecond: 10 << 20, bytesPerSecondBurst: 20 << 20, burstSeconds: 5 })
  })

  it('has its own limits, and never more than its class allows', () => {
    const none = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
    const most = { iops: 500, iopsBurst: 2000, bytesPerSecond: '10Mi', burstSeconds: 30 }
    expect(ratesWithin({}, {})).toEqual(none)
    expect(ratesWithin({}, most)).toEqual(ratesOf(most))
    expect(ratesWithin(most, {})).toEqual(ratesOf(most))
    // Whoever names one of them has not lifted the others.
    expect(ratesWithin({ iops: 10_000_000 }, { bytesPerSecond: '10Mi' })).toEqual({ ...none, iops: 10_000_000, bytesPerSecond: 10 << 20 })
    expect(ratesWithin({ iops: 10_000_000, iopsBurst: 10_000_000, bytesPerSecond: '1Gi', bytesPerSecondBurst: '2Gi', burstSeconds: 3600 }, most)).toEqual(ratesOf(most))
    expect(ratesWithin({ iops: 100, bytesPerSecond: '1Mi' }, most)).toEqual({ ...none, iops: 100, bytesPerSecond: 1 << 20, burstSeconds: 30 })
    expect(ratesWithin({ iops: 100, iopsBurst: 9000, burstSeconds: 5 }, most)).toEqual({ ...none, iops: 100, iopsBurst: 2000, bytesPerSecond: 10 << 20, burstSeconds: 5 })
    expect(ratesWithin({ iops: 1000 }, most)).toMatchObject({ iops: 500, iopsBurst: 1000 })
    expect(ratesWithin({ iops: 100, iopsBurst: 9000 }, { iops: 500 })).toMatchObject({ iops: 100, iopsBurst: 500 })
  })

  it('says which of its limits are its class’s', () => {
    const none = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: null, ofClass: [] }
    expect(limitsWithin({}, {})).toEqual(none)
    // Its own is ten times that, and it says nothing of bytes.
    expect(limitsWithin({ iops: 1000 }, { iops: 100, bytesPerSecond: '10Mi' })).toEqual({ ...none, iops: 100, bytesPerSecond: 10 << 20, ofClass: ['iops', 'bytesPerSecond'] })
    expect(limitsWithin({ iops: 100, iopsBurst: 9000, burstSeconds: 5 }, { iops: 500, iopsBurst: 2000 })).toEqual({ ...none, iops: 100, iopsBurst: 2000, burstSeconds: 5, ofClass: ['iopsBurst'] })
    expect(limitsWithin({ iops: 100, iopsBurst: 200 }, { iops: 100, iopsBurst: 200, burstSeconds: 10 })).toMatchObject({ burstSeconds: 10, ofClass: ['burstSeconds'] })
    // A class that bounds it below its own rate leaves nothing to burst to.
    expect(limitsWithin({ iops: 100, iopsBurst: 200 }, { iops: 50 })).toEqual({ ...none, iops: 50, ofClass: ['iops', 'iopsBurst', 'burstSeconds'] })
  })

  it('keeps what it is made of', () => {
    const before = volumeSpec.parse({ size: '1Gi' })
    expect(changedForGood(before, volumeSpec.parse({ size: '2Gi', limits: { iops: 5 }, onFull: 'Fail' }))).toEqual([])
    expect(changedForGood(before, volumeSpec.parse({ size: '1Gi', fsType: 'xfs', accessMode: 'ReadOnlyMany', storageClassName: 'fast', source: { kind: 'Snapshot', name: 'x' } }))).toEqual(['storageClassName', 'accessMode', 'fsType', 'source'])
  })
})
