import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GuestImages, GuestImageState, guestImageStateFile, type GuestImage } from './guest-images'

const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
let folder: string
let pointer: string
let opened: GuestImages[]
let used: string[]
let running: string[]
let inMaking: string[]
let tried: string[]
let bootable: (version: string) => boolean

/** An image's files, as the builder leaves them. */
async function image(version: string): Promise<GuestImage> {
  const target = join(folder, 'guest', version)
  await mkdir(target, { recursive: true })
  for (const name of ['vmlinuz', 'initramfs']) await writeFile(join(target, name), version)
  return { kernel: join(target, 'vmlinuz'), initramfs: join(target, 'initramfs'), version }
}

async function publish(what: object | string): Promise<void> {
  await writeFile(`${pointer}.draft`, typeof what === 'string' ? what : JSON.stringify(what))
  await rename(`${pointer}.draft`, pointer)
}

async function host(hostTag = 'one', { pointed = true, given }: { pointed?: boolean; given?: GuestImage } = {}): Promise<GuestImages> {
  const own = join(folder, hostTag)
  await mkdir(own, { recursive: true })
  const images = await GuestImages.open({ pointer: pointed ? pointer : undefined, given, folder: own, hostTag, log, everyMs: 3_600_000 })
  opened.push(images)
  images.follow({
    tryOut: async ({ version }) => {
      tried.push(version)
      if (!bootable(version)) throw new Error('the guest did not say hello')
    },
    use: ({ version }) => void used.push(version),
    running: () => running,
    inMaking: () => inMaking,
  })
  await images.look()
  return images
}

const state = async () => GuestImageState.parse(JSON.parse(await readFile(join(folder, 'one', guestImageStateFile), 'utf8')))
const there = async () => (await readdir(join(folder, 'guest'))).filter((name) => name !== 'image.json').sort()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guest-images-'))
  await mkdir(join(folder, 'guest'))
  pointer = join(folder, 'guest/image.json')
  opened = []
  used = []
  running = []
  inMaking = []
  tried = []
  bootable = () => true
  vi.clearAllMocks()
})
afterEach(async () => {
  vi.useRealTimers()
  for (const images of opened) images.end()
  await rm(folder, { recursive: true, force: true })
})

test('another image is used once a VM has booted from it, and the old one goes with the last VM of it', async () => {
  await publish(await image('a'))
  const images = await host()
  running = ['a', 'a']
  await publish(await image('b'))
  await images.look()
  expect([images.current.version, used]).toEqual(['b', ['b']])
  expect(await there()).toEqual(['a', 'b'])
  running = ['a', 'b']
  await images.look()
  expect(await there()).toEqual(['a', 'b'])
  expect((await state()).running).toEqual({ a: 1, b: 1 })
  running = ['b']
  inMaking = ['a']
  await images.look()
  expect(await there()).toEqual(['a', 'b'])
  inMaking = []
  await images.look()
  expect(await there()).toEqual(['b'])
})

describe('an image that is published while no agent runs', () => {
  beforeEach(async () => {
    await publish(await image('good'))
    const first = await host()
    first.end()
    await publish(await image('next'))
  })

  test('is tried before it is used', async () => {
    let begunWith = ''
    bootable = () => {
      begunWith = opened.at(-1)?.current.version ?? ''
      return true
    }
    const second = await host()
    expect([begunWith, tried, second.current.version, used]).toEqual(['good', ['next'], 'next', ['next']])
  })

  test('and does not boot leaves the one that did, also on the disk', async () => {
    bootable = () => false
    expect((await host()).current.version).toBe('good')
    expect([used, await there(), (await state()).refused]).toEqual([[], ['good', 'next'], 'next'])
  })

  test('is used at once where the files of the one before are gone', async () => {
    await rm(join(folder, 'guest/good'), { recursive: true })
    expect([(await host()).current.version, tried]).toEqual(['next', []])
  })

  test('and damaged leaves the one before', async () => {
    await publish('nonsense')
    expect((await host()).current.version).toBe('good')
  })
})

describe('an image that does not boot', () => {
  beforeEach(async () => {
    bootable = (version) => version !== 'bad'
    await publish(await image('good'))
  })

  test('is told, left alone, and tried again after a while that doubles', async () => {
    const images = await host()
    vi.useFakeTimers({ toFake: ['performance'] })
    await publish(await image('bad'))
    const tries: number[] = []
    for (let minute = 0; minute < 8; minute += 1) {
      const before = log.error.mock.calls.length
      await images.look()
      if (log.error.mock.calls.length > before) tries.push(minute)
      vi.advanceTimersByTime(60_000)
    }
    expect(tries).toEqual([0, 1, 3, 7])
    expect(log.error).toHaveBeenCalledWith(expect.objectContaining({ image: 'bad', current: 'good' }), expect.stringMatching(/does not boot.*tried again in 1 min.*guest:update/))
    expect([images.current.version, used, await state()]).toEqual(['good', [], expect.objectContaining({ refused: 'bad' })])
    expect(await there()).toEqual(['bad', 'good'])
    // The next one is not made to wait for it.
    await publish(await image('better'))
    await images.look()
    expect([images.current.version, (await state()).refused]).toEqual(['better', null])
  })

  test('is not what the next run of the host begins with', async () => {
    const first = await host()
    await publish(await image('bad'))
    await first.look()
    first.end()
    expect((await host()).current.version).toBe('good')
    expect(await state()).toMatchObject({ current: { version: 'good' }, refused: 'bad' })
    expect(log.error).toHaveBeenCalledWith({ refused: 'bad', current: 'good' }, expect.stringMatching(/did not boot/))
  })
})

test('what names no image is told and changes nothing', async () => {
  await publish(await image('a'))
  const images = await host()
  for (const wrong of ['{"kernel":', '{"kernel":"relative","initramfs":"/i","version":"x"}', JSON.stringify({ kernel: '/missing', initramfs: '/missing', version: 'gone' })]) {
    log.error.mockClear()
    await publish(wrong)
    await images.look()
    expect(log.error).toHaveBeenCalledOnce()
  }
  expect([images.current.version, used, await there()]).toEqual(['a', [], ['a']])
})

test('an image stays while another host of the machine uses it, and such as no host ever used stay', async () => {
  await publish(await image('a'))
  const one = await host('one')
  await host('two')
  await image('from-elsewhere')
  await publish(await image('b'))
  await one.look()
  expect(await there()).toEqual(['a', 'b', 'from-elsewhere'])
  // The other one was taken away with all that it had.
  await rm(join(folder, 'two'), { recursive: true })
  await one.look()
  expect(await there()).toEqual(['b', 'from-elsewhere'])
})

test('without a pointer the given image is used, and without either it is said what to set', async () => {
  const given = await image('given')
  expect((await host('one', { pointed: false, given })).current).toEqual(given)
  await publish('nonsense')
  expect((await host('two', { given })).current).toEqual(given)
  await expect(host('three')).rejects.toThrow(/HYPERNETES_GUEST_IMAGE.*npm start makes it and sets them/)
})
