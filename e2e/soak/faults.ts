import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from '@playwright/test'
import { isAlive, startTicks } from '@/tools/process/liveness.mjs'
import { signInByRequest } from '../fixtures/accounts'
import { openApiWith, type Api } from '../fixtures/api'
import { installation } from '../fixtures/installation'
import { processOf } from '../fixtures/processes'
import { takeAllConnections } from './connections'

export const killable = ['web', 'control', 'host', 'postgres'] as const
export type Killable = (typeof killable)[number]
export type Fault = Killable | 'stopped host' | 'no connections'

/** The supervisor's longest pause is 30 s; a start of PostgreSQL over a crash and of web come on top. */
const BACK_MS = 90_000
const LONGEST_STOP_MS = 12_000

export function postgresPid(): number | undefined {
  try {
    const pid = Number(readFileSync(join(installation.data, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
    return isAlive(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

export const pidOf = (name: Killable): number | undefined => (name === 'postgres' ? postgresPid() : processOf(name))

/** Ends one of the installation's processes without warning and waits until another one is there; the pause in ms. */
export async function kill(name: Killable): Promise<number> {
  const before = await until(`a process ${name}`, () => pidOf(name))
  const ticks = startTicks(before)
  const at = Date.now()
  process.kill(before, 'SIGKILL')
  await until(`another ${name} after process ${before} was killed`, () => {
    const now = pidOf(name)
    return now !== undefined && (now !== before || startTicks(now) !== ticks) ? now : undefined
  })
  return Date.now() - at
}

/** Holds the host agent still, as a machine does that swaps or a debugger, and lets it go on; how long in ms. */
async function stopHost(stopMs: number): Promise<number> {
  const pid = await until('a process host', () => pidOf('host'))
  process.kill(pid, 'SIGSTOP')
  try {
    await delay(Math.min(stopMs, LONGEST_STOP_MS))
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  return stopMs
}

/** Carries out one fault and resolves when the next one may come; `ms` bounds those that last. */
export async function disturb(fault: Fault, ms: number): Promise<number> {
  if (fault === 'stopped host') return stopHost(ms)
  if (fault === 'no connections') {
    // It may have been killed a moment ago.
    const release = await until('a database that takes connections', () => takeAllConnections().catch(() => undefined))
    await delay(Math.min(ms, 6_000)).finally(release)
    return ms
  }
  return kill(fault)
}

/** Waits until the server says that it is ready. */
export async function untilServerReady(): Promise<void> {
  await until('/readyz to answer 200', async () => {
    const response = await fetch(`${installation.url}/readyz`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    return response?.status === 200 ? true : undefined
  })
}

let operator: Promise<Api> | undefined

/** Waits until the server says that it is ready, and that the host is and was heard from since this was asked. */
export async function untilReady(): Promise<void> {
  const since = Date.now()
  await untilServerReady()
  let last = 'no answer'
  await until(() => `the host to be Ready (${last})`, async () => {
    try {
      operator ??= openOperatorApi()
      const { items: [host] } = await (await operator).host.list.query()
      last = host ? `${host.status.phase}, heard from at ${host.status.lastHeartbeat}` : 'no host'
      return host?.status.phase === 'Ready' && Date.parse(host.status.lastHeartbeat ?? '') > since ? true : undefined
    } catch (error) {
      operator = undefined
      last = String(error)
      return undefined
    }
  })
}

/** Nobody may ask for hosts but an operator who is signed in. */
async function openOperatorApi(): Promise<Api> {
  const browser = await request.newContext({ baseURL: installation.url })
  try {
    await signInByRequest({ request: browser }, installation.operator)
    const { cookies } = await browser.storageState()
    return openApiWith({ cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; ') })
  } finally {
    await browser.dispose()
  }
}

async function until<T>(what: string | (() => string), probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + BACK_MS
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`waited ${BACK_MS / 1000} s for ${typeof what === 'string' ? what : what()}`)
    await delay(100)
  }
}
