import { execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { chmodSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'
import { removeGroupsOf } from './control-groups.mjs'

const READY_LIMIT_MS = 300_000

/** A TCP port of the loopback address that nothing listens on now. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** A subnet of those for trying networks out (RFC 2544) that this machine does not use: two installations on one machine need pools of their own. */
function freeExternalCidr() {
  const used = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).map(({ address }) => address)
  for (;;) {
    const prefix = `198.${randomInt(18, 20)}.${randomInt(0, 256)}`
    if (!used.some((address) => address.startsWith(`${prefix}.`))) return `${prefix}.0/24`
  }
}

/** A host keeps what is for its pool's addresses; one that was killed has no time to undo it. */
function letOut(cidr) {
  try {
    execFileSync('ip', ['route', 'delete', 'unreachable', cidr, 'metric', '4294967295'], { stdio: 'ignore' })
  } catch {
    // The host ended by itself, or there was none.
  }
}

/**
 * The settings of an installation of its own: free ports and a data folder that is removed by `remove`.
 * `env` names it for whoever tests it too: HYPERNETES_E2E_URL, the operator by HYPERNETES_ADMIN_EMAIL and _PASSWORD; a
 * registry that they start at HYPERNETES_E2E_REGISTRY is one that the installation reaches over plain HTTP.
 * @param {string} name
 */
export async function ownSettings(name) {
  // Not /tmp, which is memory on Debian 13: pods' disks and templates go here.
  const data = mkdtempSync(`/var/tmp/hypernetes-${name}-`)
  chmodSync(data, 0o711)
  const [port, registryPort] = [await freePort(), await freePort()]
  const registry = `127.0.0.1:${registryPort}`
  const url = `http://127.0.0.1:${port}`
  const cidr = freeExternalCidr()
  const settings = {
    HYPERNETES_DATA: data,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: url,
    HYPERNETES_INSECURE_REGISTRIES: registry,
    HYPERNETES_EXTERNAL_CIDR: cidr,
    // Each journey signs up as somebody behind a proxy.
    HYPERNETES_TRUSTED_PROXIES: '127.0.0.1',
    HYPERNETES_ADMIN_EMAIL: 'operator@example.com',
    HYPERNETES_ADMIN_PASSWORD: randomBytes(12).toString('base64url'),
  }
  mkdirSync(join(root, 'test-results'), { recursive: true })
  const logFile = join(root, 'test-results', name === 'e2e' ? 'installation.log' : `${name}.log`)
  const env = { ...settings, HYPERNETES_E2E_URL: url, HYPERNETES_E2E_REGISTRY: registry, HYPERNETES_E2E_LOG: logFile }
  const remove = () => {
    letOut(cidr)
    removeData(data)
  }
  return { settings, env, logFile, remove }
}

/**
 * Adds to an outcome with failures what the installation itself warned of last: where only the end of a run is kept, its log is gone with the machine.
 * @param {import('./outcome.mjs').Outcome} outcome @param {string} logFile
 */
export function withLastWarnings(outcome, logFile) {
  if (outcome.failed === 0) return outcome
  const warnings = readFileSync(logFile, 'utf8').split('\n').filter((line) => /^\w+ +\| (WARN|ERROR|FATAL)/.test(line)).slice(-20).map((line) => line.slice(0, 400))
  return { ...outcome, failures: [...(outcome.failures ?? []), `what the installation warned of last, of all in ${logFile}:\n${warnings.join('\n')}`] }
}

/** Removes an ended installation's data, and the control group of its host, which an agent that was killed leaves. */
function removeData(data) {
  const tag = join(data, 'host', 'tag')
  if (existsSync(tag)) removeGroupsOf(`hypernetes-${readFileSync(tag, 'utf8').trim()}`)
  rmSync(data, { recursive: true, force: true })
}

/** Starts an installation of its own; `stop` ends it and removes its data. @param {string} name */
export async function startOwnInstallation(name) {
  const { settings, env, logFile, remove } = await ownSettings(name)
  const { stop } = await startInstallation(settings, { logFile })
  return { env, logFile, stop: () => stop().finally(remove) }
}

/**
 * Resolves when the installation prints that it is ready. `stop` has it end its VMs too.
 * @param {Record<string, string>} settings
 * @param {{ logFile: string, checkout?: string, args?: string[], flags?: string }} options `checkout`: another one than this
 */
export function startInstallation(settings, { logFile, checkout = root, args = [], flags = 'w' }) {
  const { DATABASE_URL: _url, SMTP_URL: _smtp, npm_lifecycle_event: _npm, ...inherited } = process.env
  const child = spawn(process.execPath, ['tools/start.mjs', ...args], { cwd: checkout, env: { ...inherited, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(logFile, { flags })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  return new Promise((resolve, reject) => {
    const fail = async (why) => {
      await stop()
      reject(new Error(`the installation ${why}:\n${readFileSync(logFile, 'utf8').split('\n').slice(-60).join('\n')}`))
    }
    const limit = setTimeout(() => void fail(`was not ready within ${READY_LIMIT_MS / 1000} s`), READY_LIMIT_MS)
    void ended.then(() => {
      clearTimeout(limit)
      log.end(() => void fail('ended'))
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        log.write(chunk)
        text = (text + chunk).slice(-10_000)
        if (!/^ready  /m.test(text)) return
        clearTimeout(limit)
        resolve({ stop, child, ended })
      })
    }
  })
}
