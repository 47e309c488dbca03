import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { offeredCgroups, openCgroups } from './cgroups'
import { closeGroups, makeGroup, memoryLimitHit, removeGroup, sweepGroups, writeSettings } from './group-files'
import { legacySettings, openLegacy } from './legacy'
import { vmLimits } from './limits'
import { cgroupMounts } from './mounts'
import { openUnified, unifiedSettings } from './unified'

const MiB = 2 ** 20
const tcg = { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 } as const
const kvm = { kind: 'kvm', cpu: 'host' } as const

describe('the limits of a VM', () => {
  it("are its memory and QEMU's own needs, which grow with both; its processors and one for emulation", () => {
    const [small, large, native] = [vmLimits({ accelerator: tcg, vcpus: 1, memoryMiB: 128 }, 0), vmLimits({ accelerator: tcg, vcpus: 4, memoryMiB: 4096 }, 0), vmLimits({ accelerator: kvm, vcpus: 4, memoryMiB: 4096 }, 0)]
    expect([small, large, native].map(({ memoryBytes }) => memoryBytes / MiB)).toEqual([285, 6368, 4288])
    expect(small).toMatchObject({ processes: 129, cpus: 2, weight: 1 })
    expect(large).toMatchObject({ processes: 132, cpus: 5, weight: 4 })
  })

  it("of a clone cover what it is the first to touch of its template's empty pages", () => {
    const shape = { accelerator: tcg, vcpus: 1, memoryMiB: 128 }
    expect(vmLimits(shape, 30 * MiB).memoryBytes - vmLimits(shape, 0).memoryBytes).toBe(30 * MiB)
  })

  it('are written in the words of either version, within what the kernel takes', () => {
    const limits = { memoryBytes: 300 * MiB, processes: 129, cpus: 2, weight: 1 }
    expect(unifiedSettings(limits)).toMatchObject({ memory: [{ file: 'memory.max', value: '314572800' }, { file: 'memory.swap.max', value: '0' }], pids: [{ value: '129' }], cpu: [{ file: 'cpu.weight', value: '100' }, { file: 'cpu.max', value: '200000 100000' }] })
    expect(legacySettings(limits)).toMatchObject({ memory: [{ file: 'memory.limit_in_bytes', value: '314572800' }, { file: 'memory.memsw.limit_in_bytes' }], pids: [{ value: '129' }], cpu: [{ file: 'cpu.shares', value: '1024' }, { value: '100000' }, { file: 'cpu.cfs_quota_us', value: '200000' }] })
    expect(unifiedSettings({ ...limits, weight: 500 }).cpu[0]?.value).toBe('10000')
    expect(legacySettings({ ...limits, weight: 500 }).cpu[0]?.value).toBe('262144')
  })
})

describe('mounts', () => {
  it('of version 2 alone, of both, and of two controllers in one tree are told apart', () => {
    const unified = '33 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate'
    const legacy = ['34 33 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct', '35 33 0:30 / /sys/fs/cgroup/memory rw shared:2 master:1 - cgroup cgroup rw,memory', '36 33 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd']
    expect(cgroupMounts(unified)).toEqual({ unified: '/sys/fs/cgroup', legacy: new Map() })
    expect(cgroupMounts([unified.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/unified '), ...legacy].join('\n'))).toEqual({ unified: '/sys/fs/cgroup/unified', legacy: new Map([['cpu', '/sys/fs/cgroup/cpu,cpuacct'], ['memory', '/sys/fs/cgroup/memory']]) })
    expect(cgroupMounts('')).toEqual({ unified: null, legacy: new Map() })
  })
})

describe('a machine that cannot limit VMs', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cgroups-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('says why: a tree without controllers, one that takes nothing, none at all', async () => {
    await writeFile(join(folder, 'cgroup.controllers'), 'cpuset io\n')
    expect((await openUnified(folder, 'ours')).support).toEqual({ version: null, missing: ['memory', 'pids', 'cpu'], reason: `${folder} offers none of the controllers memory, pids, cpu` })
    await writeFile(join(folder, 'cgroup.controllers'), 'cpuset cpu memory pids\n')
    const refused = await openUnified(folder, 'ours')
    expect(refused.support).toMatchObject({ version: null, reason: expect.stringMatching(/no limits can be set below .*cgroup.subtree_control/) })
    expect(await refused.make('vm', { memoryBytes: 1, processes: 1, cpus: 1, weight: 1 })).toEqual([])
    await writeFile(join(folder, 'file'), '')
    expect((await openLegacy(new Map([['memory', join(folder, 'file')]]), 'ours')).support).toMatchObject({ version: null, reason: expect.stringMatching(/no limits can be set: ENOTDIR/) })
  })

  it('names what is missing where a part can be limited', async () => {
    await mkdir(join(folder, 'ours'))
    await writeFile(join(folder, 'ours', 'cgroup.procs'), '')
    const part = await openLegacy(new Map([['memory', folder]]), 'ours')
    expect(part.support).toMatchObject({ version: 1, missing: ['pids', 'cpu'] })
    expect(part.support.reason).toContain('pids, cpu')
    expect(part.folders('vm-a')).toEqual([join(folder, 'ours', 'vm-a')])
    // A folder of a usual file system takes no limits, which must be told, and nothing may stay.
    await expect(part.make('vm-a', { memoryBytes: 1, processes: 1, cpus: 1, weight: 1 })).rejects.toThrow(/vm-a\/memory.limit_in_bytes did not take 1: ENOENT/)
    expect(await readdir(join(folder, 'ours'))).toEqual(['cgroup.procs'])
  })

  it('is asked for the version that has more of the controllers, where both have some', async () => {
    const [two, one] = [join(folder, 'unified'), join(folder, 'legacy')]
    for (const [top, file] of [[two, 'cgroup.subtree_control'], [one, 'cgroup.procs']] as const) {
      await mkdir(join(top, 'ours'), { recursive: true })
      await writeFile(join(top, 'ours', file), '')
      await writeFile(join(top, file), '')
    }
    const offer = async (unified: string, legacy: ('memory' | 'pids' | 'cpu')[]) => {
      await Promise.all([writeFile(join(two, 'cgroup.controllers'), unified), writeFile(join(two, 'ours', 'cgroup.subtree_control'), '')])
      const mounts = { unified: two, legacy: new Map(legacy.map((each) => [each, one])) }
      const [{ support }, offered] = [await openCgroups('ours', mounts), await offeredCgroups(mounts)]
      expect(offered).toMatchObject({ version: support.version })
      return support
    }
    expect(await offer('cpuset pids', ['memory', 'cpu'])).toMatchObject({ version: 1, missing: ['pids'] })
    expect(await offer('memory', ['pids'])).toMatchObject({ version: 2 })
    expect(await offer('io', ['pids'])).toMatchObject({ version: 1 })
  })

  it('leaves out what the kernel lacks, if that is no wall of its own', async () => {
    await writeFile(join(folder, 'memory.max'), '')
    await writeSettings(folder, [{ file: 'memory.max', value: '5' }, { file: 'memory.swap.max', value: '0', optional: true }])
    expect(await readFile(join(folder, 'memory.max'), 'utf8')).toBe('5')
  })
})

describe('a group', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cgroups-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('that was at its limit of memory says so, in either version', async () => {
    expect(await memoryLimitHit([folder])).toBeNull()
    await writeFile(join(folder, 'memory.oom_control'), 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n')
    expect(await memoryLimitHit([folder])).toBeNull()
    await writeFile(join(folder, 'memory.oom_control'), 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n')
    await writeFile(join(folder, 'memory.limit_in_bytes'), '1000\n')
    expect(await memoryLimitHit([folder])).toBe(1000)
    await writeFile(join(folder, 'memory.events'), 'low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n')
    await writeFile(join(folder, 'memory.max'), '2000\n')
    expect(await memoryLimitHit([folder])).toBe(2000)
  })

  it('takes the place of one that was left, and all that are left are swept', async () => {
    await makeGroup(join(folder, 'vm-a'))
    await makeGroup(join(folder, 'vm-a'))
    await mkdir(join(folder, 'vm-b', 'busy'), { recursive: true })
    await expect(makeGroup(join(folder, 'vm-b'))).rejects.toThrow('vm-b is left of an earlier VM and cannot be removed')
    expect(await sweepGroups([folder, join(folder, 'none')])).toEqual([join(folder, 'vm-b')])
    expect(await readdir(folder)).toEqual(['vm-b'])
    expect(await removeGroup([join(folder, 'vm-a')])).toBe(true)
    await mkdir(join(folder, 'ended', 'vm-c'), { recursive: true })
    await closeGroups([join(folder, 'ended'), folder])
    expect(await readdir(folder)).toEqual(['vm-b'])
    expect(await removeGroup([join(folder, 'vm-b')])).toBe(false)
  })
})
