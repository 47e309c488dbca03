import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { sampleReference } from '@/host/images/sample/sample-image'
import { RealHost } from '@/host/pods/testing/real-host'
import { MiB, VolumeServer } from './testing/volume-server'

let host: RealHost
let server: VolumeServer
let folder: string
/** What the server wants to run. */
let pods: Assignment[] = []

/** A pod that stays, with these volumes in its spec. */
function pod(named: Readonly<Record<string, HostVolume>>): Assignment {
  const names = Object.entries(named)
  const container = { name: 'main', image: sampleReference, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'], volumeMounts: names.map(([name]) => ({ name, mountPath: `/${name}` })) }
  return host.pod({ containers: [container], volumes: names.map(([name, { uid, mode }]) => ({ name, cinder: { volumeID: uid, ...(mode === 'filesystem' ? { fsType: 'ext4' as const } : {}) } })), terminationGracePeriodSeconds: 1, securityContext: { runAsUser: 0 } })
}

function apply(...wanted: Assignment[]): void {
  pods = wanted
  host.apply(pods)
}

async function sh(one: Assignment, script: string): Promise<string> {
  const { exitCode, output } = await host.run(one, ['sh', '-c', script])
  if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${output}`)
  return output.trim()
}

const ended = (one: Assignment) => host.until(() => host.report(one)?.phase === 'Gone')
const told = (volume: HostVolume) => server.report('volume', volume.uid)
const isAttached = (volume: HostVolume, one: Assignment) => server.attachment(volume, one)?.phase === 'Attached'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'volumes-'))
  host = await RealHost.open()
  server = new VolumeServer(host, host.pod({}).tenantId)
  server.store(folder)
})

afterAll(async () => {
  await host?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the volumes of a host', () => {
  it('come with a pod and while it runs, outlive the agent and the pod, and are there for the next one', async () => {
    let data = server.volume()
    const first = pod({ data })
    // Before the server has said which volume it is the pod waits, and says so.
    apply(first)
    await host.until(() => host.report(first)?.reason === 'WaitingForVolumes')
    data = server.attached(data, first, 'data')
    server.say(data)
    apply(server.assigned(first, { data }))
    await host.untilRunning(first)
    expect(server.attachment(data, first)).toMatchObject({ phase: 'Attached', epoch: 1, paused: false, device: expect.stringMatching(/^\/dev\/vd/) as string })
    expect(told(data)).toMatchObject({ phase: 'Ready', epoch: 1, sizeBytes: 64 * MiB, formatted: 'ext4', parent: false })
    await sh(first, 'echo kept >/data/file && sync')

    let hot = server.volume({ name: 'hot' })
    hot = server.attached(hot, first, 'hot-1', { mounts: [{ container: 'main', path: '/mnt/hot', subPath: '', readOnly: false }] })
    server.say(hot)
    await host.until(() => isAttached(hot, first))
    await host.until(async () => (await host.run(first, ['sh', '-c', 'mountpoint -q /mnt/hot || grep -q " /mnt/hot " /proc/mounts'])).exitCode === 0)
    await sh(first, 'echo warm >/mnt/hot/file')
    await host.reopen()
    expect(server.attachment(data, first)).toMatchObject({ phase: 'Attached' })
    server.connect()
    await host.until(() => isAttached(data, first) && isAttached(hot, first))
    expect(await sh(first, 'cat /data/file /mnt/hot/file')).toBe('kept\nwarm')

    hot = { ...hot, attachments: [], detaching: [{ podUid: first.uid, forced: false }] }
    server.say(hot)
    await host.until(() => server.attachment(hot, first)?.phase === 'Detached')
    expect((await host.run(first, ['cat', '/mnt/hot/file'])).exitCode).not.toBe(0)

    // The pod goes, and its volume is given to the next one under the next epoch.
    apply()
    await ended(first)
    server.say({ ...data, attachments: [], detaching: [{ podUid: first.uid, forced: false }] })
    await host.until(() => server.attachment(data, first)?.phase === 'Detached')
    data = { ...data, epoch: 2, attachments: [], detaching: [] }
    const second = pod({ data, hot })
    data = server.attached(data, second, 'data')
    hot = server.attached({ ...hot, epoch: 2, detaching: [] }, second, 'hot')
    server.say(data, hot)
    apply(server.assigned(second, { data, hot }))
    await host.untilRunning(second)
    expect(await sh(second, 'cat /data/file /hot/file')).toBe('kept\nwarm')
    apply()
    await ended(second)
    for (const one of [data, hot]) {
      server.unsay(`volume/${one.uid}`)
      await host.until(() => told(one)?.phase === 'Gone')
      expect(told(one)?.epoch).toBe(2)
    }
  })
})
