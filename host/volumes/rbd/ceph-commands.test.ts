import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CephCommands, longCommandMs } from './ceph-commands'
import { createdUsers } from './replies'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ceph-commands-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A program in place of Ceph's, which says how many of it run and does not end before the file `go`. */
const commands = async (name: string): Promise<CephCommands> => {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\ntouch ${folder}/run-$$\nls ${folder} | grep -c ^run- \nuntil [ -e ${folder}/go ]; do sleep 0.05; done\nrm ${folder}/run-$$\n`, { mode: 0o755 })
  return new CephCommands({ name, monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] })
}

const running = async (): Promise<number> => (await readdir(folder)).filter((name) => name.startsWith('run-')).length

it('runs few programs at a time, of all stores together, and what is short beside what takes long', async () => {
  const [one, other] = [await commands('one'), await commands('other')]
  const long = Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).rbd(['flatten'], { timeoutMs: longCommandMs }))
  const short = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).rbd(['ls']))
  while ((await running()) < 10) await new Promise((resolve) => setTimeout(resolve, 20))
  await writeFile(join(folder, 'go'), '')
  const counts = (await Promise.all([...long, ...short])).map(Number)
  expect([counts.length, Math.max(...counts)]).toEqual([30, 10])
}, 60_000)

it.each(['[{ "entity": "client.t", "key": "AQD-secret" ', '[{ "entity": 1, "key": "AQD-secret" }]'])('says of what it does not understand nothing that may be a key: %s', async (reply) => {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\necho '${reply}'\n`, { mode: 0o755 })
  const asked = new CephCommands({ name: 'one', monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }).cephJson(createdUsers, ['auth', 'get-or-create'])
  const error = await asked.catch((thrown: unknown) => thrown)
  expect(inspect(error, { depth: 9 })).toContain('ceph auth get-or-create said what was not expected')
  expect(inspect(error, { depth: 9 })).not.toContain('secret')
})
