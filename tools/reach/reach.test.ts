import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'

/** The commands as a person runs them, against a server that answers as the installation does. */
let server: Server
let folder: string
let url: string
let requests: { method: string; url: string; headers: Record<string, unknown>; body: Buffer }[]
let archive: Buffer
let respond: (url: string) => { status: number; body: string | Buffer }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reach-'))
  requests = []
  respond = (path) => (path.includes('/files') ? { status: 200, body: archive } : { status: 412, body: JSON.stringify({ error: { message: 'The folder cannot be listed: gone.' } }) })
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) })
      const { status, body } = respond(request.url ?? '')
      response.writeHead(status).end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true, force: true })
})

const start = (program: string, args: string[]) => spawn(process.execPath, [join(import.meta.dirname, '..', program), '--url', url, '--tenant', 'ann', ...args], { cwd: folder, env: { ...process.env, INIT_CWD: '', HYPERNETES_TOKEN: 'hyp_secret' } })
async function run(program: string, ...args: string[]) {
  const child = start(program, args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>])
  return { out, err, code }
}

type Entry = Parameters<ReturnType<typeof pack>['entry']>[0] & { content?: string }
async function archiveOf(...entries: Entry[]): Promise<Buffer> {
  const stream = pack()
  for (const { content, ...header } of entries) stream.entry(header, content ?? '')
  stream.finalize()
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

describe('copy', () => {
  it('brings a folder out of a pod whole, and leaves out what would lead elsewhere', async () => {
    archive = await archiveOf(
      { name: 'data/', type: 'directory' }, { name: 'data/a.txt', content: 'hello', mode: 0o4755 }, { name: 'data/sub/', type: 'directory' },
      { name: 'data/near', type: 'symlink', linkname: 'a.txt' }, { name: 'data/passwd', type: 'symlink', linkname: '/etc/passwd' }, { name: 'data/up', type: 'symlink', linkname: '../../x' },
      { name: 'data/self', type: 'symlink', linkname: '.' }, { name: 'data/sub/out', type: 'symlink', linkname: '../self/..' }, { name: 'data/pipe', type: 'fifo' },
    )
    const { out, err, code } = await run('copy.mjs', 'default/web:/data', 'here')
    expect([code, out]).toEqual([0, `Copied to ${join(folder, 'here')}\n`])
    expect((await readdir(join(folder, 'here'))).sort()).toEqual(['a.txt', 'near', 'self', 'sub'])
    expect([await readFile(join(folder, 'here/a.txt'), 'utf8'), await readlink(join(folder, 'here/near')), await readdir(join(folder, 'here/sub')), await readdir(folder)]).toEqual(['hello', 'a.txt', [], ['here']])
    for (const name of ['passwd', 'up', 'sub/out', 'pipe']) expect(err).toContain(`Left out: data/${name}`)
    expect(requests[0]).toMatchObject({ method: 'GET', url: '/api/pods/ann/default/web/files?path=%2Fdata', headers: { authorization: 'Bearer hyp_secret' } })
  })

  it.each([['../x', 'x'], ['/abs', 'abs'], ['a/../../x', 'x']])('never writes outside of its target: %s', async (name) => {
    archive = await archiveOf({ name, content: 'evil' })
    await mkdir(join(folder, 'in'))
    await run('copy.mjs', 'web:/data', 'in/target')
    expect((await readdir(folder)).sort()).toEqual(['in'])
    expect((await readdir(join(folder, 'in'))).filter((each) => each !== 'target')).toEqual([])
  })

  it('reads on behind the end of the archive, where tar stops, and takes a broken connection there for a failure', async () => {
    archive = Buffer.concat([await archiveOf({ name: 'padded', content: 'x'.repeat(3 << 20) }), Buffer.alloc(8 << 20)])
    expect(await run('copy.mjs', 'web:/padded', 'padded')).toMatchObject({ code: 0, err: '' })
    const whole = await archiveOf({ name: 'late', content: 'x' })
    server.removeAllListeners('request')
    server.on('request', (_, response) => {
      response.writeHead(200)
      response.write(whole)
      setTimeout(() => response.destroy(), 50)
    })
    expect(await run('copy.mjs', 'web:/late', 'late')).toMatchObject({ code: 1, err: expect.stringContaining('broke off') })
    expect(await readdir(folder)).toEqual(['padded'])
  })

  it('keeps nothing of a copy that broke off, and overwrites nothing', async () => {
    archive = (await archiveOf({ name: 'big', content: 'x'.repeat(100_000) })).subarray(0, 60_000)
    expect(await run('copy.mjs', 'web:/big', 'big')).toMatchObject({ code: 1, err: expect.stringMatching(/tar ended with code 2/) })
    expect(await readdir(folder)).toEqual([])
    await writeFile(join(folder, 'big'), 'mine')
    expect(await run('copy.mjs', 'web:/big', 'big')).toMatchObject({ code: 1, err: expect.stringContaining('exists') })
  })

  it('sends a file as it is and a folder as a tar stream', async () => {
    archive = Buffer.from('{"bytes":1}')
    await mkdir(join(folder, 'site'))
    await writeFile(join(folder, 'site/index.html'), '<p>')
    await symlink('/etc/passwd', join(folder, 'site/link'))
    expect(await run('copy.mjs', 'site/index.html', 'web:/srv/page.html')).toMatchObject({ code: 0, out: 'Copied to default/web:/srv/page.html\n' })
    expect(requests.at(-1)).toMatchObject({ method: 'PUT', url: '/api/pods/ann/default/web/files?path=%2Fsrv&name=page.html', headers: { 'content-length': '3' }, body: Buffer.from('<p>') })
    expect(await run('copy.mjs', '-c', 'main', 'site', 'web:/srv')).toMatchObject({ code: 0 })
    expect(requests.at(-1)).toMatchObject({ url: '/api/pods/ann/default/web/files?container=main&path=%2Fsrv', headers: { 'content-type': 'application/x-tar' } })
    expect(requests.at(-1)?.body.toString('latin1')).toContain('./index.html')
  })

  it('says what goes wrong, and never the token', async () => {
    respond = () => ({ status: 404, body: JSON.stringify({ error: { message: 'Pod "web" does not exist here.' } }) })
    const missing = await run('copy.mjs', 'web:/data', 'x')
    expect(missing).toEqual({ code: 1, out: '', err: 'Pod "web" does not exist here.\n' })
    expect(await run('copy.mjs', 'a', 'b')).toMatchObject({ code: 1, err: expect.stringContaining('One of the two must be in a pod') })
    expect(await run('copy.mjs', 'nothing-here', 'web:/x')).toMatchObject({ code: 1, err: expect.stringContaining('does not exist on this machine') })
  })
})

describe('forward', () => {
  const ticketed = (sockets: WebSocketServer) => {
    respond = () => ({ status: 200, body: JSON.stringify({ result: { data: { ticket: 'T' } } }) })
    server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request)))
  }
  /** Runs the command until `use` is done with the local port. */
  async function forwarding<T>(use: (port: number) => Promise<T>): Promise<{ value: T; err: string }> {
    const child = start('forward.mjs', ['web', ':80'])
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    await expect.poll(() => /127\.0\.0\.1:(\d+) is port 80 of default\/web/.exec(out)?.[1], { timeout: 15_000 }).toBeTruthy()
    const value = await use(Number(/127\.0\.0\.1:(\d+)/.exec(out)?.[1]))
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    await closed
    return { value, err }
  }

  it('gives each local connection a stream of its own, and ends each half by itself', async () => {
    const sockets = new WebSocketServer({ noServer: true })
    ticketed(sockets)
    const paths: (string | undefined)[] = []
    sockets.on('connection', (ws, request) => {
      paths.push(request.url, request.headers.authorization)
      let got = ''
      ws.on('message', (data: Buffer) => {
        if (data.length > 1) return void (got += data.subarray(1).toString())
        ws.send(Buffer.concat([Buffer.of(1), Buffer.from(`you said ${got}`)]))
        ws.send(Buffer.of(1))
        ws.send(Buffer.concat([Buffer.of(3), Buffer.from('{"exitCode":0,"error":null}')]))
        ws.close()
      })
    })
    const { value } = await forwarding(async (port) => {
      const ask = async (word: string) => {
        const socket = connect(port, '127.0.0.1')
        socket.end(word)
        return text(socket)
      }
      return Promise.all([ask('one'), ask('x'.repeat(200_000))])
    })
    expect(value).toEqual(['you said one', `you said ${'x'.repeat(200_000)}`])
    expect(paths).toEqual(['/ws/stream/T', 'Bearer hyp_secret', '/ws/stream/T', 'Bearer hyp_secret'])
    expect(requests[0]).toMatchObject({ url: '/api/trpc/pod.openPortForward', body: Buffer.from('{"tenant":"ann","namespace":"default","name":"web","port":80}') })
  })

  it('says when nothing listens in the pod', async () => {
    const sockets = new WebSocketServer({ noServer: true })
    ticketed(sockets)
    sockets.on('connection', (ws) => {
      ws.send(Buffer.concat([Buffer.of(3), Buffer.from('{"exitCode":null,"error":"Nothing in the pod listens on port 80."}')]))
      ws.close()
    })
    const { value, err } = await forwarding(async (port) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      return text(socket).catch(() => 'reset')
    })
    expect(['', 'reset']).toContain(value)
    expect(err).toBe('A connection to port 80 failed: Nothing in the pod listens on port 80.\n')
  })

  it('says when the local port is taken', async () => {
    const port = (server.address() as AddressInfo).port
    expect(await run('forward.mjs', 'web', `${port}:80`)).toMatchObject({ code: 1, err: expect.stringContaining(`Port ${port} of this machine is taken`) })
  })
})
