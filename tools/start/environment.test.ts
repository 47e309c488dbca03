import { expect, it } from 'vitest'
import { loadConfig } from '@/platform/config'
import { environments, localAddress } from '@/tools/start/environment'

const folders = { data: '/d', supervisor: '/d/supervisor', postgres: '/d/postgres', keys: '/d/keys', web: '/d/web', uploads: '/d/uploads', control: '/d/control', host: '/d/host', app: '/d/app' }
const server = { config: loadConfig({ NODE_ENV: 'test', HYPERNETES_DATA: '/d', HOST: '0.0.0.0', PORT: '3100' }), folders, databaseUrl: 'postgresql://u:p@h/d', sessionSecret: 's', hostPublicKey: 'key', guest: undefined, dev: false }
const caller = { NODE_ENV: 'test' as const, PATH: '/bin', HYPERNETES_ADMIN_PASSWORD: 'secret', HYPERNETES_ACCEL: 'tcg', AWS_SECRET_ACCESS_KEY: 'x', HTTPS_PROXY: 'http://proxy' }

it('hands each process the secrets of its work, and no other', () => {
  const secrets = ['DATABASE_URL', 'NEXTAUTH_SECRET', 'HYPERNETES_KEY_FILE', 'HYPERNETES_ADMIN_PASSWORD', 'HYPERNETES_HOST_KEY_FILE', 'AWS_SECRET_ACCESS_KEY']
  const seenBy = (name: keyof typeof environments) => secrets.filter((secret) => environments[name](server, caller)[secret])
  expect(seenBy('migrate')).toEqual(['DATABASE_URL', 'HYPERNETES_KEY_FILE', 'HYPERNETES_ADMIN_PASSWORD'])
  expect(seenBy('web')).toEqual(['DATABASE_URL', 'NEXTAUTH_SECRET', 'HYPERNETES_KEY_FILE'])
  expect(seenBy('control')).toEqual(['DATABASE_URL', 'HYPERNETES_KEY_FILE'])
  expect(seenBy('host')).toEqual(['HYPERNETES_HOST_KEY_FILE'])
})

it('passes settings and proxies on', () => {
  expect(environments.host(server, caller)).toMatchObject({ HYPERNETES_ACCEL: 'tcg', HTTPS_PROXY: 'http://proxy', HYPERNETES_SERVER_URL: 'ws://127.0.0.1:3100/ws/host' })
})

it('reaches a wildcard address over the loopback one', () => {
  expect(['0.0.0.0', '::', '::1', '10.0.0.1', 'localhost'].map(localAddress)).toEqual(['127.0.0.1', '[::1]', '[::1]', '10.0.0.1', 'localhost'])
})
