import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Pristine } from './pristine'
import { TemplateRenewal } from './renewal'
import type { TemplateInService } from './template-store'

const hour = 3_600_000
const day = 24 * hour

/** Templates in service, without a hypervisor: what is done with them is what counts. */
class Service {
  sharing = 'tenant-copy' as const
  templates: (TemplateInService & { usedAt: number })[] = []
  done: string[] = []
  failing = false

  add(memoryMiB: number, { outdated = false } = {}): void {
    const pristine: Pristine = { key: `k${memoryMiB}-${this.done.length}`, vcpus: 1, memoryMiB, generation: 'g', guestVersion: 'v', madeAt: Date.now(), memory: '', state: '', bootStub: '', digests: { memory: '', state: '', bootStub: '' } }
    this.templates.push({ pristine, unusedMs: 0, usedAt: performance.now(), outdated })
  }
  use(memoryMiB: number): void {
    for (const one of this.templates) if (one.pristine.memoryMiB === memoryMiB) one.usedAt = performance.now()
  }
  inService = () => this.templates.map((one) => ({ ...one, unusedMs: performance.now() - one.usedAt }))
  renew = async ({ memoryMiB }: { memoryMiB: number }) => {
    this.done.push(`${this.failing ? 'try' : 'renew'} ${memoryMiB}`)
    if (this.failing) throw new Error('no memory left')
    const one = this.templates.find((each) => each.pristine.memoryMiB === memoryMiB)
    if (one) Object.assign(one, { outdated: false, pristine: { ...one.pristine, madeAt: Date.now() } })
  }
  retire = async ({ memoryMiB }: Pristine) => {
    this.done.push(`drop ${memoryMiB}`)
    this.templates = this.templates.filter((one) => one.pristine.memoryMiB !== memoryMiB)
  }
  dropIdle = async () => {}
  check = async () => void this.done.push('check')
}

const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
let service: Service
let renewal: TemplateRenewal

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  vi.clearAllMocks()
  service = new Service()
  renewal = new TemplateRenewal(service, { maxAgeMs: day, log, checkEveryMs: 1000 * day })
})
afterEach(() => vi.useRealTimers())

describe('templates are made anew', () => {
  test('when they are old, and not before', async () => {
    service.add(128)
    vi.advanceTimersByTime(day - 1)
    service.use(128)
    await renewal.look()
    expect(service.done).toEqual([])
    vi.advanceTimersByTime(1)
    await renewal.look()
    await renewal.look()
    expect(service.done).toEqual(['renew 128'])
  })

  test('at once when the guest image is another one', async () => {
    service.add(128, { outdated: true })
    await renewal.look()
    expect(service.done).toEqual(['renew 128'])
  })

  test('when the clock was set back so far that they seem to come from the future', async () => {
    service.add(128)
    vi.setSystemTime(Date.now() - day)
    await renewal.look()
    expect(service.done).toEqual(['renew 128'])
  })

  test('not at all where pods boot cold', async () => {
    service.add(128, { outdated: true })
    await new TemplateRenewal({ ...service, sharing: 'cold' }, { maxAgeMs: day, log }).look()
    expect(service.done).toEqual([])
  })
})

test('it is looked each minute by itself, also where a look fails, and no more once it is ended', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] })
  const { dropIdle } = service
  service.add(128)
  renewal.start()
  await vi.advanceTimersByTimeAsync(day - 60_000)
  service.use(128)
  expect(service.done).toEqual([])
  service.dropIdle = () => Promise.reject(new Error('no disk'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(service.done).toEqual(['renew 128'])
  expect(log.error).toHaveBeenLastCalledWith(expect.objectContaining({ err: new Error('no disk') }), 'templates could not be looked after; it is tried again')
  service.dropIdle = dropIdle
  service.add(256, { outdated: true })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(service.done).toEqual(['renew 128', 'renew 256'])
  await renewal.end()
  service.add(512, { outdated: true })
  await vi.advanceTimersByTimeAsync(hour)
  expect(service.done).toEqual(['renew 128', 'renew 256'])
})

test('one that fails is told and tried again after 1, 2, 4 … minutes, at once where the cause may be gone', async () => {
  service.add(128, { outdated: true })
  service.failing = true
  const tries: number[] = []
  for (let minute = 0; minute < 16; minute += 1) {
    const before = service.done.length
    await renewal.look()
    if (service.done.length > before) tries.push(minute)
    vi.advanceTimersByTime(60_000)
  }
  expect(tries).toEqual([0, 1, 3, 7, 15])
  expect(log.error).toHaveBeenLastCalledWith(expect.objectContaining({ tries: 5 }), 'a template could not be made anew: pods go on starting from the old one, and it is tried again in 16 min')
  service.failing = false
  await renewal.look(true)
  expect(service.done.at(-1)).toBe('renew 128')
  await renewal.look()
  expect(service.done.filter((one) => one === 'renew 128')).toHaveLength(1)
})

test('those that no pod asks for are dropped, and so are the least used beyond a bound', async () => {
  service.add(128)
  service.add(256)
  vi.advanceTimersByTime(day)
  service.use(128)
  await renewal.look()
  expect(service.done.sort()).toEqual(['drop 256', 'renew 128'])
  service.done = []
  for (let memoryMiB = 512; memoryMiB < 600; memoryMiB += 1) {
    service.add(memoryMiB)
    vi.advanceTimersByTime(1)
  }
  service.use(128)
  await renewal.look()
  expect(service.templates).toHaveLength(32)
  expect(service.templates.some((one) => one.pristine.memoryMiB === 128)).toBe(true)
  expect(service.templates.some((one) => one.pristine.memoryMiB === 599)).toBe(true)
})

test('the memory of all is compared now and then', async () => {
  renewal = new TemplateRenewal(service, { maxAgeMs: day, log })
  await renewal.look()
  vi.advanceTimersByTime(6 * hour)
  await renewal.look()
  await renewal.look()
  expect(service.done).toEqual(['check'])
})
