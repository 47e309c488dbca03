import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { removeVm } from '@/host/hypervisor/adopt-vm'
import { launchQemu, type Launched } from '@/host/hypervisor/launch'
import { isRunning, killProcess } from '@/host/hypervisor/process-identity'
import { stderrFile, vmFolder } from '@/host/hypervisor/start-qemu'
import { placeOf, vmPlaceOf } from '@/host/hypervisor/vm-place'
import { killStrayProcesses } from './stray-processes'

/** A block that no other test has. */
const first = 0x5000_0000 + (process.pid % 0x10_0000) * 0x100
const lostPod = '0a0a0a0a-0000-4000-8000-000000000001'
const range = { first, last: first + 0xff }

let top: string
let launched: Launched[]
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'stray '))
  launched = []
})
afterEach(async () => {
  for (const { identity, ended } of launched) {
    await killProcess(identity)
    await ended
  }
  await rm(top, { recursive: true, force: true })
})

const runDirOf = (host: string, pod: string) => join(top, host, 'pods', pod)

/** What a VM's process is to the machine, without a guest in it. */
async function launch(host: string, pod: string, uid: number): Promise<Launched> {
  const runDir = runDirOf(host, pod)
  await mkdir(vmFolder(runDir), { recursive: true, mode: 0o711 })
  const one = await launchQemu({ binary: 'sleep', arguments: ['600'], uid, folder: vmFolder(runDir), stderrFile: stderrFile(runDir), files: {}, network: null, kvmNode: null, cgroups: [], dieWithAgent: true, signal: new AbortController().signal })
  launched.push(one)
  await expect.poll(() => readFile(`/proc/${one.identity.pid}/comm`, 'utf8')).toBe('sleep\n')
  return one
}

const runs = ({ identity }: Launched) => isRunning(identity)

describe.runIf(process.getuid?.() === 0)("two agents' VMs with the same account numbers", () => {
  it("at an agent's start: its strays are ended, also those whose folder is gone; those it knows and the other's are not", async () => {
    const [stray, known, others] = [await launch('one', lostPod, first + 1), await launch('one', 'known', first + 2), await launch('one-more', 'stray', first + 1)]
    const bare = await launch('one', 'bare', first + 3)
    await rm(runDirOf('one', 'bare'), { recursive: true })
    expect(await vmPlaceOf(stray.identity.pid)).toEqual(await placeOf(vmFolder(runDirOf('one', lostPod))))
    expect(await vmPlaceOf(bare.identity.pid)).toEqual(await placeOf(vmFolder(runDirOf('one', 'bare'))))
    expect(await killStrayProcesses(range, new Set([first + 2]), join(top, 'one'))).toEqual({ killed: 2, podUids: [lostPod] })
    await Promise.all([stray.ended, bare.ended])
    expect(await Promise.all([stray, known, bare, others].map(runs))).toEqual([false, true, false, true])
  })

  it("when a pod is removed: its VM is ended, with its folder or without; the other's is not", async () => {
    const [own, others] = [await launch('one', 'pod', first + 1), await launch('two', 'pod', first + 1)]
    await removeVm({ uid: first + 1, runDir: runDirOf('one', 'pod') })
    expect(await Promise.all([own, others].map(runs))).toEqual([false, true])
    await rm(runDirOf('two', 'pod'), { recursive: true })
    await removeVm({ uid: first + 1, runDir: runDirOf('two', 'pod') })
    expect(await runs(others)).toBe(false)
  })

  it('a VM that its record names is ended wherever its folder was moved to', async () => {
    const moved = await launch('one', 'pod', first + 1)
    await removeVm({ uid: first + 1, runDir: runDirOf('before', 'pod'), process: moved.identity })
    expect(await runs(moved)).toBe(false)
  })
})
