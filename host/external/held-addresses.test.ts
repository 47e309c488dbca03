import { describe, expect, it } from 'vitest'
import { balancer } from '@/host/balancers/testing/balancer-lab'
import { HeldAddresses } from './held-addresses'

const [a, b, c] = ['198.18.100.7', '198.18.100.8', '198.18.100.9']
const place = ['namespace', 'ext0'] as const
const one = balancer(7)
const having = (...addresses: string[]) => ({ ...one, addresses })

function open(left: readonly string[] | null, isRight = true) {
  const held = new HeldAddresses(left ? [having(...left)] : [], isRight)
  const less: string[] = []
  held.listen((uid) => less.push(uid))
  let fails = false
  const act = () => (fails ? Promise.reject(new Error('busy')) : Promise.resolve())
  return { held, less, links: held.through({ attach: act, detach: act }), fail: (now: boolean) => (fails = now), of: () => held.of(one.uid)?.sort() ?? null }
}

describe('what a balancer may answer for in the kernel', () => {
  it('is what it lost, too, until the kernel has let go of it; then that is told', async () => {
    const { links, less, fail, of } = open(null)
    await links.attach(having(a, b), ...place)
    expect([of(), less]).toEqual([[a, b], []])
    fail(true)
    await expect(links.attach(having(a, c), ...place)).rejects.toThrow('busy')
    // Half of it may have been done.
    expect([of(), less]).toEqual([[a, b, c], []])
    fail(false)
    await links.attach(having(a), ...place)
    expect([of(), less]).toEqual([[a], [one.uid]])
    fail(true)
    await expect(links.detach(one, ...place)).rejects.toThrow('busy')
    expect(of()).toEqual([a])
    fail(false)
    await links.detach(one, ...place)
    expect([of(), less]).toEqual([[], [one.uid, one.uid]])
  })

  it('is of an earlier agent what the kernel was brought to; where it could not be, it is not known until it is', async () => {
    expect(open([a, b]).of()).toEqual([a, b])
    const { links, less, of } = open([a, b], false)
    expect(of()).toBeNull()
    await links.attach(having(a), ...place)
    expect([of(), less]).toEqual([[a], [one.uid]])
    expect(open(null, false).of()).toBeNull()
  })

  it('is all that it has by several numbers', async () => {
    const { links, of } = open([a])
    await links.attach({ ...having(b), number: 8 }, ...place)
    expect(of()).toEqual([a, b])
    await links.detach({ number: 7 }, ...place)
    expect(of()).toEqual([b])
  })
})
