import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CephCommands } from './ceph-commands'
import { RbdPlace } from './rbd-place'
import { RbdStore } from './rbd-store'
import { removeSnapshot } from './snapshots'
import { tenantKey } from './tenant-user'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbd-place-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A program in place of Ceph's, which notes what it is asked for. */
async function place(answers: string): Promise<RbdPlace> {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\necho "$*" >>${folder}/asked\ncase "$*" in ${answers} esac\n`, { mode: 0o755 })
  return new RbdPlace(new CephCommands({ name: 'one', monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }), 'p', 'n')
}
const asked = async (): Promise<string[]> => (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')

it('looks at some of the removed volumes that there are after each removal, at the next ones the next time, and at its own first', async () => {
  const [volume, snapshot] = [randomUUID(), randomUUID()]
  const removed = [...Array.from({ length: 50 }, () => `removed-${randomUUID()}`), 'removed-anything']
  await writeFile(join(folder, 'names'), JSON.stringify([...removed, `removed-${volume}`]))
  const one = await place(`*" trash ls "*) echo '[]' ;; *" snap ls "*removed-${volume}*) echo '[{ "id": 7, "name": "${snapshot}", "size": 8 }]' ;; *" snap ls "*volume-*) exit 2 ;; *" snap ls "*) echo '[]' ;; *" ls p/n "*) cat ${folder}/names ;;`)
  const swept = async () => (await asked()).flatMap((line) => / rm --no-progress p\/n\/(removed-[^@\s]+)$/.exec(line)?.[1] ?? [])
  await removeSnapshot(one, snapshot, volume)
  expect((await asked()).filter((line) => line.includes(' ls --long ')).length).toBe(0)
  expect((await asked()).length).toBeLessThan(50)
  const first = await swept()
  expect(first).toHaveLength(20)
  expect((await asked()).filter((line) => line.includes(` snap rm --snap-id 7 p/n/removed-${volume}`))).toHaveLength(1)
  await one.sweep()
  const second = (await swept()).slice(20)
  // Its own is among those that are looked at, and is kept.
  expect([second.length >= 19, second.filter((name) => first.includes(name))]).toEqual([true, []])
  await one.sweep()
  expect(new Set(await swept())).toEqual(new Set(removed.slice(0, 50)))
}, 60_000)

it('ends removals that were cut off, whose images are in the trash, and leaves what others have there', async () => {
  const [removed, made] = [`removed-${randomUUID()}`, randomUUID()]
  const one = await place(`*" trash ls --all p/n "*) echo '[{ "id": "1", "name": "${removed}" }, { "id": "2", "name": "making-${made}-1" }, { "id": "3", "name": "volume-${made}" }]' ;; *" snap ls "*) exit 2 ;; *" ls p/n "*) echo '[]' ;;`)
  const ended = async () => (await asked()).flatMap((line) => / rm --no-progress p\/n\/(\S+)$/.exec(line)?.[1] ?? [])
  await one.sweep()
  expect(await ended()).toEqual([removed])
  await one.removeHalfMade(made, 'long')
  expect(await ended()).toEqual([removed, `making-${made}-1`])
}, 60_000)

it("gives a tenant's VMs a user in each pool, and says what to do where there is one with other rights", async () => {
  const one = await place('*" auth get-or-create "*) exit 22 ;;')
  const error = await tenantKey(one.commands, 'fast', 'a'.repeat(32)).catch((thrown: unknown) => thrown)
  const user = `client.hypernetes-fast-${'a'.repeat(32)}`
  expect(error).toMatchObject({ code: 'Unreachable', object: 'one', message: expect.stringContaining(`ceph auth rm ${user}`) })
  expect((await asked()).join()).toContain(`auth get-or-create ${user} mon allow service mon r, allow service osd r mgr allow service none r mds allow r path=/none osd profile rbd pool=fast namespace=${'a'.repeat(32)}`)
})

it('ends what it does to a volume once the server says something else', async () => {
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncase "$*" in *" namespace create "*) exit 0 ;; esac\ntouch ${folder}/asked\nexec sleep 600\n`, { mode: 0o755 })
  const store = new RbdStore({ access: { name: 'one', monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }, pool: 'p', namespace: 'n', work: folder })
  const wanted = new AbortController()
  const all = [store.grow(randomUUID(), 8, wanted.signal), store.remove(randomUUID(), wanted.signal), store.create({ uid: randomUUID(), sizeBytes: 8, origin: { kind: 'blank' } }, () => {}, wanted.signal)]
  const ended = Promise.allSettled(all)
  while ((await readFile(join(folder, 'asked')).catch(() => null)) === null) await new Promise((resolve) => setTimeout(resolve, 20))
  wanted.abort(new Error('another volume is asked for'))
  expect((await ended).map((one) => (one.status === 'rejected' ? String(one.reason) : 'done'))).toEqual(all.map(() => 'Error: another volume is asked for'))
}, 60_000)
