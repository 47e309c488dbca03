import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '@/platform/config'
import { isAlive, startTicks } from '@/tools/process/liveness.mjs'
import { makeDataFolders, type DataFolders } from '@/tools/start/data-folder'
import { ProcessRecords } from '@/tools/start/leftovers'
import { Supervisor } from '@/tools/start/supervisor'

/** Small processes that stand for the real ones: each notes what happens to it in one file. */
const note = (text: string) => `appendFileSync(process.env.HYPERNETES_TEST_NOTES, ${JSON.stringify(`${text}\n`)})`
const begin = "import { appendFileSync, writeFileSync } from 'node:fs'; import { createServer } from 'node:http'; setInterval(() => {}, 1000);"
const endsOn = (name: string, signal: string) => `process.on('${signal}', () => setImmediate(() => { ${note(`${name} ${signal}`)}; process.exit(0) }));`
const scripts = {
  'migrate.mjs': `${begin} ${note('migrate')}; process.exit(0)`,
  'web.mjs': `${begin} ${endsOn('web', 'SIGTERM')} createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT), process.env.HOST, () => { ${note('web up')} })`,
  'control.mjs': `${begin} ${endsOn('control', 'SIGTERM')} ${note('control up')}`,
  'host.mjs': `${begin} ${endsOn('host', 'SIGTERM')} ${endsOn('host', 'SIGUSR2')} writeFileSync(process.env.HYPERNETES_DATA + '/host/state.json', JSON.stringify({ ready: true, accelerator: 'tcg' })); ${note('host up')}`,
}

let root: string
let folders: DataFolders
let notes: string[]
let supervisors: Supervisor[]

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const bound = server.address()
      server.close(() => resolve(bound && typeof bound === 'object' ? bound.port : 0))
    })
  })
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hypernetes-supervisor-'))
  chmodSync(root, 0o711)
  mkdirSync(join(root, 'dist'))
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(root, 'dist', name), text)
  writeFileSync(join(root, 'notes'), '')
  vi.stubEnv('HYPERNETES_TEST_NOTES', join(root, 'notes'))
  vi.spyOn(console, 'log').mockImplementation(() => {})
  folders = makeDataFolders(join(root, 'data'), undefined)
  notes = []
  supervisors = []
})
afterEach(async () => {
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()))
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(root, { recursive: true, force: true })
})

const recordsFile = () => join(folders.supervisor, 'processes.json')

async function supervise(): Promise<Supervisor> {
  const config = loadConfig({ NODE_ENV: 'test', HYPERNETES_DATA: folders.data, PORT: String(await freePort()) })
  const environment = { config, folders, databaseUrl: 'postgresql://nowhere', sessionSecret: 'secret', hostPublicKey: undefined, guest: undefined, dev: false }
  const app = { folder: root, node: process.execPath }
  const supervisor = new Supervisor({ config, folders, accounts: undefined, app, root, environment, host: true, asRoot: [] }, new ProcessRecords(recordsFile()))
  supervisors.push(supervisor)
  return supervisor
}

async function readNotes(): Promise<string[]> {
  const { readFile } = await import('node:fs/promises')
  notes = (await readFile(join(root, 'notes'), 'utf8')).trim().split('\n')
  return notes
}

const ready = (supervisor: Supervisor) => supervisor.waitUntilReady(AbortSignal.timeout(20_000))

describe('Supervisor', () => {
  it('starts everything, says when pods can run, and stops the host first', async () => {
    const supervisor = await supervise()
    await supervisor.migrate()
    supervisor.start()
    expect(await ready(supervisor)).toEqual({ accelerator: 'tcg' })
    await vi.waitFor(async () => expect(await readNotes()).toContain('control up'), { timeout: 15_000 })
    await supervisor.stop()
    expect((await readNotes())[0]).toBe('migrate')
    expect(notes.slice(-3)).toEqual(['host SIGTERM', 'control SIGTERM', 'web SIGTERM'])
  })

  it('does not begin with a database that could not be brought up to date', async () => {
    writeFileSync(join(root, 'dist', 'migrate.mjs'), 'process.exit(1)')
    await expect((await supervise()).migrate()).rejects.toThrow(/could not be brought up to date/)
  })

  it('leaves the VMs of a host that it replaces', async () => {
    const supervisor = await supervise()
    supervisor.start()
    await ready(supervisor)
    supervisor.replace('host')
    await vi.waitFor(async () => expect((await readNotes()).filter((line) => line === 'host up').length).toBe(2), { timeout: 15_000 })
    expect(notes).toContain('host SIGUSR2')
    expect(notes).not.toContain('host SIGTERM')
  })

  it('leaves the VMs of its host when another build takes its place', async () => {
    const supervisor = await supervise()
    supervisor.start()
    await ready(supervisor)
    await vi.waitFor(async () => expect(await readNotes()).toContain('control up'), { timeout: 15_000 })
    await supervisor.stop({ leaveVms: true })
    expect((await readNotes()).slice(-3)).toEqual(['host SIGUSR2', 'control SIGTERM', 'web SIGTERM'])
  })

  it('ends what a killed supervisor left running, and leaves the VMs', async () => {
    const supervisor = await supervise()
    supervisor.start()
    await ready(supervisor)
    await vi.waitFor(async () => expect(await readNotes()).toContain('control up'), { timeout: 15_000 })
    // A second set of records is what the next supervisor reads.
    const { readFile, writeFile } = await import('node:fs/promises')
    const copy = join(root, 'left.json')
    await writeFile(copy, await readFile(recordsFile(), 'utf8'))
    const found: string[] = []
    await new ProcessRecords(copy).endLeftovers((name) => found.push(name))
    expect(found.sort()).toEqual(['control', 'host', 'web'])
    expect(await readNotes()).toContain('host SIGUSR2')
  })

  it('does not touch a process that merely got the number of one of ours', async () => {
    const copy = join(root, 'left.json')
    writeFileSync(copy, JSON.stringify({ web: { pid: process.pid, ticks: '1' } }))
    await new ProcessRecords(copy).endLeftovers(() => expect.unreachable())
    expect(isAlive(process.pid)).toBe(true)
  })

  it('ends what is root’s through sudo, and waits for what leaves by itself', async () => {
    // sudo hands a signal on and ends with what it runs: here it notes what it is asked, and may do what we may not.
    const bin = join(root, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'sudo'), `#!/bin/sh\necho "sudo $*" >> ${join(root, 'notes')}\nshift\nexec "$@"\n`, { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`)
    const host = spawn(process.execPath, ['-e', "process.on('SIGUSR2', () => setTimeout(() => process.exit(0), 200)); setInterval(() => {}, 1000); console.log('up')"], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(host.stdout, 'data')
    const copy = join(root, 'left.json')
    writeFileSync(copy, JSON.stringify({ host: { pid: host.pid, ticks: startTicks(host.pid ?? 0) } }))
    const kill = process.kill.bind(process)
    vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
      if (signal === 0 || pid !== host.pid) return kill(pid, signal)
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    await new ProcessRecords(copy).endLeftovers(() => {})
    expect(isAlive(host.pid ?? 0)).toBe(false)
    expect(await readNotes()).toEqual([`sudo -n kill -s USR2 ${host.pid}`])
  })

  it('takes it for done when a process ends just before it is signalled', async () => {
    const leaving = spawn(process.execPath, ['-e', "process.stdin.once('data', () => process.exit(0)); console.log('up')"], { stdio: ['pipe', 'pipe', 'ignore'] })
    await once(leaving.stdout, 'data')
    const copy = join(root, 'left.json')
    writeFileSync(copy, JSON.stringify({ web: { pid: leaving.pid, ticks: startTicks(leaving.pid ?? 0) } }))
    const kill = process.kill.bind(process)
    vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
      if (signal === 0 || pid !== leaving.pid) return kill(pid, signal)
      leaving.stdin.write('x')
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' })
    })
    await new ProcessRecords(copy).endLeftovers(() => {})
    expect(isAlive(leaving.pid ?? 0)).toBe(false)
  })

  it('kills what does not end in its time', async () => {
    const deaf = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')"], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(deaf.stdout, 'data')
    const copy = join(root, 'left.json')
    writeFileSync(copy, JSON.stringify({ web: { pid: deaf.pid, ticks: startTicks(deaf.pid ?? 0) } }))
    await new ProcessRecords(copy).endLeftovers(() => {}, { leavingMs: 100 })
    expect(deaf.signalCode ?? (await once(deaf, 'exit'))[1]).toBe('SIGKILL')
  })
})
