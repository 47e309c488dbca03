import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CephCommands } from './ceph-commands'
import { RbdPlace } from './rbd-place'
import { describeSnapshot, findFacts, removeSnapshot } from './snapshots'

it('a snapshot of a known volume is found without all images of the tenant being opened', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'snapshots-'))
  const [volume, snapshot] = [randomUUID(), randomUUID()]
  const answers = `*" snap ls "*) echo '[{ "id": 7, "name": "${snapshot}", "size": 8, "timestamp": "Thu Nov  5 20:10:51 2026" }]' ;; *" du "*) echo '{ "images": [{ "snapshot": "${snapshot}", "provisioned_size": 8, "used_size": 4 }] }' ;; *" trash ls "*|*" ls p/n "*) echo '[]' ;; *" ls --long "*) echo '[{ "image": "volume-${volume}", "snapshot": "${snapshot}", "size": 8 }]' ;;`
  await writeFile(join(folder, 'program'), `#!/bin/sh\ncat >/dev/null\necho "$*" >>${folder}/asked\ncase "$*" in ${answers} esac\n`, { mode: 0o755 })
  const place = new RbdPlace(new CephCommands({ name: 'one', monitors: ['192.0.2.1'], user: 'u', key: 'k', through: [join(folder, 'program')] }), 'p', 'n')
  try {
    const facts = { sizeBytes: 8, storedBytes: 4, volumeUid: volume }
    expect(await describeSnapshot(place, snapshot, volume)).toEqual(facts)
    expect(await readFile(join(folder, 'asked'), 'utf8')).not.toContain('ls --long')
    // Whether it is there is told without what is slow to read.
    await rm(join(folder, 'asked'))
    expect(await findFacts(place, snapshot, volume)).toEqual({ sizeBytes: 8, volumeUid: volume, takenAt: '2026-11-05T20:10:51.000Z' })
    expect(await readFile(join(folder, 'asked'), 'utf8')).not.toContain(' du ')
    // It is removed by its id once it was found and allowed.
    await expect(removeSnapshot(place, snapshot, volume, () => Promise.reject(new Error('stale')))).rejects.toThrow('stale')
    expect(await readFile(join(folder, 'asked'), 'utf8')).not.toContain('snap rm')
    await removeSnapshot(place, snapshot, volume)
    expect(await readFile(join(folder, 'asked'), 'utf8')).toMatch(/snap rm .*--snap-id 7 p\/n\/volume-/)
    // Whoever does not know, or whose volume was removed meanwhile, is answered, too.
    expect(await describeSnapshot(place, snapshot, null)).toEqual(facts)
    expect(await readFile(join(folder, 'asked'), 'utf8')).toContain('ls --long')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
