import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import type { ProcessEnd } from './launch'
import { identifyProcess, isRunning } from './process-identity'
import { QmpClient } from './qmp'
import { RunningVm } from './running-vm'
import { stderrFile } from './start-qemu'

const Request = z.object({ id: z.number() })

let folder: string
const processes: ChildProcess[] = []
const servers: Server[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'running-'))
})

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL')
  for (const server of servers.splice(0)) server.close()
  await rm(folder, { recursive: true, force: true })
})

/** A VM whose process sleeps and whose monitor greets, agrees and says no more. `lose` closes the monitor's connection. */
async function start(name: string, ended: Promise<ProcessEnd> | null) {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  processes.push(child)
  const identity = await identifyProcess(child.pid ?? 0)
  if (!identity) throw new Error('no process')
  const runDir = join(folder, name)
  await mkdir(runDir)
  await writeFile(stderrFile(runDir), '')
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}\r\n')
    socket.on('data', (chunk) => socket.write(`${JSON.stringify({ return: {}, id: Request.parse(JSON.parse(String(chunk))).id })}\r\n`))
  })
  servers.push(server)
  await once(server.listen(join(runDir, 'monitor')), 'listening')
  const qmp = await QmpClient.connect(join(runDir, 'monitor'))
  const record = { id: name, tenantId: 'tenant', uid: 1, runDir, mode: 'cold', copy: null, accelerator: 'tcg', guest: null, scratch: null, memoryBytes: null, storage: false, process: identity } as const
  const vm = new RunningVm({ ...record, cgroups: [] }, qmp, null, ended && { identity, ended })
  return { vm, child, lose: () => sockets.forEach((socket) => socket.destroy()), runs: () => isRunning(identity) }
}

it('a VM ends with its process or its monitor, not with its parent, and not once it was let go', async () => {
  const never = new Promise<ProcessEnd>(() => {})
  const shellKilled = Promise.resolve<ProcessEnd>({ code: null, signal: 'SIGKILL' })
  const [lost, letGo, silent, orphan] = await Promise.all([start('lost', null), start('let-go', null), start('silent', never), start('orphan', shellKilled)])
  lost.lose()
  letGo.lose()
  await delay(50)
  letGo.vm.detach()
  silent.child.kill('SIGTERM')
  silent.lose()
  // A process without a monitor is given 5 s, and so is a parent that says nothing.
  expect(await lost.vm.exited).toMatchObject({ code: null, signal: null })
  expect(await silent.vm.exited).toMatchObject({ code: null, signal: null })
  await delay(500)
  expect(await Promise.all([lost, letGo, silent, orphan].map((each) => each.runs()))).toEqual([false, true, false, true])
  // How the parent ended says nothing of the VM.
  orphan.child.kill('SIGTERM')
  orphan.lose()
  expect(await orphan.vm.exited).toEqual({ cause: 'QEMU ended', code: null, signal: null })
})
