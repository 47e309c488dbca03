import { diskFull, ImageError, malformed, tooLarge } from '../image-error'

/** Where a failure happened, for its message: the image in full and its registry. */
export type Asked = { image: string; registry: string; authenticated: boolean }

type Rule = { pattern: RegExp; error: (asked: Asked, stderr: string) => ImageError }

const unreachable = (registry: string, cause: string, action = 'Check that the registry runs and that this host reaches it; the pull is tried again.'): ImageError =>
  new ImageError('unreachable', `The registry ${registry} ${cause}.`, action)

/**
 * skopeo tells what went wrong by text alone (one exit code for all): this table is the only place that reads it, and
 * a test against real registries holds each row. The first row that fits wins.
 */
const rules: readonly Rule[] = [
  { pattern: /no space left on device|disk quota exceeded/i, error: (_, stderr) => diskFull(stderr) },
  { pattern: /file too large/i, error: () => tooLarge('The registry sends more than the bytes that the manifest promises.') },
  { pattern: /^bwrap: |^jail: |^setpriv: |^prlimit: /m, error: (_, stderr) => new ImageError('internal', 'The host could not put the puller into its jail.', 'Ask the operator to look into the log of the host: it needs bubblewrap, util-linux and perl, and namespaces of the kernel.', stderr) },
  {
    pattern: /toomanyrequests|too many requests|\b429\b/i,
    error: ({ registry }) => unreachable(registry, 'has limited the pulls from this address', 'Wait: the pull is tried again.'),
  },
  {
    pattern: /unauthorized|authentication required|invalid username\/password|denied|forbidden|\b40[13]\b/i,
    error: ({ image, registry, authenticated }) =>
      new ImageError(
        'refused',
        `The registry ${registry} refuses ${image}${authenticated ? ' with the given credentials' : ''}: it is private, or does not exist.`,
        authenticated ? "Check the image's name, the user and password in the pod's pull Secrets, and that the account may pull the image." : "Check the image's name. For a private image name a Secret of type kubernetes.io/dockerconfigjson with an account of this registry in the pod's imagePullSecrets.",
      ),
  },
  {
    pattern: /manifest unknown|name unknown|repository name not known|not found|\b404\b|blob unknown/i,
    error: ({ image, registry }) => new ImageError('not-found', `The registry ${registry} does not have ${image}.`, 'Check the name and the tag of the image.'),
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    error: ({ registry }) => unreachable(registry, 'speaks plain HTTP, which is not allowed for it', 'Give the registry a certificate, or let the operator add it to HYPERNETES_INSECURE_REGISTRIES.'),
  },
  { pattern: /x509|certificate/i, error: ({ registry }) => unreachable(registry, 'has a certificate that this host does not trust', 'Give the registry a valid certificate.') },
  { pattern: /no such host|name resolution|server misbehaving/i, error: ({ registry }) => unreachable(registry, 'has a name that does not resolve', 'Check the name of the registry.') },
  { pattern: /connection refused/i, error: ({ registry }) => unreachable(registry, 'does not answer: the connection was refused') },
  { pattern: /digest.*(not match|mismatch)|(not match|mismatch).*digest|digest did not match/i, error: ({ image }) => malformed(`The registry gave other bytes for ${image} than its digest promises.`) },
  { pattern: /exceeded maximum allowed size|too large/i, error: ({ image }) => malformed(`The manifest of ${image} is larger than 4 MiB.`) },
  { pattern: /unsupported schema version|unsupported manifest|unrecognized manifest|unexpected end of JSON|invalid character/i, error: ({ image }) => malformed(`The manifest of ${image} cannot be read.`) },
  { pattern: /timeout|deadline|network is unreachable|no route to host|connection reset|EOF|broken pipe/i, error: ({ registry }) => unreachable(registry, 'does not answer in time, or broke the connection') },
  { pattern: /status code|\b5\d\d\b|internal server error|bad gateway/i, error: ({ registry }) => unreachable(registry, 'has a fault of its own') },
]

/** The error a tenant sees for what skopeo printed; `timedOut` when the host stopped it for taking too long. */
export function classify(stderr: string, asked: Asked, timedOut: boolean): ImageError {
  const rule = timedOut ? undefined : rules.find(({ pattern }) => pattern.test(reason(stderr, asked)))
  const error = rule?.error(asked, stderr) ?? unreachable(asked.registry, timedOut ? 'does not answer in time' : 'could not be used')
  return new ImageError(error.code, error.message, error.action, stderr.slice(-1000))
}

/** A connection that skopeo made without the proxy: Go's programs do so towards loopback alone. Where to, or null. */
export const directDial = (stderr: string): string | null => /dial tcp (127\.[0-9.]+:\d+|\[::1\]:\d+)/.exec(stderr)?.[1] ?? null

/** Of an address in a private network, one text for closed, open, silent and strange ports: a tenant must not look around there. */
export const closedDoor = (registry: string, detail: string | undefined): ImageError =>
  new ImageError('unreachable', `The registry ${registry}, or what it leads to, stands in a private network and could not be used.`, 'Check its name and port; the log of the host tells its operator more. The pull is tried again.', detail)

/** The text without the image's own names, which a tenant chooses and which must not match a rule. */
function reason(stderr: string, { image, registry }: Asked): string {
  const repository = image.slice(registry.length + 1).replace(/[:@].*$/, '')
  return stderr.replaceAll(image, '').replaceAll(repository, '').replaceAll(registry, '').replace(/sha256:[a-f0-9]+/g, '')
}
