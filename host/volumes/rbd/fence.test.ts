import { expect, it } from 'vitest'
import type { z } from 'zod'
import type { CephCommands } from './ceph-commands'
import { claim, confirmOpen, release } from './claims'
import { breakDeadLocks, shutOut } from './fence'
import { RbdPlace } from './rbd-place'

const [vm, dead, manager, unknown, reader] = ['192.0.2.7:0/1', '192.0.2.8:0/2', '192.0.2.1:0/3', '192.0.2.99:0/4', '192.0.2.8:0/5']

/** A cluster that says what it is told, and forgets whoever was shut out or whose lock was broken. Two hosts of the store are written down, of which a manager of the cluster runs on one. */
function cluster(watchers: string[], lockers: string[], state = 'claimed') {
  const [out, noted]: [string[], string[]] = [[], []]
  const commands = {
    rbdJson: <T>(schema: z.ZodType<T>, [verb]: readonly string[]) => Promise.resolve(schema.parse(verb === 'status' ? { watchers: watchers.filter((address) => !out.includes(address)).map((address) => ({ address })) } : lockers.map((address, i) => ({ id: `auto ${i}`, locker: `client.${i}`, address })))),
    rbd: () => Promise.resolve(lockers.pop() ?? ''),
    ofStore: { noted: new Set<string>(), own: Promise.resolve() },
    rados: (_pool: string, namespace: string, [verb, , name, value]: readonly string[]) => {
      if (verb === 'setxattr') noted.push(`${name}=${value}`)
      return Promise.resolve(verb === 'getxattr' ? state : namespace === 't' ? 'epoch.1' : 'host.192.0.2.8\nhost.192.0.2.1\n')
    },
    ceph: (args: readonly string[]) => Promise.resolve(void out.push(args[3] ?? '')),
    cephJson: <T>(schema: z.ZodType<T>, [what]: readonly string[]) => Promise.resolve(schema.parse(what === 'mgr' ? { active_clients: [{ addrvec: [{ type: 'v2', addr: '192.0.2.1:0', nonce: 3 }] }] } : out.map((addr) => ({ addr, until: new Date(Date.now() + 365 * 86_400_000).toISOString() })))),
  }
  return { out, noted, place: new RbdPlace(commands as unknown as CephCommands, 'p', 't') }
}

it.each([
  ['who has it open', [vm], [vm], [vm]],
  ['a dead owner, of whom his lock alone is left', [], [dead], [dead]],
  ['not a manager whom a false lock names, though the lock goes', [vm], [manager], [vm]],
  ['a manager that does have it open', [manager], [], [manager]],
  ['not whom a lock names at a host that the store has not, though the lock goes', [], [unknown], []],
  ['whoever has it open, whatever its host', [unknown], [unknown], [unknown]],
])('shuts out %s', async (_, watchers, lockers, expected) => {
  const { out, place } = cluster(watchers, lockers)
  expect(await shutOut(place, 'v', 'volume-v', () => Promise.resolve())).toEqual(expected)
  expect([out, lockers]).toEqual([expected, []])
})

// Ceph takes the number 0 for everybody at an address: a guest that writes such a lock would have all of a host shut out.
it.each(['192.0.2.8:0/0', '192.0.2.8:0/00', '192.0.2.8:0/4294967296', '192.0.2.8:6800/1'])('shuts out nobody where a lock names %s', async (locker) => {
  const { out, place } = cluster([], [locker])
  await expect(shutOut(place, 'v', 'volume-v', () => Promise.resolve())).rejects.toThrow()
  expect(out).toEqual([])
})

it.each([
  ['dead ones', [], [dead, unknown], true],
  ['a dead one, and not of whoever waits for it', [vm], [dead], true],
  ['nobody who lives', [dead, vm], [dead], false],
  ['nobody where there is none', [vm], [], false],
])('takes away the locks of %s, and shuts out nobody', async (_, watchers, lockers, isAny) => {
  const { out, place } = cluster(watchers, lockers)
  const lives = lockers.filter((one) => watchers.includes(one))
  expect(await breakDeadLocks(place, 'removed-v')).toBe(isAny)
  expect([out, lockers]).toEqual([[], lives])
})

it.each([
  ['clients', Array.from({ length: 33 }, (_, i) => `192.0.2.7:0/${i + 1}`), []],
  ['locks', [], Array.from({ length: 33 }, (_, i) => `192.0.2.99:0/${i + 1}`)],
])('shuts out nobody where there are more %s than an image ever has', async (_, watchers, lockers) => {
  const { out, place } = cluster(watchers, lockers)
  await expect(shutOut(place, 'v', 'volume-v', () => Promise.resolve())).rejects.toMatchObject({ code: 'NotFenced', message: expect.stringContaining('33 clients') })
  expect([out, lockers.length + watchers.length]).toEqual([[], 33])
})

it('lets the guest write once its host is written down, and believes no lock that nobody is seen to hold', async () => {
  const opened = cluster([vm], [unknown, vm])
  expect(await confirmOpen(opened.place, 'v', 1)).toBe(vm)
  expect(opened.noted).toEqual(['host.192.0.2.7=1'])
  await expect(confirmOpen(cluster([vm], [unknown]).place, 'v', 1)).rejects.toMatchObject({ code: 'NotFenced' })
  expect(await confirmOpen(cluster([], [unknown, dead]).place, 'v', 1)).toBe(dead)
})

const owner = (state: string) => cluster([reader, dead], [dead], state)

it.each([
  ['of the same epoch once it was released leaves', 'released', 1, [dead]],
  ['that did not come to its end shuts out', 'claiming', 1, [reader, dead]],
  ['of a higher epoch shuts out', 'released', 2, [reader, dead]],
  ['of a higher epoch than one that is claimed shuts out', 'claimed', 2, [reader, dead]],
])('a claim %s who reads', async (_, state, epoch, expected) => {
  const { out, place, noted } = owner(state)
  await claim(place, 'v', epoch)
  expect([out, noted.at(-1)]).toEqual([expected, `epoch.${epoch}=claimed`])
})

it.each([
  ['leaves who reads, and shuts out who has the lock', 'claimed', 'writers', [dead]],
  ['shuts out who reads where it is to be open nowhere', 'claimed', 'everybody', [reader, dead]],
  ['of a claim that did not come to its end shuts out everybody, for it has not yet', 'claiming', 'writers', [reader, dead]],
] as const)('a release %s', async (_, state, whom, expected) => {
  const { out, place, noted } = owner(state)
  await release(place, 'v', 1, whom)
  expect([out, noted]).toEqual([expected, ['epoch.1=released']])
})
