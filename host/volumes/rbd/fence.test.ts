import { expect, it } from 'vitest'
import type { z } from 'zod'
import type { CephCommands } from './ceph-commands'
import { shutOut } from './fence'
import { RbdPlace } from './rbd-place'

const [vm, dead, manager] = ['192.0.2.7:0/1', '192.0.2.8:0/2', '192.0.2.1:0/3']

/** A cluster that says what it is told, and forgets whoever was shut out or whose lock was broken. */
function cluster(watchers: string[], lockers: string[]) {
  const out: string[] = []
  const commands = {
    rbdJson: <T>(schema: z.ZodType<T>, [verb]: readonly string[]) => Promise.resolve(schema.parse(verb === 'status' ? { watchers: watchers.filter((address) => !out.includes(address)).map((address) => ({ address })) } : lockers.map((address, i) => ({ id: `auto ${i}`, locker: `client.${i}`, address })))),
    rbd: () => Promise.resolve(lockers.pop() ?? ''),
    ceph: (args: readonly string[]) => Promise.resolve(void out.push(args[3] ?? '')),
    cephJson: <T>(schema: z.ZodType<T>, [what]: readonly string[]) => Promise.resolve(schema.parse(what === 'mgr' ? { active_clients: [{ addrvec: [{ type: 'v2', addr: '192.0.2.1:0', nonce: 3 }] }] } : out.map((addr) => ({ addr, until: new Date(Date.now() + 365 * 86_400_000).toISOString() })))),
  }
  return { out, place: new RbdPlace(commands as unknown as CephCommands, 'p', 't') }
}

it.each([
  ['who has it open', [vm], [vm], [vm]],
  ['a dead owner, of whom his lock alone is left', [], [dead], [dead]],
  ['not a manager whom a false lock names, though the lock goes', [vm], [manager], [vm]],
  ['a manager that does have it open', [manager], [], [manager]],
])('shuts out %s', async (_, watchers, lockers, expected) => {
  const { out, place } = cluster(watchers, lockers)
  expect(await shutOut(place, 'v', 'volume-v', () => Promise.resolve())).toEqual(expected)
  expect([out, lockers]).toEqual([expected, []])
})
