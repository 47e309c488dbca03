import { expect } from 'vitest'
import { RbdPlace, volumeImage } from '@/host/volumes/rbd/rbd-place'
import { testPool } from '@/host/volumes/testing/ceph'
import { makeCephStore } from '../ceph-store'
import type { Fleet } from '../fleet'
import type { Machine } from '../machines'
import { describeDatabase } from './database-suite'
import { RowWriter } from './row-writer'
import type { OpenedStore, Story } from './story'

const hosts = ['a', 'b']

async function open(fleet: Fleet): Promise<OpenedStore> {
  const ceph = await makeCephStore(fleet, 2048)
  return {
    copy: async ({ uid, volumeUid, tenantId }, raw) => ceph.admin.rbd(['export', '--no-progress', new RbdPlace(ceph.admin, testPool, tenantId).path(volumeImage(volumeUid), uid), raw]),
    close: () => ceph.stop(),
  }
}

async function hostOf({ fleet, caller, tenant }: Story): Promise<Machine> {
  return fleet.machineOf((await caller.pod.get({ tenant, name: 'db' })).status.hostName ?? '')
}

/** As people do where a host is lost: the pod is given up there, and created anew. */
async function createElsewhere({ fleet, pods, caller, tenant }: Story, { name }: Machine): Promise<void> {
  await fleet.until(`host ${name} is silent`, async () => !(await fleet.isReady(name)))
  await caller.pod.delete({ tenant, name: 'db', force: true })
  await fleet.until('the pod was given up', () => pods.isGone('db'))
  await pods.create('db', 'data')
  await pods.answers('db')
}

const virtualMachines = async (machine: Machine): Promise<number> => Number(await machine.in('sh', '-c', 'pgrep -c -x qemu-system-x86 || true'))

/** A way to a pod that its agent has no part in: from its network's namespace, whose packet filter is opened for it. No agent may run there, which would close it. */
async function backDoor({ pods, caller, tenant }: Story, machine: Machine): Promise<string> {
  const { podIP } = (await caller.pod.get({ tenant, name: 'db' })).status
  const namespace = (await machine.in('ip', 'netns', 'list')).split(/\s/).find((word) => word.startsWith(`hyp-${machine.tag}-n`)) ?? ''
  const inside = ['nsenter', `--net=/run/netns/${namespace}`]
  for (const rule of ['output tcp dport 5432 accept', 'input tcp sport 5432 accept']) await machine.in('nsenter', ...inside.slice(1), 'nft', 'insert', 'rule', 'inet', 'hypernetes', ...rule.split(' '))
  const { folder } = await pods.door('old')
  machine.start('nsenter', ...inside.slice(1), 'socat', '-lf', '/dev/null', `UNIX-LISTEN:${folder}/.s.PGSQL.5432,fork`, `TCP4:${podIP}:5432,connect-timeout=5`)
  return 'old'
}

describeDatabase('Ceph', { hosts, open }, (step) => {
  step('is taken over by another host as its agent alone dies: its QEMU writes on, until it is shut out', async (story) => {
    const { fleet, pods } = story
    const machine = await hostOf(story)
    await machine.killAgent()
    const door = await backDoor(story, machine)
    const late = new RowWriter(() => pods.connect(door), 2_000_001)
    await fleet.until('its host is silent', async () => !(await fleet.isReady(machine.name)))
    // Nobody has asked for its volume yet.
    const silent = performance.now()
    await fleet.until('the database commits without an agent', async () => late.rows(silent).length > 20)
    await createElsewhere(story, machine)
    const [taken, interruptions] = [performance.now(), late.interruptions]
    await fleet.until('the old database was asked for more', async () => late.interruptions > interruptions)
    await late.stop()
    expect(await hostOf(story)).not.toBe(machine)
    expect(await virtualMachines(machine)).toBe(1)
    console.log(`  without an agent ${late.rows().length} rows were acknowledged, ${late.rows(silent).length} of them once its host was silent, ${late.rows(taken).length} once the next one had the volume`)
    expect(late.rows(taken)).toEqual([])
    await story.moreRows(50)
    await story.rowsWithAll([...(story.writer?.rows() ?? []), ...late.rows()])
    machine.startAgent()
    await fleet.until(`host ${machine.name} is back, and has ended what it had`, async () => (await fleet.isReady(machine.name)) && (await virtualMachines(machine)) === 0)
    await story.moreRows(50)
  })

  step('is taken over by another host as its whole machine dies', async (story) => {
    const machine = await hostOf(story)
    await machine.switchOff()
    await createElsewhere(story, machine)
    expect(await hostOf(story)).not.toBe(machine)
    await story.moreRows(50)
    await story.rowsWithAll(await story.stopWriting())
  })
})
