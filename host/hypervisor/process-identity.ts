import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

/** One process for ever: a pid alone is given out again. `startTicks` is field 22 of /proc/PID/stat. */
export const ProcessIdentity = z.object({ pid: z.number().int().positive(), startTicks: z.string(), bootId: z.string() })
export type ProcessIdentity = z.infer<typeof ProcessIdentity>

async function startTicks(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The command's name may hold anything, blanks and parentheses included; fields are counted after its last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const dead = fields[0] === 'Z' || fields[0] === 'X'
  return dead ? undefined : fields[19]
}

/** It stays the same for as long as this process does. */
let boot: Promise<string> | undefined
const currentBoot = () => (boot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim(), (error: unknown) => {
  boot = undefined
  throw error
}))

/** Who runs under this pid now, or undefined when nobody does (a zombie does not run). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const ticks = await startTicks(pid)
  return ticks === undefined ? undefined : { pid, startTicks: ticks, bootId: await currentBoot() }
}

/** Whether exactly this process still runs and, where given, runs as this user. */
export async function isRunning(identity: ProcessIdentity, uid?: number): Promise<boolean> {
  const now = await identifyProcess(identity.pid)
  if (now?.startTicks !== identity.startTicks || now.bootId !== identity.bootId) return false
  if (uid === undefined) return true
  return (await userOf(identity.pid)) === uid
}

/** The real user of a process. The owner of its folder in /proc would not do: a process can make that look like root. */
export async function userOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const uid = /^Uid:\t(\d+)/m.exec(status)?.[1]
  return uid === undefined ? undefined : Number(uid)
}

/** All processes that run as this user now. Never asked for root. */
export async function processesOf(uid: number): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const owned = await Promise.all(pids.map(async (pid) => ((await userOf(pid)) === uid ? identifyProcess(pid) : undefined)))
  return owned.filter((identity) => identity !== undefined)
}

/** Kills exactly this process. Says whether it was there. */
export async function killProcess(identity: ProcessIdentity): Promise<boolean> {
  if (!(await isRunning(identity))) return false
  try {
    process.kill(identity.pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

/** Waits until the process is gone, looking every 10 to 200 ms. Says whether it is, at the latest after `timeoutMs`. */
export async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  for (let pause = 10; await isRunning(identity); pause = Math.min(pause * 2, 200)) {
    if (performance.now() >= deadline) return false
    await delay(pause)
  }
  return true
}
