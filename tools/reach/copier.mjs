import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { lstat, mkdtemp, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { CommandError, filesOf, podOf, query } from './installation.mjs'

/** `[NAMESPACE/]POD:/path` or a path of this machine. Exactly one of the two is a pod's. */
export function endsOf(from, to) {
  const remote = (text) => /^([a-z0-9./-]+):(\/.*)$/.exec(text)
  const [source, target] = [remote(from), remote(to)]
  if ((source === null) === (target === null)) throw new CommandError('One of the two must be in a pod: NAMESPACE/POD:/path LOCAL, or LOCAL NAMESPACE/POD:/path. To copy between pods, copy to this machine first.')
  const [, pod, path] = source ?? target
  return { direction: source ? 'out' : 'in', pod: podOf(pod), path, local: source ? to : from }
}

const exists = async (path) => (await stat(path).catch(() => null)) !== null
const isFolder = async (path) => (await stat(path).catch(() => null))?.isDirectory() ?? false

/** Runs Debian's tar with one end of it joined to a stream. Rejects with what it said. */
async function tar(args, join) {
  const child = spawn('tar', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => { if (said.length < 2000) said += chunk })
  const ended = new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new CommandError(`tar cannot be run: ${error.message}. Install the package tar.`)))
    child.once('close', (code) => (code === 0 ? resolve() : reject(new CommandError(`tar ended with code ${code}: ${said.trim()}`))))
  })
  ended.catch(() => {})
  try {
    return (await Promise.all([join(child), ended]))[0]
  } catch (error) {
    child.kill('SIGKILL')
    throw error instanceof CommandError ? error : await ended.then(() => error, (told) => (said === '' ? error : told))
  }
}

/**
 * Hands a download to tar. Tar is done at the end of the archive and reads no padding behind it; the download is read to its
 * own end in any case, for only that says whether it is whole.
 */
async function feed(body, stdin) {
  let isTaken = true
  let goOn = () => {}
  const done = () => {
    isTaken = false
    goOn()
  }
  stdin.on('error', done).on('close', done).on('drain', () => goOn())
  for await (const chunk of Readable.fromWeb(body)) {
    if (isTaken && !stdin.write(chunk)) await new Promise((resolve) => (goOn = resolve))
  }
  stdin.end()
}

/**
 * Copies a file or folder out of a pod. What a pod sends is a stranger's: it is unpacked into a new folder beside the target, as
 * files of this user without the rights to run as others, and what could lead out of it is taken away before it gets its name.
 */
export async function copyOut(installation, { pod, path, local, container }, say) {
  const target = (await isFolder(local)) ? join(local, basename(resolve('/', path)) || 'root') : resolve(local)
  const parent = dirname(target)
  if (!(await isFolder(parent))) throw new CommandError(`The folder ${parent} does not exist. Make it first.`)
  if (await exists(target)) throw new CommandError(`${target} exists. Name another target, or remove it first.`)
  const response = await filesOf(installation, pod, { container, path })
  const work = await mkdtemp(join(parent, '.hypernetes-copy-'))
  try {
    await tar(['-x', '-f', '-', '-C', work, '--no-same-owner', '--no-same-permissions', '--delay-directory-restore', '--no-xattrs', '--no-acls', '--no-selinux'], (child) => feed(response.body, child.stdin)).catch((error) => {
      throw error instanceof CommandError ? error : new CommandError(`The copy broke off: ${error.message}. Nothing was kept; try again.`)
    })
    const entries = await readdir(work)
    const first = entries[0]
    if (first === undefined) throw new CommandError(`Nothing came from ${path}. Try again.`)
    // The root of a container has no name of its own, so its entries stand side by side.
    const whole = entries.length === 1 ? join(work, first) : work
    const dropped = await dropUnsafe(whole, whole)
    for (const name of dropped.slice(0, 20)) say(`Left out: ${name}`)
    if (dropped.length > 20) say(`Left out: ${dropped.length - 20} more`)
    if (!(await lstat(whole).catch(() => null))) throw new CommandError(`${path} is nothing that can be copied.`)
    await rename(whole, target)
    return target
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const isInside = (root, path) => relative(root, path).split('/')[0] !== '..'

/** Takes away devices, sockets and pipes, and links that lead out of `root`. Returns what was taken away and why. */
export async function dropUnsafe(path, root) {
  const status = await lstat(path)
  const name = relative(dirname(root), path)
  if (status.isSymbolicLink()) {
    const to = await readlink(path)
    const real = await realpath(path).catch(() => null)
    if (!isAbsolute(to) && isInside(root, resolve(dirname(path), to)) && (real === null || isInside(await realpath(root), real))) return []
    await rm(path)
    return [`${name} (a link to ${to}, which is not in what was copied)`]
  }
  if (status.isDirectory()) {
    const dropped = []
    for (const each of await readdir(path)) dropped.push(...(await dropUnsafe(join(path, each), root)))
    return dropped
  }
  if (status.isFile()) return []
  await rm(path)
  return [`${name} (a special file)`]
}

/** Copies a file or folder into a pod: into `path` where that is a folder there, else as `path`. */
export async function copyIn(installation, { pod, path, local, container }) {
  const source = resolve(local)
  const status = await stat(source).catch(() => null)
  if (!status) throw new CommandError(`${source} does not exist on this machine.`)
  const isThere = path.endsWith('/') || (await query(installation, 'pod.listFiles', { ...pod, ...(container && { container }), path }).then(() => true, () => false))
  const target = isThere ? join(path, basename(source)) : path
  if (status.isFile()) {
    await filesOf(installation, pod, { container, path: dirname(target), name: basename(target) }, { method: 'PUT', duplex: 'half', headers: { 'content-type': 'application/octet-stream', 'content-length': String(status.size) }, body: Readable.toWeb(createReadStream(source)) })
    return target
  }
  if (!status.isDirectory()) throw new CommandError(`${source} is neither a file nor a folder.`)
  await tar(['-c', '-f', '-', '-C', source, '--no-xattrs', '.'], async (child) => {
    child.stdin.end()
    await filesOf(installation, pod, { container, path: target }, { method: 'PUT', duplex: 'half', headers: { 'content-type': 'application/x-tar' }, body: Readable.toWeb(child.stdout) })
  })
  return target
}

