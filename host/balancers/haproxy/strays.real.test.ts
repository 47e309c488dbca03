import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { jailedResolver } from '@/host/dns/jail'
import { killStrayResolvers } from '@/host/dns/process'
import { DnsLab } from '@/host/dns/testing/dns-lab'
import { jailUid } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { jailedHaproxy } from './jail'
import { runFolder } from './places'
import { killStrayHaproxies } from './process'

let lab: DnsLab
let folder: string
beforeAll(async () => {
  lab = await DnsLab.open()
  folder = join(lab.folder, 'stray')
  await mkdir(folder)
  await writeFile(join(folder, 'passwd'), 'nobody:x:65534:65534::/:\n')
  await mkdir(join(folder, 'memory'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'balancer', join(folder, 'memory')])
  await mkdir(join(folder, 'memory', runFolder))
})
afterAll(async () => {
  await run('umount', ['--lazy', join(folder, 'memory')])
  await lab.close()
})

/** Processes that name the folder, whatever they are. */
async function named(): Promise<number[]> {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(async (pid) => ({ pid: Number(pid), words: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })))
  return all.filter(({ words }) => words.includes(folder)).map(({ pid }) => pid)
}

it.each([
  { what: 'a resolver', killStray: killStrayResolvers, jailed: (namespace: string): [string, string[]] => jailedResolver({ namespace, folder, uid: jailUid(), name: 'names.conf', command: ['sleep', '300'] }) },
  { what: 'HAProxy', killStray: killStrayHaproxies, jailed: (namespace: string): [string, string[]] => jailedHaproxy(namespace, { files: join(folder, 'memory'), uid: jailUid() }, ['sleep', '300']) },
])('one whose agent was killed before it could become $what is found by the next one, and ended', async ({ killStray, jailed }) => {
  const [command, args] = jailed(`/run/netns/${lab.network}`)
  onTestFinished(async () => (await named()).forEach((pid) => process.kill(pid, 'SIGKILL')))
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  // As where the agent ends: nobody reads who became the resolver, and bubblewrap's half that would tell it ends of that.
  child.stdio[3]?.destroy()
  await once(child, 'exit')
  const [left, ...others] = await named()
  expect([left === undefined, others]).toEqual([false, []])
  expect(await killStray(`${folder}-other`, new Set())).toBe(0)
  expect(await killStray(folder, new Set(left === undefined ? [] : [left]))).toBe(0)
  expect(await named()).toEqual([left])
  expect(await killStray(folder, new Set())).toBe(1)
  expect(await named()).toEqual([])
})
