import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCgroups } from '@/host/cgroups/cgroups'
import { closeGroups, sweepGroups } from '@/host/cgroups/group-files'
import type { Cgroups } from '@/host/cgroups/port'
import { noteGroup } from '@/tools/testing/groups'
import { inGroup, putJailsInGroups } from './group'

const bounds = { memoryBytes: 64 << 20, processes: 10 }
let cgroups: Cgroups

beforeAll(async () => {
  const name = `hypernetes-jail-groups-test-${process.pid}`
  noteGroup(name)
  cgroups = await openCgroups(name)
})
afterAll(async () => {
  putJailsInGroups(null)
  await closeGroups(cgroups.parents)
})

/** A process that runs in a group, and what takes the group away; `end` ends the process. */
async function running(called: string) {
  const { command, args, leave } = await inGroup(bounds, ['sh', ['-c', 'echo up; exec sleep 300']], called)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const end = async () => {
    if (child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return { leave, end, isThere: () => cgroups.folders(called).some((folder) => existsSync(folder)) }
}

it('a group whose processes end after they were waited for, or after the next agent has looked for what was left, goes once they have ended', async () => {
  putJailsInGroups(cgroups)
  const slow = await running('jail-51')
  await slow.leave()
  const machine = await running('vm-1')
  const left = await running('resolver-1ef7')
  try {
    await slow.end()
    await expect.poll(slow.isThere).toBe(false)
    // The agent was killed, and the next one begins.
    putJailsInGroups(cgroups, await sweepGroups(cgroups.parents))
    expect(left.isThere()).toBe(cgroups.parents.length > 0)
    await machine.end()
    await left.end()
    await expect.poll(left.isThere).toBe(false)
    // A machine's, whose name comes again, is its own affair.
    expect(machine.isThere()).toBe(cgroups.parents.length > 0)
  } finally {
    await Promise.all([slow, left, machine].map(({ end }) => end()))
    await machine.leave()
  }
})
