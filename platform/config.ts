import { BlockList, isIP } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'

/** `docker.io=mirror.example:5000/path,…`: what is asked before which registry, in this order. */
function registryMirrors(text: string, ctx: z.RefinementCtx): { registry: string; host: string; path: string }[] {
  return text.split(',').map((s) => s.trim()).filter(Boolean).flatMap((entry) => {
    const [, registry, host, path = ''] = /^((?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?)=((?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?)(?:\/([a-z0-9._/-]*))?$/i.exec(entry) ?? []
    if (registry && host) return [{ registry, host, path: path.replace(/\/+$/, '') }]
    ctx.addIssue({ code: 'custom', message: `"${entry}" is not registry=mirror-host[:port][/path]` })
    return []
  })
}

/** `all`, `none`, or the `host[:port]` of those that stand in private networks and may be used. */
function privateRegistries(text: string): 'all' | string[] {
  if (text === 'all') return 'all'
  return text === 'none' ? [] : text.split(',').map((s) => s.trim()).filter(Boolean)
}

/** IPv4 addresses of nameservers that networks ask which name none: at most three, none of which is the machine's own loopback. */
function dnsUpstream(text: string, ctx: z.RefinementCtx): string[] {
  const all = text.split(',').map((s) => s.trim()).filter(Boolean)
  for (const entry of all) {
    if (isIP(entry) !== 4) ctx.addIssue({ code: 'custom', message: `"${entry}" is no IPv4 address` })
    else if (entry.startsWith('127.')) ctx.addIssue({ code: 'custom', message: `${entry} is this machine's loopback, which no network reaches: name a nameserver of the network around it` })
  }
  if (all.length > 3) ctx.addIssue({ code: 'custom', message: 'must be at most three addresses' })
  return all
}

/** Addresses and networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed. */
function trustedProxies(text: string, ctx: z.RefinementCtx): BlockList {
  const list = new BlockList()
  for (const entry of text.split(',').map((s) => s.trim()).filter(Boolean)) {
    const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    if (version === 0 || Number(bits ?? most) > most) ctx.addIssue({ code: 'custom', message: `"${entry}" is no address and no network such as 10.0.0.0/8` })
    else list.addSubnet(address, Number(bits ?? most), version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

const environment = z.object({
  HYPERNETES_DATA: z.string().optional(),
  HYPERNETES_KEY_FILE: z.string().optional(),
  HYPERNETES_DEFAULT_REGISTRY: z.string().default('docker.io'),
  HYPERNETES_INSECURE_REGISTRIES: z.string().default(''),
  HYPERNETES_PRIVATE_REGISTRIES: z.string().default('all'),
  HYPERNETES_REGISTRY_MIRRORS: z.string().default('').transform(registryMirrors),
  HYPERNETES_IMAGE_CACHE_GIB: z.coerce.number().positive().max(1_000_000).default(50),
  HYPERNETES_SIGNUP: z.enum(['open', 'approval', 'closed']).default('open'),
  HYPERNETES_TRUSTED_PROXIES: z.string().default('').transform(trustedProxies),
  HYPERNETES_ACCEL: z.enum(['auto', 'kvm', 'tcg']).default('auto'),
  HYPERNETES_DNS_UPSTREAM: z.string().default('').transform(dnsUpstream),
  HYPERNETES_EXTERNAL_CIDR: z.string().default('198.18.100.0/24'),
  HYPERNETES_FLOATING_ADDRESS_QUOTA: z.coerce.number().int().min(0).max(1_000_000).default(10),
  HYPERNETES_VOLUMES: z.string().optional(),
  HYPERNETES_VOLUME_GRACE_HOURS: z.coerce.number().min(0).max(8760).default(24),
  HYPERNETES_VOLUME_UPLOAD_GIB: z.coerce.number().int().min(1).max(1_000_000).default(100),
  HYPERNETES_VOLUME_QUOTA: z.coerce.number().int().min(0).max(1_000_000).default(100),
  HYPERNETES_VOLUME_QUOTA_GIB: z.coerce.number().int().min(0).max(8_000_000).default(1000),
  HYPERNETES_SNAPSHOT_QUOTA: z.coerce.number().int().min(0).max(1_000_000).default(1000),
  HYPERNETES_ADMIN_EMAIL: z.string().default('admin@localhost'),
  HYPERNETES_ADMIN_PASSWORD: z.string().optional(),
  HYPERNETES_LOCAL_HOST_NAME: z.string().optional(),
  HYPERNETES_LOCAL_HOST_PUBLIC_KEY: z.string().optional(),
  HYPERNETES_SERVER_URL: z.string().optional(),
  HYPERNETES_HOST_KEY_FILE: z.string().optional(),
  HYPERNETES_GUEST_KERNEL: z.string().optional(),
  HYPERNETES_GUEST_INITRAMFS: z.string().optional(),
  HYPERNETES_GUEST_VERSION: z.string().optional(),
  HYPERNETES_GUEST_IMAGE: z.string().optional(),
  HYPERNETES_TEMPLATE_MAX_AGE_HOURS: z.coerce.number().min(0.1).max(8760).default(24),
  HYPERNETES_TEMPLATES: z.enum(['tenant-copy', 'shared', 'cold']).default('tenant-copy'),
  HYPERNETES_CONCURRENT_STARTS: z.coerce.number().int().min(1).max(256).default(3),
  // A start translates some 39 MiB of code; with less room for it than that, the second half of a start translates what it needs of the first anew.
  HYPERNETES_TB_SIZE_MIB: z.coerce.number().int().min(8).max(1024).default(48),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must be of the form smtp://user:password@host:587' }).optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  PUBLIC_URL: z.url().optional(),
  HYPERNETES_FORWARD_URL: z.url().optional(),
  DATABASE_URL: z.string().optional(),
})

export type Config = ReturnType<typeof loadConfig>

/**
 * Reads the settings of interface.md from the environment. Throws an error that names each wrong setting.
 * Paths come out absolute; `publicUrl` has no trailing slash.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env) {
  const parsed = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')))
  if (!parsed.success) throw new Error(`settings: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`)
  const e = parsed.data
  const publicUrl = (e.PUBLIC_URL ?? `http://${e.HOST}:${e.PORT}`).replace(/\/+$/, '')
  const data = resolve(e.HYPERNETES_DATA ?? (process.getuid?.() === 0 ? '/var/lib/hypernetes' : './data'))
  return {
    data,
    keyFile: e.HYPERNETES_KEY_FILE ?? join(data, 'keys', 'keyring.json'),
    defaultRegistry: e.HYPERNETES_DEFAULT_REGISTRY,
    insecureRegistries: e.HYPERNETES_INSECURE_REGISTRIES.split(',').map((s) => s.trim()).filter(Boolean),
    privateRegistries: privateRegistries(e.HYPERNETES_PRIVATE_REGISTRIES),
    registryMirrors: e.HYPERNETES_REGISTRY_MIRRORS,
    imageCacheBytes: Math.round(e.HYPERNETES_IMAGE_CACHE_GIB * 2 ** 30),
    signUp: e.HYPERNETES_SIGNUP,
    trustedProxies: e.HYPERNETES_TRUSTED_PROXIES,
    accelerator: e.HYPERNETES_ACCEL,
    externalCidr: e.HYPERNETES_EXTERNAL_CIDR,
    floatingAddressQuota: e.HYPERNETES_FLOATING_ADDRESS_QUOTA,
    dnsUpstream: e.HYPERNETES_DNS_UPSTREAM,
    /** Where this host keeps volumes of stores that name no folder. */
    volumesFolder: resolve(e.HYPERNETES_VOLUMES ?? join(data, 'host', 'volumes')),
    /** For how long a deleted volume can be restored. */
    volumeGraceMs: Math.round(e.HYPERNETES_VOLUME_GRACE_HOURS * 3_600_000),
    /** What a tenant may have of which no operator said another number. */
    volumeUploadBytes: e.HYPERNETES_VOLUME_UPLOAD_GIB * 2 ** 30,
    volumeQuotas: { volumes: e.HYPERNETES_VOLUME_QUOTA, bytes: e.HYPERNETES_VOLUME_QUOTA_GIB * 2 ** 30, snapshots: e.HYPERNETES_SNAPSHOT_QUOTA },
    adminEmail: e.HYPERNETES_ADMIN_EMAIL,
    adminPassword: e.HYPERNETES_ADMIN_PASSWORD,
    localHost: { name: e.HYPERNETES_LOCAL_HOST_NAME ?? hostname(), publicKey: e.HYPERNETES_LOCAL_HOST_PUBLIC_KEY },
    serverUrl: e.HYPERNETES_SERVER_URL ?? `ws://${e.HOST}:${e.PORT}/ws/host`,
    hostKeyFile: e.HYPERNETES_HOST_KEY_FILE ?? join(data, 'host', 'identity.pem'),
    guest: { kernel: e.HYPERNETES_GUEST_KERNEL, initramfs: e.HYPERNETES_GUEST_INITRAMFS, version: e.HYPERNETES_GUEST_VERSION, pointer: e.HYPERNETES_GUEST_IMAGE && resolve(e.HYPERNETES_GUEST_IMAGE) },
    templateMaxAgeMs: e.HYPERNETES_TEMPLATE_MAX_AGE_HOURS * 3_600_000,
    templates: e.HYPERNETES_TEMPLATES,
    concurrentStarts: e.HYPERNETES_CONCURRENT_STARTS,
    tbSizeMiB: e.HYPERNETES_TB_SIZE_MIB,
    smtpUrl: e.SMTP_URL,
    host: e.HOST,
    port: e.PORT,
    publicUrl,
    forwardUrl: forwardUrl(e.HYPERNETES_FORWARD_URL, publicUrl),
    databaseUrl: e.DATABASE_URL,
  }
}

/**
 * Below which address pages of pods are shown in a browser: each on a subdomain of its own, never on the console's own
 * origin (docs/adr/0011). On the machine itself every name below `localhost` leads here; elsewhere an operator names a
 * domain with a wildcard record, or there is none (null). Throws on one that could not keep pods and console apart.
 */
function forwardUrl(set: string | undefined, publicUrl: string): string | null {
  const own = new URL(publicUrl)
  if (set === undefined) {
    if (!['localhost', '127.0.0.1', '[::1]'].includes(own.hostname)) return null
    return `http://forward.localhost${own.port && `:${own.port}`}`
  }
  const url = new URL(set)
  if (!['http:', 'https:'].includes(url.protocol) || url.pathname !== '/' || /^\[|^[0-9.]+$/.test(url.hostname)) throw new Error('settings: HYPERNETES_FORWARD_URL: must be the address of a domain, such as https://forward.example.net')
  if (url.hostname === own.hostname || own.hostname.endsWith(`.${url.hostname}`)) throw new Error('settings: HYPERNETES_FORWARD_URL: must be another domain than PUBLIC_URL, so that pages of pods never share its cookies')
  // A page there could set cookies for the names above its own, and so the console's. Browsers take none for "localhost": a name of one label counts as a public suffix.
  if (own.hostname !== 'localhost' && url.hostname.endsWith(`.${own.hostname}`)) throw new Error('settings: HYPERNETES_FORWARD_URL: must not be below the host of PUBLIC_URL, whose cookies pages of pods could set then: name a domain of its own, such as https://forward.example.net')
  return url.origin
}
