import { chown, lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatReference, type ImageReference } from '@/domain/image/reference'
import { run } from '@/platform/exec'
import { asImageError, cancelled, ImageError, malformed, tooLarge } from '../image-error'
import { folderUse } from '../jail/folder'
import { inGroup, type InGroup } from '../jail/group'
import { isRoot, jailed, jailUid, type Bind, type JailLimits } from '../jail/jail'
import { writeAuthFile, type RegistryAuth } from './auth-file'
import { classify } from './classify'
import { Egress } from './egress'
import { asked, explained } from './explain'
import { refuseForbiddenRegistry } from './forbidden'
import { hostArchitecture, maxManifestBytes } from './manifest'

/** How registries are reached. Times are milliseconds. */
export type SkopeoOptions = {
  /** For short-lived files; must be on the store's own file system. */
  tempDir: string
  /** `host[:port]` of registries reached over plain HTTP or with any certificate. */
  insecureRegistries: readonly string[]
  /** Registries in private networks that tenants may use: all, or those `host[:port]`. */
  privateRegistries: 'all' | readonly string[]
  /** A question (the manifest of a tag) may take this long. */
  resolveTimeoutMs: number
  /** A copy that gets no byte for this long has failed, as has one that in any time as long gets too little. */
  stallTimeoutMs: number
  /** What a copy must get on average. */
  minBytesPerSecond: number
  /** A copy may take this long in all. */
  pullTimeoutMs: number
}

/** `trusted`: the operator named the registry (a mirror), so it may stand on the host itself. */
export type Request = { auth?: RegistryAuth | undefined; trusted?: boolean; signal?: AbortSignal | undefined }

/** Mirrors are asked before the registry itself: one that is dead must not cost much. */
const mirrorResolveTimeoutMs = 10_000

/** Variables that skopeo needs; proxies are the {@link Egress}'s, and HOME is never the host's own, whose logins are the operator's. */
const passedOn = ['PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR']
/** What the operator has set up for registries, and which authorities the host trusts. */
const hostFolders = ['/etc/ssl/certs', '/etc/containers', '/etc/docker/certs.d']
/** Where the jail has skopeo's own folder and the image's. */
const [homePlace, imagePlace] = ['/puller', '/image']
/** Go reserves addresses generously: it has 60 MB in use. A copy's parts come in parallel, each a connection with two carriers. */
const limits = { memoryBytes: 2 ** 30, addressSpace: 4 * 2 ** 30, openFiles: 256, processes: 128 }
/** Of a copy: a manifest has at most 1000 layers; beside them are its configuration, skopeo's version and what is half written. */
const maxFiles = 1100

/** The folder for a copy, and how many bytes it may bring. */
type Copy = { folder: string; expectedBytes: number }

/**
 * Pulls through the command `skopeo`, which reads what strangers send: in a jail without a network, whose only way out is an
 * {@link Egress}, and which can write into the image's folder alone. Its credentials come from a file that lives as long as one call.
 */
export class Skopeo {
  constructor(private readonly options: SkopeoOptions) {}

  /** The bytes of a manifest, as text. Throws {@link ImageError}. */
  async manifest(reference: ImageReference, { auth, trusted = false, signal }: Request): Promise<string> {
    const { resolveTimeoutMs } = this.options
    const { stdout } = await this.#run(reference, { auth, trusted, signal }, trusted ? Math.min(resolveTimeoutMs, mirrorResolveTimeoutMs) : resolveTimeoutMs, (connection) => ['inspect', '--raw', ...connection(''), source(reference)], null)
    return stdout
  }

  /**
   * Copies the image of a digest into `folder`, which is made here: `manifest.json` and a file a blob named by its hex
   * digest, all bytes as the registry has them (skopeo's `dir:`; an OCI layout would turn Docker's manifests and plain
   * layers into others). More than `expectedBytes` stops it. `onBytes` hears how many bytes have come so far.
   */
  async copy(reference: ImageReference, folder: string, expectedBytes: number, { auth, trusted = false, signal, onBytes }: Request & { onBytes?: (bytes: number) => void }): Promise<void> {
    const { stallTimeoutMs, minBytesPerSecond, pullTimeoutMs } = this.options
    const watch = new AbortController()
    let reason: ImageError | null = null
    const stop = (error: ImageError) => {
      reason ??= error
      watch.abort()
    }
    let last = { bytes: 0, at: performance.now() }
    // A registry that sends drop by drop would hold one of the few places for hours.
    let window = last
    const timer = setInterval(() => {
      void folderUse(folder, maxFiles).then(({ bytes, isStrange }) => {
        if (isStrange) return stop(malformed('What is copied is not made of plain files, or of too many.'))
        const windowMs = performance.now() - window.at
        const isTooSlow = windowMs >= stallTimeoutMs && bytes - window.bytes < (minBytesPerSecond * windowMs) / 1000
        if (windowMs >= stallTimeoutMs) window = { bytes, at: performance.now() }
        if (bytes !== last.bytes) last = { bytes, at: performance.now() }
        const silentMs = performance.now() - last.at
        // Manifest, version file and a partly written blob's block come on top.
        if (bytes > expectedBytes + (1 << 20)) stop(tooLarge(`The registry sends more than the ${expectedBytes} bytes that the manifest promises.`))
        // The few bytes of a manifest open the window of a registry that then says nothing.
        else if (silentMs > stallTimeoutMs || (isTooSlow && silentMs > stallTimeoutMs / 2)) stop(classify('', asked(reference, auth), true))
        else if (isTooSlow) stop(tooSlow(reference.registry, minBytesPerSecond))
        else onBytes?.(Math.min(bytes, expectedBytes))
      })
    }, Math.min(250, stallTimeoutMs))
    const both = signal ? AbortSignal.any([signal, watch.signal]) : watch.signal
    try {
      await this.#run(reference, { auth, trusted, signal: both }, pullTimeoutMs, (connection) => ['copy', '--quiet', ...connection('src-'), source(reference), `dir:${imagePlace}`], { folder, expectedBytes })
      await assertPlainFiles(folder)
    } catch (error) {
      throw signal?.aborted ? error : (reason ?? error)
    } finally {
      clearInterval(timer)
    }
  }

  async #run(
    reference: ImageReference,
    { auth, trusted, signal }: Request,
    timeoutMs: number,
    command: (connection: (prefix: string) => string[]) => string[],
    copy: Copy | null,
  ): Promise<{ stdout: string }> {
    if (signal?.aborted) throw cancelled()
    const { insecureRegistries, privateRegistries } = this.options
    if (!trusted) await refuseForbiddenRegistry(reference.registry, insecureRegistries)
    const uid = jailUid()
    const home = await this.#home(uid, copy)
    let egress: Egress | null = null
    let group: InGroup | null = null
    try {
      const allowed = [...insecureRegistries, ...(trusted ? [reference.registry] : [])]
      egress = await Egress.open({ folder: home, place: homePlace, uid, allowed, privateRegistries, maxBytes: 2 * (copy?.expectedBytes ?? maxManifestBytes) + (64 << 20) })
      if (auth) await own(await writeAuthFile(home, reference.registry, auth), uid)
      const secure = !insecureRegistries.includes(reference.registry)
      const connection = (prefix: string): string[] => [
        `--${prefix}tls-verify=${secure}`,
        ...(auth ? ['--authfile', join(homePlace, 'auth.json')] : [`--${prefix}no-creds`]),
      ]
      group = await inGroup(...this.#jail(uid, home, copy, egress, timeoutMs, ['skopeo', '--override-os', 'linux', '--override-arch', hostArchitecture, ...command(connection)]))
      return await run(group.command, group.args, { signal, timeoutMs, env: this.#environment(egress, copy), maxOutput: maxManifestBytes })
    } catch (error) {
      if (signal?.aborted) throw cancelled()
      throw explained(error, reference, auth, egress)
    } finally {
      await egress?.close()
      await group?.leave()
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
  }

  /** A folder for one call, which the jail only reads: the credentials, the ways out, and what "localhost" means. */
  async #home(uid: number, copy: Copy | null): Promise<string> {
    try {
      if (copy) {
        await mkdir(copy.folder, { mode: 0o700 })
        await own(copy.folder, uid)
      }
      const home = await mkdtemp(join(this.options.tempDir, 'skopeo-'))
      await writeFile(join(home, 'hosts'), '127.0.0.1 localhost\n', { mode: 0o644 })
      await own(home, uid)
      return home
    } catch (error) {
      throw asImageError(error)
    }
  }

  #environment(egress: Egress, copy: Copy | null): NodeJS.ProcessEnv {
    const inherited = passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
    return { ...Object.fromEntries(inherited), ...egress.env, HOME: homePlace, XDG_RUNTIME_DIR: homePlace, TMPDIR: copy ? imagePlace : homePlace, LANG: 'C.UTF-8' }
  }

  #jail(uid: number, home: string, copy: Copy | null, egress: Egress, timeoutMs: number, command: string[]): [JailLimits, [string, string[]]] {
    const same = (path: string): Bind => ({ source: path, place: path })
    const trust = [process.env.SSL_CERT_FILE, ...(process.env.SSL_CERT_DIR?.split(':') ?? [])].filter((path) => path !== undefined && path.startsWith('/') && !hostFolders.includes(path)).map((path) => same(path ?? ''))
    const bounds = { ...limits, fileBytes: (copy?.expectedBytes ?? 0) + (2 << 20), cpuSeconds: Math.ceil(timeoutMs / 1000) + 1 }
    return [bounds, jailed({
      uid,
      readOnly: [...hostFolders.map(same), ...trust, { source: home, place: homePlace }, { source: join(home, 'hosts'), place: '/etc/hosts' }],
      ...(copy ? { writable: { source: copy.folder, place: imagePlace } } : {}),
      listeners: egress.listeners,
      limits: bounds,
    }, command)]
  }
}

const own = async (path: string, uid: number): Promise<void> => {
  if (isRoot) await chown(path, uid, uid)
}

/** A puller that a stranger has taken over could leave links and pipes here, which this process would follow as root. */
async function assertPlainFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!(await lstat(join(folder, name))).isFile()) throw malformed('What was copied is not made of plain files.')
  }
}

/** skopeo takes a tag or a digest, not both. */
const source = (reference: ImageReference): string => `docker://${formatReference(reference.digest === null ? reference : { ...reference, tag: null })}`

const tooSlow = (registry: string, bytesPerSecond: number): ImageError =>
  new ImageError('unreachable', `The registry ${registry} sends less than ${Math.round(bytesPerSecond / 1024)} KiB/s.`, 'Check the registry and the way to it; the pull is tried again.')
