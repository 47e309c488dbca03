import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '@/platform/config'
import type { DataFolders } from '@/tools/start/data-folder'

export type ServerEnvironment = {
  config: Config
  folders: DataFolders
  databaseUrl: string
  sessionSecret: string
  hostPublicKey: string | undefined
  guest: GuestImage | undefined
  dev: boolean
}

/** `pointer`: the file that names the newest image, which the host follows while it runs. */
export type GuestImage = { kernel: string; initramfs: string; version: string; pointer?: string }

/** A name of the caller's environment that a process may see besides what is set for it. */
const GENERAL = ['PATH', 'LC_ALL', 'LANG', 'TZ', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']

function passed(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const own = Object.keys(env).filter((name) => name.startsWith('HYPERNETES_') && name !== 'HYPERNETES_ADMIN_PASSWORD')
  return Object.fromEntries([...names, ...own].flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}

/** A wildcard address is none that one can connect to: locally it is reached over the loopback address. */
export function localAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** The web server as processes of this machine reach it: `host:port`. */
export const localAuthority = (config: Config) => `${localAddress(config.host)}:${config.port}`

const common = ({ config, folders, dev }: ServerEnvironment) => ({
  NODE_ENV: dev ? ('development' as const) : ('production' as const),
  NEXT_TELEMETRY_DISABLED: '1',
  HYPERNETES_DATA: folders.data,
  HOST: config.host,
  PORT: String(config.port),
  PUBLIC_URL: config.publicUrl,
})

/** Each process sees the secrets that its work needs, and no other. */
export const environments = {
  migrate: (server: ServerEnvironment, env = process.env): NodeJS.ProcessEnv => ({
    ...passed(env, GENERAL),
    ...common(server),
    HOME: server.folders.control,
    DATABASE_URL: server.databaseUrl,
    HYPERNETES_KEY_FILE: server.config.keyFile,
    ...(env.HYPERNETES_ADMIN_PASSWORD && { HYPERNETES_ADMIN_PASSWORD: env.HYPERNETES_ADMIN_PASSWORD }),
    ...(server.hostPublicKey && { HYPERNETES_LOCAL_HOST_NAME: env.HYPERNETES_LOCAL_HOST_NAME ?? hostname(), HYPERNETES_LOCAL_HOST_PUBLIC_KEY: server.hostPublicKey }),
  }),

  web: (server: ServerEnvironment, env = process.env): NodeJS.ProcessEnv => ({
    ...passed(env, [...GENERAL, 'SMTP_URL']),
    ...common(server),
    HOME: server.folders.web,
    DATABASE_URL: server.databaseUrl,
    HYPERNETES_KEY_FILE: server.config.keyFile,
    NEXTAUTH_URL: server.config.publicUrl,
    NEXTAUTH_SECRET: server.sessionSecret,
  }),

  control: (server: ServerEnvironment, env = process.env): NodeJS.ProcessEnv => ({
    ...passed(env, [...GENERAL, 'SMTP_URL']),
    ...common(server),
    HOME: server.folders.control,
    DATABASE_URL: server.databaseUrl,
    HYPERNETES_KEY_FILE: server.config.keyFile,
  }),

  host: (server: ServerEnvironment, env = process.env): NodeJS.ProcessEnv => ({
    ...passed(env, [...GENERAL, ...PROXIES]),
    ...common(server),
    HOME: server.folders.host,
    HYPERNETES_SERVER_URL: env.HYPERNETES_SERVER_URL ?? `ws://${localAuthority(server.config)}/ws/host`,
    HYPERNETES_HOST_KEY_FILE: join(server.folders.host, 'identity.pem'),
    ...(server.guest && {
      HYPERNETES_GUEST_KERNEL: server.guest.kernel,
      HYPERNETES_GUEST_INITRAMFS: server.guest.initramfs,
      HYPERNETES_GUEST_VERSION: server.guest.version,
      ...(server.guest.pointer && { HYPERNETES_GUEST_IMAGE: server.guest.pointer }),
    }),
  }),
}
