import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExternalObject } from '@/contracts/host/v1/external'
import type { Run } from '@/host/network/kernel'
import { run } from '@/platform/exec'
import { Balancers } from './balancers'
import type { Haproxy } from './ports'
import { Strays } from './strays'
import { balancer, backend, BalancerLab, listener, noHaproxy, silent } from './testing/balancer-lab'

const always = { holds: () => true }

describe('what ends of balancers', () => {
  let lab: BalancerLab
  beforeAll(async () => void (lab = await BalancerLab.create()))
  afterAll(() => lab.destroy())

  it('is let through no more where it left, also where HAProxy cannot be told, and is said where it could not be ended', async () => {
    let works = true
    const stubborn = (): Haproxy => ({ ...noHaproxy(), bring: () => (works ? Promise.resolve(null) : Promise.reject(new Error('no answer'))), isRunning: () => Promise.resolve(true) })
    const errors: unknown[] = []
    const all = await Balancers.open({ ...lab.parts(stubborn), log: { ...silent, error: (what: unknown) => void errors.push(what) } }, always, [])
    const web = balancer(9, { listeners: [listener(80, 'tcp', 'web')], backends: [backend('web', 'tcp')] })
    const led = (...last: number[]): ExternalObject => ({ kind: 'backendServers', balancerUid: web.uid, backend: 'web', servers: last.map((digit) => ({ address: `10.0.0.${digit}`, port: 80, weight: 1 })) })
    const passes = async () => (await lab.in(`hypb-${lab.hostTag}-n9`, 'nft', 'list', 'set', 'inet', 'balancer', 'backends4')).stdout
    all.take(web.uid, [web, led(2, 3)])
    await all.settled()
    expect(await passes()).toContain('10.0.0.3')
    works = false
    all.take(web.uid, [web, led(2)])
    await expect.poll(passes, { timeout: 30_000 }).not.toContain('10.0.0.3')
    lab.fault = (what) => {
      if (what === 'detach network') throw new Error('it is held')
    }
    // Its end has failed before, so that what is said of it then is no matter of time.
    all.take(web.uid, [])
    await expect.poll(() => all.report(web.uid)?.reason, { timeout: 30_000 }).toBe('NotRemoved')
    await all.suspend(100)
    expect(errors).toMatchObject([{ count: 1, balancers: [web.uid], cause: expect.stringContaining('it is held') as string }])
    // What is said while it ends brings nothing up.
    const ten = balancer(10)
    all.take(ten.uid, [ten])
    expect(all.report(ten.uid)).toBeNull()
    lab.fault = () => {}
  })

  it('and cannot be removed keeps no agent from its start, and goes later', async () => {
    const name = `hypb-${lab.hostTag}-n9`
    await run('ip', ['netns', 'add', name]).catch(() => {})
    const seen = { looks: 0, refused: 0 }
    let isBusy = true
    const busy: Run = (command, args, options) => {
      if (!(isBusy && args.includes('delete') && args.includes(name))) return run(command, args, options)
      seen.refused += 1
      return Promise.reject(new Error('busy'))
    }
    const haproxies = { endUnwritten: () => Promise.resolve((seen.looks += 1) - 1), removeBut: (_: unknown, failed: (uid: string, error: unknown) => void) => (isBusy && failed('x', new Error('busy')), Promise.resolve(0)) }
    const parts = { ...lab.parts(noHaproxy), run: busy, haproxies }
    const next = await Balancers.open(parts, always, [])
    await next.leave()
    expect(seen).toEqual({ looks: 1, refused: 1 })
    const strays = new Strays(parts)
    await strays.again(() => [])
    expect(strays.remain).toBe(true)
    isBusy = false
    await strays.again(() => [])
    expect(strays.remain).toBe(false)
    expect(await lab.traces()).toEqual([])
    // A balancer that comes while others' leftovers are removed has its own.
    const came: { uid: string; number: number }[] = []
    const meanwhile = new Strays({ ...parts, haproxies: { ...haproxies, removeBut: async (isKept) => {
      expect(isKept('y')).toBe(false)
      came.push({ uid: 'y', number: 9 })
      expect(isKept('y')).toBe(true)
      await run('ip', ['netns', 'add', name])
      return 0
    } } })
    await meanwhile.again(() => came)
    expect(await lab.traces()).not.toEqual([])
    await strays.again(() => [])
    expect(await lab.traces()).toEqual([])
  })

  it('keeps no agent from its end, whatever it waits for', async () => {
    const parts = lab.parts(() => ({ ...noHaproxy(), bring: () => Promise.resolve(null), isRunning: () => Promise.resolve(true) }))
    const errors: unknown[] = []
    let isStuck = false
    const all = await Balancers.open({ ...parts, outside: { ...parts.outside, detach: (...one) => (isStuck ? new Promise(() => {}) : parts.outside.detach(...one)) }, log: { ...silent, error: (what: unknown) => void errors.push(what) } }, always, [])
    const web = balancer(11, { listeners: [listener(80, 'tcp', 'web')], backends: [backend('web', 'tcp')] })
    all.take(web.uid, [web])
    await all.settled()
    isStuck = true
    await all.suspend(100)
    expect(errors).toEqual([{ count: 1, balancers: [web.uid], cause: 'its end was under way after 0.1 s' }])
  })

  it('with the machine of a pod ends whatever its balancers are asked meanwhile, and leaves out who came to its address', async () => {
    const ended: string[] = []
    const counting: Run = (command, args, options) => {
      if (args?.includes('-K') && args.includes('connected')) ended.push(args.join(' '))
      return run(command, args, options)
    }
    const mute = (): Haproxy => ({ ...noHaproxy(), bring: () => Promise.resolve(null), isRunning: () => Promise.resolve(true), counters: () => new Promise(() => {}) })
    const all = await Balancers.open({ ...lab.parts(mute), run: counting }, always, [])
    const web = balancer(12, { listeners: [listener(80, 'tcp', 'web')], backends: [backend('web', 'tcp')] })
    const led: ExternalObject = { kind: 'backendServers', balancerUid: web.uid, backend: 'web', servers: [2, 3].map((digit) => ({ address: `10.0.0.${digit}`, port: 80, weight: 1 })) }
    all.take(web.uid, [web, led])
    await all.settled()
    for (let i = 0; i < 40; i += 1) void all.figures(i)
    all.lost(web.networkId, ['10.0.0.2', '10.0.0.3'], (address) => address === '10.0.0.3')
    await expect.poll(() => ended, { timeout: 30_000 }).toEqual([expect.stringMatching(/10\.0\.0\.2 \)/)])
    expect(ended.join()).not.toContain('10.0.0.3')
    all.take(web.uid, [])
    await all.settled()
    await all.leave()
  })

  it('of its addresses goes at once, also where nothing else of it can be changed, and with the last one its link', async () => {
    let works = true
    const stubborn = (): Haproxy => ({ ...noHaproxy(), bring: () => (works ? Promise.resolve(null) : Promise.reject(new Error('no answer'))), isRunning: () => Promise.resolve(true) })
    const all = await Balancers.open(lab.parts(stubborn), always, [])
    const web = balancer(11, { listeners: [listener(80, 'tcp', 'web')], backends: [backend('web', 'tcp')] })
    const outer = async () => (await lab.in(`hypb-${lab.hostTag}-n11`, 'ip', '-o', '-4', 'address', 'show')).stdout.match(/198\.18\.100\.\d+/g)
    const give = (...addresses: string[]) => all.take(web.uid, [{ ...web, addresses }])
    give('198.18.100.11', '198.18.100.12')
    await all.settled()
    const attached: string[][] = []
    lab.fault = (what, addresses) => void (what === 'attach outside' && attached.push([...addresses ?? []]))
    works = false
    give('198.18.100.12', '198.18.100.13')
    await expect.poll(() => attached, { timeout: 30_000 }).toEqual([['198.18.100.12']])
    await expect.poll(() => all.report(web.uid)?.reason, { timeout: 30_000 }).toBe('NotUpdated')
    give('198.18.100.13')
    await expect.poll(outer, { timeout: 30_000 }).toBe(null)
    works = true
    give('198.18.100.13')
    await expect.poll(outer, { timeout: 30_000 }).toEqual(['198.18.100.13'])
    all.take(web.uid, [])
    await all.settled()
    await all.leave()
    lab.fault = () => {}
  })
})
