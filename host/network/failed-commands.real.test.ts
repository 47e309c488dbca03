import { stat } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExecError, run, type ExecOptions } from '@/platform/exec'
import type { HostNetwork } from './host-network'
import { namespaceName, tapName } from './names'
import { Lab, network, pod } from './testing/lab'

let lab: Lab
let hosts: HostNetwork

beforeEach(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
})

afterEach(async () => {
  await lab.hostNetwork().close()
  await lab.destroy()
})

const outside = network(1, { outbound: 'nat' })
const a = { network: outside, pod: pod('a', 5) }
const b = { network: outside, pod: pod('b', 6) }

describe('a command that fails', () => {
  /** `run`, but the call with this number fails, before or after it did its work. It counts from `arm` to `disarm`. */
  const failing = (at: number, when: 'before' | 'after') => {
    let calls = 0
    let armed = false
    const wrapped = async (command: string, args: readonly string[], options?: ExecOptions) => {
      const mine = armed && calls++ === at
      if (mine && when === 'before') throw new Error('failed on purpose')
      const result = await run(command, args, options)
      if (mine) throw new Error('failed on purpose')
      return result
    }
    const during = async (task: () => Promise<unknown>): Promise<{ reached: boolean; failed: boolean }> => {
      armed = true
      const failed = await task().then(() => false, () => true)
      armed = false
      return { reached: calls > at, failed }
    }
    return { run: wrapped, during }
  }

  it.each(['nat', 'none'] as const)('in the first attach of a network (%s) leaves nothing', async (outbound) => {
    const before = await lab.traces()
    for (let at = 0, reached = true; reached; at++) {
      const broken = failing(at, 'before')
      const attempt = lab.hostNetwork({ deviceKind: 'tap', run: broken.run })
      const result = await broken.during(() => attempt.attach({ network: network(1, { outbound }), pod: pod('a', 5) }))
      reached = result.reached
      // A change of rules that is refused is made whole, which is no failure.
      if (!reached) expect(result.failed).toBe(false)
      if (!result.failed) await attempt.close()
      expect(await lab.traces()).toEqual(before)
      if (!reached) expect(at).toBeGreaterThanOrEqual(3)
    }
  })

  it('leaves nothing that a reconciliation would not remove, even where it did its work', async () => {
    const before = await lab.traces()
    for (let at = 0, reached = true; reached; at++) {
      const broken = failing(at, 'after')
      const attempt = lab.hostNetwork({ deviceKind: 'tap', run: broken.run })
      reached = (await broken.during(() => attempt.attach(a))).reached
      await attempt.reconcile([])
      expect(await lab.traces()).toEqual(before)
    }
  })

  it.each([
    ['with nothing but a name', (script: string) => script.replace('close($file);', (closed) => `${closed}\nkill 'KILL', $$;`)],
    ['once all is there', (script: string) => `${script}\nkill 'KILL', $$;`],
  ])('for it is killed in the first attach of a network, %s, leaves nothing, and what was there before', async (_, killed) => {
    const before = await lab.traces()
    const broken = { left: 1 }
    const mine = lab.hostNetwork({ deviceKind: 'tap', run: (command, args, options) => run(command, command === 'perl' && broken.left-- > 0 ? args.with(1, killed(args[1] ?? '')) : args, options) })
    await expect(mine.attach(a)).rejects.toThrow('killed by SIGKILL')
    expect(await lab.traces()).toEqual(before)
    await mine.attach(a)
    await mine.close()
    const name = namespaceName(lab.hostTag, 1)
    await run('ip', ['netns', 'add', name])
    const { ino } = await stat(`/run/netns/${name}`)
    const other = lab.hostNetwork({ deviceKind: 'tap', run: (command, args, options) => run(command, command === 'perl' ? args.with(1, "kill 'KILL', $$;") : args, options) })
    await expect(other.attach(a)).rejects.toThrow('killed by SIGKILL')
    expect((await stat(`/run/netns/${name}`)).ino).toBe(ino)
  })

  const first = { network: network(1), pod: pod('a', 5) }
  it.each([
    ['a later attach', (hosts: HostNetwork) => hosts.attach({ network: network(1), pod: pod('b', 6) }), (hosts: HostNetwork) => hosts.detach('b')],
    ['the switch', (hosts: HostNetwork) => hosts.updateNetwork(outside), (hosts: HostNetwork) => hosts.updateNetwork(network(1))],
  ])('in %s leaves the running pods as they were', async (_, act, undo) => {
    const guest = await lab.start(hosts, first)
    const before = await lab.traces()
    for (let at = 0, reached = true; reached; at++) {
      const broken = failing(at, 'before')
      const attempt = lab.hostNetwork({ run: broken.run })
      await attempt.reconcile([first])
      const result = await broken.during(() => act(attempt))
      reached = result.reached
      if (!result.failed) await undo(attempt)
      if (!reached) break
      expect((await lab.in(namespaceName(lab.hostTag, 1), 'ip', '-o', 'link')).stdout).not.toContain(tapName('b'))
      await lab.reaches(guest, '10.0.0.1')
      expect(await lab.traces()).toEqual(before)
      expect(await attempt.reconcile([first])).toEqual({ repairs: [], lostTaps: [] })
    }
  })
})

describe('a command that fails for a while', () => {
  /** `run`, but calls with these words fail, as often as is left. */
  const failing = (words: string, left = 0) => {
    const broken = { words, left, ran: 0 }
    const wrapped = async (command: string, args: readonly string[], options?: ExecOptions) => {
      broken.ran++
      if ([command, ...args].join(' ').includes(broken.words) && broken.left-- > 0) throw new ExecError(command, 1, null, '', 'failed on purpose')
      return run(command, args, options)
    }
    return Object.assign(broken, { run: wrapped })
  }
  const inode = async (number: number) => (await stat(`/run/netns/${namespaceName(lab.hostTag, number)}`)).ino
  const nothing = { repairs: [], lostTaps: [] }

  it('in a look at a network leaves it as it is, and the next look makes it right', async () => {
    const broken = failing('-details -json address show')
    const mine = lab.hostNetwork({ run: broken.run })
    const guest = await lab.start(mine, a)
    await mine.mend()
    const was = await inode(1)
    await lab.ip(namespaceName(lab.hostTag, 1), ['route delete 10.0.0.5'])
    broken.left = 1
    await expect(mine.mend()).rejects.toThrow('failed on purpose')
    expect(await inode(1)).toBe(was)
    expect((await mine.mend()).lostTaps).toEqual([])
    expect(await inode(1)).toBe(was)
    await lab.reaches(guest, '10.0.0.1')
    broken.left = 1
    await expect(mine.close()).rejects.toThrow()
    await mine.close()
  })

  it('in a change takes back what was done of it, and no more: counters and what packets wrote stay', async () => {
    const broken = failing('')
    const mine = lab.hostNetwork({ run: broken.run })
    await mine.attach(a)
    const handle = async () => /hypernetes # handle (\d+)/.exec((await lab.in(namespaceName(lab.hostTag, 1), 'nft', '-a', 'list', 'tables')).stdout)?.[1]
    const was = await handle()
    const limited = { ...a, pod: { ...a.pod, bandwidth: { ingress: 1_000_000, egress: 1_000_000 } } }
    // Its rules loaded, and refused: also as a whole.
    for (const [words, left] of [['tc ', 1], ['nft -f', 2]] as const) {
      Object.assign(broken, { words, left })
      await expect(mine.attach(limited)).rejects.toThrow('failed on purpose')
      broken.left = 0
      expect((await lab.in(namespaceName(lab.hostTag, 1), 'nft', 'list', 'ruleset')).stdout).not.toContain('limit rate')
      expect(await handle()).toBe(was)
    }
    await mine.attach(limited)
    expect(await handle()).toBe(was)
    await mine.close()
  })

  it('in the removal of a network is tried again: by the same call, by the next pod, and by a look', async () => {
    const before = await lab.traces()
    const broken = failing('netns delete', 1)
    const mine = lab.hostNetwork({ run: broken.run })
    await mine.reconcile([])
    await mine.attach(a)
    await expect(mine.detach('a')).rejects.toThrow('failed on purpose')
    await mine.detach('a')
    expect(await lab.traces()).toEqual(before)
    await mine.attach(a)
    broken.left = 1
    await expect(mine.detach('a')).rejects.toThrow('failed on purpose')
    await mine.attach(b)
    await mine.mend()
    expect(await mine.mend()).toEqual(nothing)
    broken.left = 1
    await expect(mine.detach('b')).rejects.toThrow('failed on purpose')
    expect((await mine.mend()).repairs).toEqual([`namespace ${namespaceName(lab.hostTag, 1)} removed`])
    expect(await lab.traces()).toEqual(before)
  })

  it('in the undo of a first attach is tried again by a look, which leaves what others hold alone', async () => {
    const before = await lab.traces()
    const broken = failing('netns delete', 1)
    const mine = lab.hostNetwork({ run: async (command, args, options) => {
      if (broken.left > 0 && args.includes('nft')) throw new Error('no rules')
      return broken.run(command, args, options)
    } })
    // Before a reconciliation it knows nothing of what is there.
    await run('ip', ['netns', 'add', namespaceName(lab.hostTag, 9)])
    await expect(mine.attach({ network: network(1), pod: pod('a', 5) })).rejects.toThrow('no rules')
    await mine.mend()
    expect((await lab.traces()).namespaces).toHaveLength(2)
    await mine.reconcile([])
    broken.left = 1
    await expect(mine.attach({ network: network(1), pod: pod('a', 5) })).rejects.toThrow('no rules')
    expect((await lab.traces()).namespaces).toHaveLength(1)
    expect((await mine.mend()).repairs).toEqual([`namespace ${namespaceName(lab.hostTag, 1)} removed`])
    expect(await lab.traces()).toEqual(before)
  })

  it('and one that fails not: a look after a change costs what changed, not what is there', async () => {
    const counted = failing('nothing that is run')
    const mine = lab.hostNetwork({ run: counted.run })
    for (let number = 1; number <= 12; number++) await mine.attach({ network: network(number), pod: pod(`p${number}`, 5) })
    await mine.mend()
    await mine.mend()
    await mine.attach({ network: network(1), pod: pod('more', 6) })
    counted.ran = 0
    await mine.mend()
    expect(counted.ran).toBeLessThanOrEqual(12)
    await mine.close()
  })
})
