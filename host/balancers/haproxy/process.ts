import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isResolverUid } from '@/host/dns/jail'
import { isBegun } from '@/host/dns/process'
import { identifyProcess, isRunning, killProcess, ProcessIdentity, userOf, waitUntilGone } from '@/host/hypervisor/process-identity'
import { placeMountedAt } from '@/host/hypervisor/vm-place'
import { inGroup, removeJailGroup } from '@/host/images/jail/group'
import { codeOf } from '@/platform/error-code'
import { ExecError, run } from '@/platform/exec'
import { haproxyLimits, jailedCheck, jailedHaproxy, type HaproxyJail } from './jail'
import { balancerFolder, configurationFile, inBalancer, runFolder, sockets } from './places'
import { command, rowsOf } from './runtime'
import { HaproxyRefused, wordsOf } from './words'

/** On a machine where several begin at once. */
const startsWithinMs = 20_000
/** A HAProxy that begins answers soon or late: it is asked more and more seldom, so that many that begin do not take the agent's time. */
const [firstAskMs, lastAskMs] = [5, 100]
const endsWithinMs = 2_000
const lookMs = 1_000
/** Of what it says on its standard error, the last. */
const wordsKept = 8_192

/** A HAProxy as it is written down for the next agent: its master, which is process 1 of its own namespace. `namespace` is the inode of the network namespace in which it was started. */
export const HaproxyRecord = z.object({ identity: ProcessIdentity, uid: z.number().int(), namespace: z.number(), group: z.string().regex(/^balancer-[0-9a-f]+$/) })
export type HaproxyRecord = z.infer<typeof HaproxyRecord>

const bwrapInfo = z.object({ 'child-pid': z.number().int().positive() })

/** What names a network namespace for ever; null where there is none of that path. */
export const namespaceInode = (path: string): Promise<number | null> => stat(path).then(({ ino }) => ino, () => null)
/** A socket of HAProxy's own, as the agent finds it. */
export const socketOf = (files: string, name: keyof typeof sockets): string => join(files, runFolder, sockets[name])
const haproxy = (...args: string[]) => ['haproxy', ...args, '-f', inBalancer(configurationFile)]

/** Throws {@link HaproxyRefused} where HAProxy would not take the files of this folder. */
export async function checkFiles(jail: HaproxyJail): Promise<void> {
  const [program, args] = jailedCheck(jail, haproxy('-c'))
  await run(program, args, { timeoutMs: startsWithinMs }).catch((error: unknown) => {
    throw error instanceof ExecError ? new HaproxyRefused(`HAProxy refuses it: ${wordsOf(error.stderr)}`) : error
  })
}

/** Starts HAProxy with the files of its jail, and resolves once it answers. `onEnd` is told when it has ended. Throws with its last words, and leaves nothing of it. */
export async function startHaproxy(namespacePath: string, jail: HaproxyJail, onEnd: () => void): Promise<HaproxyRecord> {
  const namespace = await namespaceInode(namespacePath)
  if (namespace === null) throw new Error('its network namespace is not there')
  const group = `balancer-${randomBytes(6).toString('hex')}`
  const { command: program, args, leave } = await inGroup(haproxyLimits, jailedHaproxy(namespacePath, jail, haproxy('-W', '-S', `${inBalancer(`${runFolder}/${sockets.master}`)},mode,600`)), group)
  // What it says goes to nobody once the agent has ended, which it does not mind.
  const child = spawn(program, args, { detached: true, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_ENV: process.env.NODE_ENV, LANG: 'C.UTF-8' }, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => (words = (words + chunk.toString('utf8')).slice(-wordsKept))).on('error', () => {})
  let gone = false
  const ended = new Promise<void>((resolve) => child.once('error', () => resolve()).once('exit', () => resolve())).then(() => void (gone = true))
  void ended.then(leave).catch(() => {})
  const told = await Promise.race([text(child.stdio[3] as Readable), ended.then(() => delay(100, '')), delay(startsWithinMs, '', { ref: false })])
  const info = bwrapInfo.safeParse(jsonOf(told))
  const identity = info.success ? await identifyProcess(info.data['child-pid']) : undefined
  if (!identity || !(await answers(jail.files, () => gone))) {
    if (identity) await killProcess(identity)
    child.kill('SIGKILL')
    await ended
    // Who began it may be gone without it, and one that nobody knows of may have had its ports.
    await killHaproxies(async (pid, uid) => (uid === 0 ? isBegun(pid, jail.files) : (await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === `net:[${namespace}]`))
    // Its last words may come after its end.
    await delay(20)
    throw new HaproxyRefused(`HAProxy did not start: ${wordsOf(words)}`)
  }
  child.unref()
  for (const stream of [child.stderr, child.stdio[3]]) if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
  const record = { identity, uid: jail.uid, namespace, group }
  // The process above it may be killed alone.
  void ended.then(() => watchHaproxy(record, onEnd))
  return record
}

function jsonOf(line: string): unknown {
  try {
    return z.unknown().parse(JSON.parse(line))
  } catch {
    return null
  }
}

/** Asks again and again, more and more seldom, until it is so or the time is over. */
async function isSoInTime(ask: () => Promise<boolean>, isOver: () => boolean = () => false): Promise<boolean> {
  let waitMs = firstAskMs
  for (const deadline = performance.now() + startsWithinMs; !isOver() && performance.now() < deadline; await delay(waitMs)) {
    if (await ask().catch(() => false)) return true
    waitMs = Math.min(waitMs * 1.5, lastAskMs)
  }
  return false
}

/** Whether its worker and its master answer within the time. */
const answers = (files: string, isGone: () => boolean): Promise<boolean> =>
  isSoInTime(async () => (await command(socketOf(files, 'worker'), 'show info')).includes('Pid:') && (await command(socketOf(files, 'master'), 'show proc')).includes('worker'), isGone)

/** Tells when a HAProxy that is nobody's child here has ended. */
export function watchHaproxy({ identity, uid }: HaproxyRecord, onEnd: () => void): void {
  const look = async () => {
    if (await isRunning(identity, uid)) setTimeout(() => void look(), lookMs).unref()
    else onEnd()
  }
  void look()
}

/** Whether it runs, and where its network now is. */
export const isServing = async ({ identity, uid, namespace }: HaproxyRecord, path: string): Promise<boolean> => (await isRunning(identity, uid)) && namespace === (await namespaceInode(path))

/** Ends it and all its processes, and removes its control group: whoever waited for its end may have died. */
export async function endHaproxy({ identity, uid, group }: HaproxyRecord): Promise<void> {
  if (await isRunning(identity, uid)) {
    await killProcess(identity)
    await waitUntilGone(identity, endsWithinMs)
  }
  await removeJailGroup(group)
}

/** Lets it end what it has, takes nothing new, and resolves once it has ended or the time is over. */
export async function drainHaproxy({ identity, uid }: HaproxyRecord, timeoutMs: number): Promise<void> {
  if (!(await isRunning(identity, uid))) return
  try {
    process.kill(identity.pid, 'SIGUSR1')
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
  await waitUntilGone(identity, timeoutMs)
}

/** The processes of a HAProxy and its master: those reloads left, and the one that serves. */
type Worker = { pid: number; reloads: number }
export async function workersOf(files: string): Promise<{ workers: Worker[]; failed: number }> {
  const said = await command(socketOf(files, 'master'), 'show proc')
  const rows = rowsOf(said).map((row) => row.trim().split(/\s+/))
  return {
    workers: rows.flatMap(([pid = '', type, reloads = '']) => (type === 'worker' ? [{ pid: Number(pid), reloads: Number(reloads) }] : [])),
    failed: Number(/\[failed: (\d+)\]/.exec(said)?.[1] ?? 0),
  }
}

/** Makes HAProxy read its files again in a new process, which takes the sockets over; what is open stays with the old one. Throws where it does not, and the old one serves on. */
export async function reloadHaproxy(files: string): Promise<void> {
  const before = await workersOf(files)
  const old = new Set(before.workers.map(({ pid }) => pid))
  // It begins anew, and so ends the connection: there may be no answer.
  const said = await command(socketOf(files, 'master'), 'reload').catch(() => '')
  let refused = false
  const taken = await isSoInTime(async () => {
    const now = await workersOf(files)
    const fresh = now.workers.find(({ pid, reloads }) => !old.has(pid) && reloads === 0)
    refused = !fresh && now.failed > before.failed
    return fresh !== undefined && new RegExp(`^Pid: ${fresh.pid}$`, 'm').test(await command(socketOf(files, 'worker'), 'show info'))
  }, () => refused)
  if (taken) return
  throw new HaproxyRefused(`HAProxy did not take its new configuration, and serves with the one before${said.includes('[ALERT]') ? `: ${wordsOf(said)}` : ''}`)
}

/**
 * Kills every HAProxy whose files are in memory that is mounted in this folder, or below, but those whose masters are `kept`: of an agent's that died before it could write them down.
 * Returns how many processes.
 */
export async function killStrayHaproxies(folder: string, kept: ReadonlySet<number>): Promise<number> {
  const ours = await devicesMountedIn(folder)
  if (ours.size === 0) return 0
  return killHaproxies(async (pid, uid) => {
    if (uid === 0) return !kept.has(pid) && isBegun(pid, folder)
    const place = kept.has(pid) ? undefined : await placeMountedAt(pid, balancerFolder)
    return place !== undefined && ours.has(place.device) && !kept.has(await parentOf(pid))
  })
}

/** Kills those of this machine's processes under an account of a jail, or root's, that are meant: one look at all of them. Returns how many. */
async function killHaproxies(isMeant: (pid: number, uid: number) => Promise<boolean>): Promise<number> {
  let killed = 0
  for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
    const uid = await userOf(pid)
    if (uid === undefined || !(uid === 0 || isResolverUid(uid)) || !(await isMeant(pid, uid))) continue
    const identity = await identifyProcess(pid)
    const group = await groupOf(pid)
    if (!identity || !(await killProcess(identity))) continue
    killed += 1
    await waitUntilGone(identity, endsWithinMs)
    if (group !== undefined) await removeJailGroup(group)
  }
  return killed
}

/** The file systems that are mounted in a folder, or below, as proc_pid_mountinfo(5) names them. */
async function devicesMountedIn(folder: string): Promise<Set<string>> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' '))
  const place = await realpath(folder).catch(() => folder)
  return new Set(mounts.flatMap(([, , device, , mountPoint]) => (device !== undefined && mountPoint?.startsWith(`${place}/`) ? [device] : [])))
}

const parentOf = async (pid: number): Promise<number> => Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1] ?? 0)
const groupOf = async (pid: number): Promise<string | undefined> => /\/(balancer-[0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''))?.[1]
