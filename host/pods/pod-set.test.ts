import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { PodSet } from './pod-set'
import { PodWorker } from './pod-worker'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'

function podSet() {
  const host = new FakeHost()
  const made: string[] = []
  const changed: string[] = []
  const progressed: string[] = []
  const pods = new PodSet((assignment, found, hooks) => {
    made.push(assignment.uid)
    return new PodWorker({ ports: host.ports, vmUids: host.uidPool, logs: host.podLogs(assignment.uid), ledger: host.ledgerPort, log: { warn: () => {} }, ...hooks }, assignment, found)
  })
  pods.listen({ podChanged: (uid) => changed.push(uid), podProgressed: (uid) => progressed.push(uid), event: () => {}, imageChanged: () => {} })
  return { host, pods, made, changed, progressed }
}

describe('the pods of a host', () => {
  it('tell what happened before anybody listened, and of which pods nothing could be read, once', async () => {
    const { host, pods } = podSet()
    const [lost, forgotten] = [testAssignment(), testAssignment()]
    pods.apply([lost])
    await settle()
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify({ ...host.ledger.get(lost.uid), vm: null })))
    const other = new FakeHost()
    const next = new PodSet((assignment, found, hooks) => new PodWorker({ ports: other.ports, vmUids: other.uidPool, logs: other.podLogs(assignment.uid), ledger: other.ledgerPort, log: { warn: () => {} }, ...hooks }, assignment, found))
    next.adopt([entry], new Map([[forgotten.uid, 'It is damaged.']]))
    await settle()
    const events: string[] = []
    next.listen({ podChanged: () => {}, podProgressed: () => {}, imageChanged: () => {}, event: ({ podUid, reason }) => events.push(`${podUid === lost.uid ? 'lost' : 'forgotten'} ${reason}`) })
    expect(events[0]).toBe('lost VMFailed')
    next.apply([lost, forgotten])
    next.apply([lost, forgotten])
    expect(events.filter((event) => event.endsWith('HostForgotPod'))).toEqual(['forgotten HostForgotPod'])
  })

  it('have one worker each, however often they are assigned', async () => {
    const { host, pods, made, progressed } = podSet()
    const all = [testAssignment(), testAssignment()]
    for (let i = 0; i < 3; i += 1) pods.apply(all)
    await settle()
    expect(made).toEqual(all.map((a) => a.uid))
    // Of how far a start is nobody has to know at once.
    expect(new Set(progressed)).toEqual(new Set(made))
    expect(host.machines.size).toBe(2)
    expect(pods.runningCount).toBe(2)
  })

  it('are torn down when they vanish from the complete set', async () => {
    const { host, pods } = podSet()
    const [stays, goes] = [testAssignment(), testAssignment()]
    pods.apply([stays, goes])
    await settle()
    pods.apply([stays])
    await host.clock.advance(10_000)
    expect([...host.machines.keys()]).toEqual([`vm ${stays.uid}`])
  })

  it('tell that a pod is gone until the server has forgotten it, and do not start it again', async () => {
    const { host, pods, made, changed } = podSet()
    const pod = { ...testAssignment(), deletion: { graceSeconds: 0 } }
    pods.apply([pod])
    await settle()
    expect(pods.report(pod.uid)?.phase).toBe('Gone')
    changed.length = 0
    pods.apply([{ ...pod, deletion: null }])
    await settle()
    expect(made).toHaveLength(1)
    expect(changed).toEqual([pod.uid])
    expect(host.calls).not.toContain('vm.start')
    pods.apply([])
    expect(pods.reports()).toEqual([])
  })

  it('keep of images that were not pulled only those that a pod names', async () => {
    const { pods } = podSet()
    const pod = testAssignment()
    const own = pod.spec.containers[0]?.image ?? ''
    const image = { digest: null, sizeBytes: null, message: '', bytesDone: 0, bytesTotal: 0 }
    pods.imageChanged({ ...image, reference: 'stored:1', phase: 'Ready' })
    pods.apply([pod])
    for (const reference of [own, 'nobody:1']) pods.imageChanged({ ...image, reference, phase: 'Failed' })
    expect(pods.imageReports().map(({ reference }) => reference)).toEqual(['stored:1', own])
    await settle()
    pods.apply([{ ...pod, deletion: { graceSeconds: 0 } }])
    await settle()
    expect(pods.report(pod.uid)?.phase).toBe('Gone')
    expect(pods.imageReports().map(({ reference }) => reference)).toEqual(['stored:1'])
  })

  it('keep what came of ConfigMaps and Secrets before them, and forget it with them', async () => {
    const { host, pods } = podSet()
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'app', key: 'a' } } }]
    const pod = testAssignment({ containers: [{ name: 'web', image: 'one:1', env }] }, { configurationRevision: 'r1' })
    const message = { kind: 'configuration' as const, podUid: pod.uid, revision: 'r1', objects: [{ kind: 'ConfigMap' as const, name: 'app', type: '', data: { a: Buffer.from('one').toString('base64') } }] }
    pods.configure(message)
    pods.apply([pod])
    await settle()
    expect(host.started.get('web')?.env).toContain('A=one')
    pods.apply([{ ...pod, deletion: { graceSeconds: 0 } }])
    await settle()
    pods.apply([])
    host.started.clear()
    pods.apply([pod])
    await settle()
    expect(pods.report(pod.uid)).toMatchObject({ phase: 'Starting', reason: 'WaitingForConfiguration' })
    expect(host.started.size).toBe(0)
  })

  it('take no new wish once this host ends', async () => {
    const { host, pods, made } = podSet()
    pods.apply([testAssignment()])
    await settle()
    await pods.suspend(0, 1_000)
    pods.apply([testAssignment()])
    expect(made).toHaveLength(1)
    expect(host.machines.size).toBe(0)
    expect([...host.ledger.values()].map((entry) => entry.stage)).toEqual(['suspended'])
  })
})
