import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { ServerLease, uptimeMs } from '@/host/balancers/server-lease'
import { balancer } from '@/host/balancers/testing/balancer-lab'
import { ExternalObjects, groupOf } from './external-objects'

const one = { ...balancer(7, { listeners: [] }), uid: '00000000-0000-4000-8000-000000000007' }
const servers: ExternalObject = { kind: 'backendServers', balancerUid: one.uid, backend: 'web', servers: [{ address: '10.0.0.2', port: 80, weight: 1 }] }
const pool: ExternalObject = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const errors: unknown[] = []
const log = { warn: () => {}, error: (fields: unknown) => void errors.push(fields) }

describe('what is kept of the outside', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'external-'))
    errors.length = 0
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is there for the next agent, a file a balancer, and what is forgotten is not', async () => {
    const kept = await ExternalObjects.open(folder, log)
    kept.put(groupOf(one), [one, servers])
    kept.put(groupOf(pool), [pool])
    await kept.close()
    expect((await readdir(folder)).sort()).toEqual([`${one.uid}.json`, 'addresses.json'])
    const next = await ExternalObjects.open(folder, log)
    expect(next.all()).toEqual(expect.arrayContaining([one, servers, pool]))
    next.put(groupOf(one), [])
    await next.close()
    expect((await ExternalObjects.open(folder, log)).all()).toEqual([pool])
  })

  it('says when it is on disk, also where something is put all the time', async () => {
    const kept = await ExternalObjects.open(folder, log)
    await kept.written()
    kept.put('addresses', [pool])
    let isOver = false
    const again = setInterval(() => kept.put(groupOf(one), [one, servers]), 20)
    const written = kept.written().then(() => (isOver = true))
    expect(isOver).toBe(false)
    await written
    clearInterval(again)
    expect((await ExternalObjects.open(folder, log)).all()).toContainEqual(pool)
    await kept.close()
  })

  it('says so of one balancer where another’s cannot be written, and writes at once what somebody waits for', async () => {
    const kept = await ExternalObjects.open(folder, log)
    // A folder cannot be replaced by a file.
    await mkdir(join(folder, 'addresses.json', 'x'), { recursive: true })
    kept.put('addresses', [pool])
    kept.put(groupOf(one), [one, servers])
    let isAllWritten = false
    void kept.written().then(() => (isAllWritten = true))
    await kept.written([groupOf(one)])
    expect([isAllWritten, errors.length > 0, (await readdir(folder)).includes(`${one.uid}.json`)]).toEqual([false, true, true])
    await rm(join(folder, 'addresses.json'), { recursive: true })
    await expect.poll(() => isAllWritten).toBe(true)
    expect((await ExternalObjects.open(folder, log)).all()).toContainEqual(pool)
    await kept.close()
  })

  it('costs one balancer where its file is cut or is none of ours', async () => {
    const kept = await ExternalObjects.open(folder, log)
    kept.put(groupOf(one), [one, servers])
    kept.put('addresses', [pool])
    await kept.close()
    const file = join(folder, `${one.uid}.json`)
    await writeFile(file, (await readFile(file, 'utf8')).split('\n').slice(0, 2).join('\n'))
    expect((await ExternalObjects.open(folder, log)).all()).toEqual([pool])
    expect(errors).toHaveLength(1)
    expect(await readdir(folder)).toEqual(['addresses.json'])
  })

  it('has when the server was heard of, which another boot of the machine takes for never', async () => {
    const kept = await ExternalObjects.open(folder, log)
    const lease = await ServerLease.open(kept.lastHeard, (heard) => kept.heard(heard))
    expect([lease.holds(null), lease.holds(5)]).toEqual([true, false])
    const now = uptimeMs()
    lease.heard(now)
    lease.heard(now - 10_000)
    expect([lease.holds(5, now + 5_000), lease.holds(5, now + 5_001)]).toEqual([true, false])
    await kept.close()
    const { lastHeard } = await ExternalObjects.open(folder, log)
    expect((await ServerLease.open(lastHeard, () => {})).holds(5, now + 5_000)).toBe(true)
    expect((await ServerLease.open({ machineBoot: 'another', uptimeMs: now }, () => {})).holds(5, now)).toBe(false)
  })
})
