import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { busyboxRoot } from '../sample/busybox'
import { tarArchive, type ArchiveEntry } from '../tar/archive'

/** The part of an image's configuration that says how to run it, as in the OCI image specification. */
export type TestImageConfig = Partial<{
  Entrypoint: string[]
  Cmd: string[]
  Env: string[]
  WorkingDir: string
  User: string
  ExposedPorts: Record<string, Record<string, never>>
  StopSignal: string
}>

/** An image to push: one layer of plain files, or layers of tar entries (or ready bytes), bottom first. */
export type TestImage = {
  files?: Readonly<Record<string, string | Buffer>>
  layers?: readonly (readonly ArchiveEntry[] | { tar: Buffer; packed: Buffer; mediaType: string })[]
  config?: TestImageConfig
  architecture?: string
}

/** One request that the registry answered. */
export type RegistryRequest = { method: string; path: string; status: number }

/** A Docker registry on a free loopback port; it speaks plain HTTP, so name `host` in insecureRegistries. */
export type TestRegistry = {
  host: string
  /** Pushes an image as `name[:tag]`; returns the manifest's digest. */
  push(name: string, image: TestImage): Promise<string>
  /** Pushes an image with Debian's static busybox, its applets, and the files given. */
  pushBusybox(name: string, config?: { cmd?: string[]; entrypoint?: string[]; env?: string[]; user?: string; files?: Readonly<Record<string, string | Buffer>> }): Promise<string>
  /** Pushes an index of images by `os/architecture`; returns the index's digest. */
  pushIndex(name: string, images: Readonly<Record<string, TestImage>>): Promise<string>
  /** Stores any manifest under a tag; for what no builder writes. */
  putManifest(name: string, mediaType: string, body: string): Promise<string>
  putBlob(name: string, bytes: Buffer): Promise<string>
  /** Every request answered so far, oldest first. */
  requests(): RegistryRequest[]
  stop(): Promise<void>
}

const filesAsEntries = (files: Readonly<Record<string, string | Buffer>>): ArchiveEntry[] =>
  Object.entries(files).map(([name, content]) => ({ name, content }))

const sha256 = (bytes: string | Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })

/** An account that a registry asks for; `bcrypt` is the password's hash, as htpasswd -B writes it. */
export type RegistryAccount = { username: string; password: string; bcrypt: string }

/** Starts Debian's docker-registry on a port that the kernel chooses; with an account it is closed to everybody else. */
export async function startRegistry({ account }: { account?: RegistryAccount } = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-'))
  if (account) await writeFile(join(folder, 'htpasswd'), `${account.username}:${account.bcrypt}\n`)
  const auth = account === undefined ? [] : ['auth:', '  htpasswd:', '    realm: test', `    path: ${folder}/htpasswd`]
  const lines = ['version: 0.1', 'log: {level: info, formatter: json}', 'storage:', `  filesystem: {rootdirectory: ${folder}/data}`, 'http:', '  addr: 127.0.0.1:0', ...auth]
  await writeFile(join(folder, 'config.yml'), `${lines.join('\n')}\n`)
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const requests: RegistryRequest[] = []
  try {
    const host = await listening(child, requests)
    return registryClient(host, requests, account, async () => {
      await ended(child)
      await rm(folder, { recursive: true })
    })
  } catch (error) {
    await ended(child)
    await rm(folder, { recursive: true })
    throw error
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    child.kill('SIGKILL')
  })
}

/** Reads the access log on stdout, and on stderr the port that the kernel chose. */
function listening(child: ChildProcess, requests: RegistryRequest[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = ''
    const eachLine = (line: string) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
      const [, method, path, status] = /"(GET|HEAD|PUT|POST|PATCH|DELETE) (\S+) HTTP[^"]*" (\d{3}) /.exec(line) ?? []
      if (method !== undefined && path !== undefined) requests.push({ method, path, status: Number(status) })
    }
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream?.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop() ?? ''
        log += lines.join('\n')
        lines.forEach(eachLine)
      })
    }
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`docker-registry ended with ${code}: ${log.slice(-2000)}`)))
  })
}

function registryClient(host: string, requests: RegistryRequest[], account: RegistryAccount | undefined, stop: () => Promise<void>): TestRegistry {
  const authorization: Record<string, string> = account ? { authorization: `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}` } : {}
  const call = async (method: string, path: string, expected: number, body?: Buffer | string, type = 'application/octet-stream'): Promise<Response> => {
    const url = path.startsWith('http') ? path : `http://${host}${path}`
    const sent = body === undefined ? undefined : new Uint8Array(Buffer.from(body))
    const answer = await fetch(url, { method, body: sent, headers: { 'content-type': type, ...authorization } })
    if (answer.status !== expected) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
  const split = (name: string): [string, string] => {
    const [repository = '', tag = 'latest'] = name.split(':')
    return [repository, tag]
  }
  const putBlob = async (name: string, bytes: Buffer): Promise<string> => {
    const begun = await call('POST', `/v2/${split(name)[0]}/blobs/uploads/`, 202)
    const place = new URL(begun.headers.get('location') ?? '', `http://${host}`)
    place.searchParams.set('digest', sha256(bytes))
    await call('PUT', place.href, 201, bytes)
    return sha256(bytes)
  }
  const putManifest = async (name: string, mediaType: string, body: string, reference = split(name)[1]): Promise<string> => {
    await call('PUT', `/v2/${split(name)[0]}/manifests/${reference}`, 201, body, mediaType)
    return sha256(body)
  }
  const build = async (name: string, image: TestImage): Promise<string> => {
    const source = image.layers ?? [filesAsEntries(image.files ?? {})]
    const layers = source.map((layer) => {
      if ('tar' in layer) return layer
      const tar = tarArchive(layer)
      return { tar, packed: gzipSync(tar, { level: 1 }), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }
    })
    const config = Buffer.from(
      JSON.stringify({
        architecture: image.architecture ?? 'amd64',
        os: 'linux',
        config: image.config ?? {},
        rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256(tar)) },
      }),
    )
    for (const blob of [config, ...layers.map(({ packed }) => packed)]) await putBlob(name, blob)
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map(({ packed, mediaType }) => descriptor(mediaType, packed)),
    })
  }
  const push = async (name: string, image: TestImage): Promise<string> => putManifest(name, manifestType, await build(name, image))
  return {
    host,
    push,
    putBlob,
    putManifest: (name, mediaType, body) => putManifest(name, mediaType, body),
    async pushBusybox(name, { cmd, entrypoint, env, user, files = {} } = {}) {
      const config = { Cmd: cmd ?? ['sh'], Entrypoint: entrypoint, Env: env ?? ['PATH=/bin'], User: user }
      return push(name, { layers: [await busyboxRoot(), filesAsEntries(files)], config })
    },
    async pushIndex(name, images) {
      const manifests = []
      for (const [platform, image] of Object.entries(images)) {
        const [os, architecture] = platform.split('/')
        const body = await build(name, { ...image, architecture })
        await putManifest(name, manifestType, body, sha256(body))
        manifests.push({ ...descriptor(manifestType, Buffer.from(body)), platform: { os, architecture } })
      }
      return putManifest(name, indexType, JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }))
    },
    requests: () => [...requests],
    stop,
  }
}
