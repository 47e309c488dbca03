import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { SetRoutedAddressesParams } from '@/contracts/guest/v1/requests'
import { NOTHING_ROUTED } from '@/host/network/floating/routed-addresses'
import { GuestRefusal } from './ports'
import { RoutedGuests } from './routed-guests'

const routed = (...addresses: string[]): SetRoutedAddressesParams => ({ addresses, gateway: 'fe80::1', inside: [] })
const tooOld = new GuestRefusal('InvalidRequest', "the pod's guest agent does not know setRoutedAddresses", 'setRoutedAddresses')

/** A guest that answers as it is told. */
class Guest {
  readonly told: SetRoutedAddressesParams[] = []
  end: () => void = () => {}
  readonly closed = new Promise<string>((resolve) => (this.end = () => resolve('ended')))
  answer: () => Promise<void> = () => Promise.resolve()
  setRoutedAddresses(params: SetRoutedAddressesParams): Promise<void> {
    this.told.push(params)
    return this.answer()
  }
}

let wanted: Map<string, SetRoutedAddressesParams>
let guests: RoutedGuests
let guest: Guest
const changed = vi.fn()

beforeEach(() => {
  vi.useFakeTimers()
  wanted = new Map()
  guest = new Guest()
  guests = new RoutedGuests({ wanted: () => wanted, log: { warn: vi.fn() } })
  guests.listen(() => {
    changed()
    // As whoever is told looks again.
    guests.refresh()
  })
})
afterEach(() => vi.useRealTimers())
const settle = () => vi.advanceTimersByTimeAsync(0)

it('a new guest without any is asked nothing, one with some before its containers are', async () => {
  guests.serve('plain', guest, true)
  await settle()
  expect(guest.told).toEqual([])
  wanted.set('web', routed('2001:db8::7'))
  const other = new Guest()
  expect(guests.stateOf('web')).toEqual({ state: 'waiting' })
  guests.serve('web', other, true)
  // At once, so that what is sent after it finds them.
  expect(other.told).toEqual([routed('2001:db8::7')])
  await settle()
  expect(guests.stateOf('web')).toEqual({ state: 'done' })
})

it('a guest that runs is told of what comes and goes, once each, the last word last', async () => {
  guests.serve('web', guest, true)
  await settle()
  let answer = () => {}
  guest.answer = () => new Promise<void>((resolve) => (answer = resolve))
  wanted.set('web', routed('2001:db8::7'))
  guests.refresh()
  wanted.set('web', routed('2001:db8::8'))
  guests.refresh()
  guests.refresh()
  expect(guests.stateOf('web')).toEqual({ state: 'waiting' })
  answer()
  await settle()
  answer()
  await settle()
  expect(guest.told).toEqual([routed('2001:db8::7'), routed('2001:db8::8')])
  guest.answer = () => Promise.resolve()
  wanted.clear()
  guests.refresh()
  await settle()
  guests.refresh()
  await settle()
  expect(guest.told.slice(2)).toEqual([NOTHING_ROUTED])
})

it('one that an earlier agent of the host set up is told in any case, and may know nothing of it', async () => {
  guest.answer = () => Promise.reject(tooOld)
  guests.serve('web', guest, false)
  await settle()
  expect([guest.told, guests.stateOf('web')]).toEqual([[NOTHING_ROUTED], { state: 'done' }])
  wanted.set('web', routed('2001:db8::7'))
  guests.refresh()
  await settle()
  expect(guests.stateOf('web')).toMatchObject({ state: 'failed', isOld: true })
  // It learns nothing by being asked again.
  await vi.advanceTimersByTimeAsync(60_000)
  expect(guest.told).toHaveLength(2)
  wanted.clear()
  guests.refresh()
  await settle()
  expect(guests.stateOf('web')).toEqual({ state: 'done' })
})

it('one that failed is asked again after a while, and not in between', async () => {
  guest.answer = () => Promise.reject(new GuestRefusal('NetworkFailed', 'no', 'eth0'))
  wanted.set('web', routed('2001:db8::7'))
  guests.serve('web', guest, true)
  await settle()
  expect(guests.stateOf('web')).toMatchObject({ state: 'failed', isOld: false })
  expect(guest.told).toHaveLength(1)
  guest.answer = () => Promise.resolve()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(guest.told).toHaveLength(2)
  expect(guests.stateOf('web')).toEqual({ state: 'done' })
})

it('one that always refuses is asked more and more seldom, and fills no log', async () => {
  const warn = vi.fn()
  guests = new RoutedGuests({ wanted: () => wanted, log: { warn } })
  guest.answer = () => Promise.reject(new GuestRefusal('NetworkFailed', 'no', 'eth0'))
  wanted.set('web', routed('2001:db8::7'))
  guests.serve('web', guest, true)
  await vi.advanceTimersByTimeAsync(3_600_000)
  // At 0, 10, 30, 70, 150, 310 s, and then every five minutes.
  expect(guest.told).toHaveLength(6 + Math.floor((3600 - 310) / 300))
  expect(warn).toHaveBeenCalledTimes(1)
  // It comes around: the next refusal is a new one.
  guest.answer = () => Promise.resolve()
  await vi.advanceTimersByTimeAsync(300_000)
  expect(guests.stateOf('web')).toEqual({ state: 'done' })
  guest.answer = () => Promise.reject(new GuestRefusal('NetworkFailed', 'no', 'eth0'))
  wanted.set('web', routed('2001:db8::8'))
  guests.refresh()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(warn).toHaveBeenCalledTimes(2)
})

it('one that ended is nobody’s, and the next one of its pod is told anew', async () => {
  wanted.set('web', routed('2001:db8::7'))
  guests.serve('web', guest, true)
  await settle()
  const next = new Guest()
  guests.serve('web', next, true)
  guest.end()
  await settle()
  expect(guests.stateOf('web')).toEqual({ state: 'done' })
  next.end()
  await settle()
  expect(guests.stateOf('web')).toEqual({ state: 'waiting' })
  expect(changed).toHaveBeenCalled()
})
