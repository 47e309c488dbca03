import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { VolumeError } from '../store'
import { CephCommands, type CephAccess } from './ceph-commands'
import { createdUsers } from './replies'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ceph-commands-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Of a store, with a program in place of Ceph's, which says how many of it run and does not end before the file `go`. */
const accessOf = async (name: string): Promise<CephAccess> => {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\ntouch ${folder}/run-$$\nls ${folder} | grep -c ^run- \ntouch ${folder}/told-$$\nuntil [ -e ${folder}/go ]; do sleep 0.05; done\nrm ${folder}/run-$$\n`, { mode: 0o755 })
  return { name, monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }
}

const running = async (): Promise<number> => (await readdir(folder)).filter((name) => name.startsWith('run-')).length

it('runs few programs at a time, of each store, of each tenant and of all together, and what is short beside what takes long', async () => {
  const accesses = await Promise.all(['one', 'other', 'third'].map(accessOf))
  // Two tenants of each store.
  const all = accesses.flatMap((access) => [new CephCommands(access), new CephCommands(access)]).flatMap((tenant) => [0, 1, 2, 3, 4].flatMap(() => [tenant.rbd(['flatten'], { turn: 'long' }), tenant.rbd(['ls'])]))
  // Each has counted: the first to end would not be counted by the last.
  while ((await readdir(folder)).filter((name) => name.startsWith('told-')).length < 12) await new Promise((resolve) => setTimeout(resolve, 20))
  await writeFile(join(folder, 'go'), '')
  const counts = (await Promise.all(all)).map(Number)
  expect([counts.length, Math.max(...counts)]).toEqual([60, 12])
}, 60_000)

it('asks a cluster nothing that does not answer its gauge, but the gauge; and ends what waits for its turn or runs once nobody wants it any more', async () => {
  const access = await accessOf('one')
  const gauge = { isSilent: true, wasFull: false, isFull: () => Promise.resolve(false), silent: new VolumeError('Unreachable', 'one', 'It does not answer.') }
  const commands = new CephCommands(access, gauge)
  await expect(commands.rbd(['ls'])).rejects.toBe(gauge.silent)
  expect(await running()).toBe(0)
  const asked = commands.ceph(['df'], { apart: true })
  while ((await running()) < 1) await new Promise((resolve) => setTimeout(resolve, 20))
  gauge.isSilent = false
  const unwanted = new AbortController()
  const ended = Promise.allSettled(Array.from({ length: 5 }, () => commands.until(unwanted.signal).rbd(['resize'])))
  while ((await running()) < 4) await new Promise((resolve) => setTimeout(resolve, 20))
  unwanted.abort(new Error('another volume is asked for'))
  expect((await ended).map((one) => (one.status === 'rejected' ? String(one.reason) : one.value))).toEqual(Array.from({ length: 5 }, () => 'Error: another volume is asked for'))
  await writeFile(join(folder, 'go'), '')
  await asked
}, 60_000)

it.each(['[{ "entity": "client.t", "key": "AQD-secret" ', '[{ "entity": 1, "key": "AQD-secret" }]'])('says of what it does not understand nothing that may be a key: %s', async (reply) => {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\necho '${reply}'\n`, { mode: 0o755 })
  const asked = new CephCommands({ name: 'one', monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }).cephJson(createdUsers, ['auth', 'get-or-create'])
  const error = await asked.catch((thrown: unknown) => thrown)
  expect(inspect(error, { depth: 9 })).toContain('ceph auth get-or-create said what was not expected')
  expect(inspect(error, { depth: 9 })).not.toContain('secret')
})
