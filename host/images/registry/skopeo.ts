import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatReference, type ImageReference } from '@/domain/image/reference'
import { ExecError, run } from '@/platform/exec'
import { asImageError, cancelled, ImageError, malformed, tooLarge } from '../image-error'
import { writeAuthFile, type RegistryAuth } from './auth-file'
import { classify } from './classify'
import { refuseForbiddenRegistry } from './forbidden'
import { hostArchitecture } from './manifest'

/** How registries are reached. Times are milliseconds. */
export type SkopeoOptions = {
  /** For short-lived files; must be on the store's own file system. */
  tempDir: string
  /** `host[:port]` of registries reached over plain HTTP or with any certificate. */
  insecureRegistries: readonly string[]
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
const maxManifestBytes = 4 << 20

/** Variables that skopeo needs to reach registries; HOME is never the host's own, whose logins are the operator's. */
const passedOn = ['PATH', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** Pulls through the command `skopeo`. Its credentials come from a file that lives as long as one call. */
export class Skopeo {
  constructor(private readonly options: SkopeoOptions) {}

  /** The bytes of a manifest, as text. Throws {@link ImageError}. */
  async manifest(reference: ImageReference, { auth, trusted = false, signal }: Request): Promise<string> {
    const { resolveTimeoutMs } = this.options
    const { stdout } = await this.#run(reference, { auth, trusted, signal }, trusted ? Math.min(resolveTimeoutMs, mirrorResolveTimeoutMs) : resolveTimeoutMs, (connection) => ['inspect', '--raw', ...connection(''), source(reference)])
    return stdout
  }

  /**
   * Copies the image of a digest into `folder`, which it makes: `manifest.json` and a file a blob named by its hex
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
      void folderBytes(folder).then((bytes) => {
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
      await this.#run(reference, { auth, trusted, signal: both }, pullTimeoutMs, (connection) => ['copy', '--quiet', ...connection('src-'), source(reference), `dir:${folder}`])
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
  ): Promise<{ stdout: string }> {
    if (signal?.aborted) throw cancelled()
    if (!trusted) await refuseForbiddenRegistry(reference.registry, this.options.insecureRegistries)
    const home = await mkdtemp(join(this.options.tempDir, 'skopeo-')).catch((error: unknown) => {
      throw asImageError(error)
    })
    try {
      const authFile = auth && (await writeAuthFile(home, reference.registry, auth))
      const secure = !this.options.insecureRegistries.includes(reference.registry)
      const connection = (prefix: string): string[] => [
        `--${prefix}tls-verify=${secure}`,
        ...(authFile === undefined ? [`--${prefix}no-creds`] : ['--authfile', authFile]),
      ]
      const inherited = passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
      const env = { ...Object.fromEntries(inherited), HOME: home, XDG_RUNTIME_DIR: home, TMPDIR: home, LANG: 'C.UTF-8' }
      return await run('skopeo', ['--override-os', 'linux', '--override-arch', hostArchitecture, ...command(connection)], { signal, timeoutMs, env, maxOutput: maxManifestBytes })
    } catch (error) {
      if (signal?.aborted) throw cancelled()
      if (!(error instanceof ExecError) || (error.code === null && error.signal === null)) throw asImageError(error)
      if (error.flooded) throw malformed(`The manifest of ${formatReference(reference)} is larger than ${maxManifestBytes} bytes.`)
      throw classify(error.stderr, asked(reference, auth), error.signal !== null)
    } finally {
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** skopeo takes a tag or a digest, not both. */
const source = (reference: ImageReference): string => `docker://${formatReference(reference.digest === null ? reference : { ...reference, tag: null })}`

const tooSlow = (registry: string, bytesPerSecond: number): ImageError =>
  new ImageError('unreachable', `The registry ${registry} sends less than ${Math.round(bytesPerSecond / 1024)} KiB/s.`, 'Check the registry and the way to it; the pull is tried again.')

const asked = (reference: ImageReference, auth: RegistryAuth | undefined) => ({
  image: formatReference(reference),
  registry: reference.registry,
  authenticated: auth !== undefined,
})

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
