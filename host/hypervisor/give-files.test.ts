import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { giveFiles } from './give-files'
import { filesSocket, vmFolder } from './start-qemu'

let folder: string
let server: Server | undefined
const sockets: Socket[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'give-'))
  await mkdir(vmFolder(folder))
  await writeFile(join(folder, 'file'), 'bytes')
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server?.close()
  await rm(folder, { recursive: true, force: true })
})

const greeting = '{"QMP": {"version": {}, "capabilities": []}}\r\n'
const files = (...labels: string[]) => labels.map((label) => ({ path: join(folder, 'file'), access: 'read' as const, label }))

/** A monitor that answers each line as it is told to. */
async function monitor(answer: (line: string, socket: Socket) => string): Promise<string[]> {
  const asked: string[] = []
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write(greeting)
    socket.on('data', (chunk) => {
      for (const line of String(chunk).trim().split('\n')) {
        asked.push(line)
        socket.write(answer(line, socket))
      }
    })
  })
  await once(server.listen(filesSocket(folder)), 'listening')
  return asked
}

it('puts a file into its set, past events, and tells the sets in order', async () => {
  let sets = 7
  const asked = await monitor((line) => {
    const [, set] = /"fdset-id":(\d+)/.exec(line) ?? []
    return `{"timestamp": {}, "event": "RESUME"}\r\n{"return": {"fdset-id": ${line.includes('add-fd') ? (set ?? ++sets) : 0}, "fd": 20}}\r\n`
  })
  expect(await giveFiles(folder, [files('v0/a/rw', 'v0/a/ro'), files('v0/b/ro')])).toEqual([8, 9])
  expect(asked).toEqual([
    '{"execute":"qmp_capabilities"}',
    '{"execute":"add-fd","arguments":{"opaque":"v0/a/rw"}}',
    '{"execute":"add-fd","arguments":{"fdset-id":8,"opaque":"v0/a/ro"}}',
    '{"execute":"add-fd","arguments":{"opaque":"v0/b/ro"}}',
  ])
})

it('says that a VM of before must be made anew, and what QEMU said when it refused', async () => {
  await expect(giveFiles(folder, [files('a')])).rejects.toThrow('create the pod anew')
  await monitor((line) => (line.includes('add-fd') ? '{"error": {"class": "GenericError", "desc": "too many files"}}\r\n' : '{"return": {}}\r\n'))
  await expect(giveFiles(folder, [files('a')])).rejects.toThrow('too many files')
})

it('is given up by a monitor that floods, answers nonsense or closes, and takes no label, link or folder for a file', async () => {
  let flood = () => '{"return": {}}\r\n'.replace('{}', '{"fdset-id": "x"}')
  await monitor((line, socket) => {
    if (line.includes('qmp_capabilities')) return '{"return": {}}\r\n'
    if (line.includes('close')) socket.end()
    return flood()
  })
  await expect(giveFiles(folder, [files('a')])).rejects.toThrow('QEMU took no file')
  await expect(giveFiles(folder, [[{ path: folder, access: 'read', label: 'a' }]])).rejects.toThrow('not a file')
  await symlink(join(folder, 'file'), join(folder, 'link'))
  await expect(giveFiles(folder, [[{ path: join(folder, 'link'), access: 'read', label: 'a' }]])).rejects.toThrow('could not be given')
  flood = () => 'x'.repeat(2 << 20)
  await expect(giveFiles(folder, [files('a')])).rejects.toThrow('sent too much')
  flood = () => ''
  await expect(giveFiles(folder, [files('close')])).rejects.toThrow('was closed')
  for (const label of ['', 'a"b', 'a b', '$a', 'x'.repeat(121)]) await expect(giveFiles(folder, [files(label)]), label).rejects.toThrow('is no label')
  await expect(giveFiles(folder, [[]])).rejects.toThrow('cannot be given')
  await expect(giveFiles(folder, Array.from({ length: 101 }, () => files('a')))).rejects.toThrow('101 files')
})
