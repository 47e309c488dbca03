import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { jailUid } from '@/host/images/jail/jail'
import { jailedResolver } from './jail'
import { killStrayResolvers } from './process'
import { DnsLab } from './testing/dns-lab'

let lab: DnsLab
let folder: string
beforeAll(async () => {
  lab = await DnsLab.open()
  folder = join(lab.folder, 'stray')
  await mkdir(folder)
  await writeFile(join(folder, 'passwd'), 'nobody:x:65534:65534::/:\n')
})
afterAll(() => lab.close())

/** Processes that name the folder, whatever they are. */
async function named(): Promise<number[]> {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(async (pid) => ({ pid: Number(pid), words: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })))
  return all.filter(({ words }) => words.includes(folder)).map(({ pid }) => pid)
}

it('one that its agent was killed before it could become a resolver is found by the next one, and ended', async () => {
  const [command, args] = jailedResolver({ namespace: `/run/netns/${lab.network}`, folder, uid: jailUid(), name: 'names.conf', command: ['sleep', '300'] })
  onTestFinished(async () => (await named()).forEach((pid) => process.kill(pid, 'SIGKILL')))
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  // As where the agent ends: nobody reads who became the resolver, and bubblewrap's half that would tell it ends of that.
  child.stdio[3]?.destroy()
  await once(child, 'exit')
  const [left, ...others] = await named()
  expect([left === undefined, others]).toEqual([false, []])
  expect(await killStrayResolvers(`${folder}-other`, new Set())).toBe(0)
  expect(await killStrayResolvers(folder, new Set(left === undefined ? [] : [left]))).toBe(0)
  expect(await named()).toEqual([left])
  expect(await killStrayResolvers(folder, new Set())).toBe(1)
  expect(await named()).toEqual([])
})
