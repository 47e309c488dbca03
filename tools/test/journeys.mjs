import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { npmProgram, root } from '../setup/paths.mjs'
import { suite } from './outcome.mjs'

const READY_LIMIT_MS = 300_000

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/**
 * Starts an installation of its own (free port, temporary data folder), runs the browser's journeys against it and
 * stops it. They find it by HYPERNETES_E2E_URL, the operator by HYPERNETES_ADMIN_EMAIL and _PASSWORD; a registry
 * that they start at HYPERNETES_E2E_REGISTRY is one that the installation reaches over plain HTTP.
 * @param {string[]} files only these
 */
export async function runJourneys(files = []) {
  // Not /tmp, which is memory on Debian 13: pods' disks and templates go here.
  const data = mkdtempSync('/var/tmp/hypernetes-e2e-')
  chmodSync(data, 0o711)
  const [port, registryPort] = [await freePort(), await freePort()]
  const registry = `127.0.0.1:${registryPort}`
  const env = {
    HYPERNETES_DATA: data,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    HYPERNETES_INSECURE_REGISTRIES: registry,
    HYPERNETES_ADMIN_EMAIL: 'operator@example.com',
    HYPERNETES_ADMIN_PASSWORD: randomBytes(12).toString('base64url'),
  }
  mkdirSync(join(root, 'test-results'), { recursive: true })
  const logFile = join(root, 'test-results', 'installation.log')
  const installation = await startInstallation(env, logFile)
  try {
    const journeys = { ...env, HYPERNETES_E2E_URL: env.PUBLIC_URL, HYPERNETES_E2E_REGISTRY: registry }
    const outcome = await suite('e2e: the browser on a running installation', [npmProgram('playwright'), 'test', '--output=test-results/journeys', ...files], { env: journeys })
    if (outcome.failed > 0) console.log(`\nThe installation's log: ${logFile}`)
    return outcome
  } finally {
    await installation.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Resolves when the installation prints that it is ready. */
function startInstallation(settings, logFile) {
  const { DATABASE_URL: _url, SMTP_URL: _smtp, npm_lifecycle_event: _npm, ...inherited } = process.env
  const child = spawn(process.execPath, ['tools/start.mjs'], { cwd: root, env: { ...inherited, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(logFile)
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
        resolve({ stop })
      })
    }
  })
}
