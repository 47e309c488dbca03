import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '@/platform/config'
import { KeyRing } from '@/platform/crypto/key-ring'
import { logger } from '@/platform/logger'
import { DomainError } from '@/domain/shared/errors'
import { appRouter } from '@/server/api/root'
import { createCallerFactory, type ApiContext } from '@/server/api/trpc'
import { authenticate } from '@/server/auth/authenticate'
import { setAuthRuntime } from '@/server/auth/runtime'
import { openDatabase } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { migrateDeploy } from '@/server/store/migrate'
import { stopPostgresIn } from '@/tools/postgres/server'
import { startTestPostgres, testCluster } from '@/tools/testing/postgres'
import { fillWithPods } from './many-pods'
import type { Bench } from './promise'
import { describeTimes, median } from './statistics'

const pods = 20_000
const rounds = 15

const createCaller = createCallerFactory(appRouter)
type Caller = ReturnType<typeof createCaller>
type Query = Parameters<Caller['pod']['list']>[0]

/** Filters and sorts that a person uses, each a page of 100 with its count. */
const queries: Record<string, Omit<Query, 'tenant'>> = {
  'newest first': {},
  'by name, one namespace': { namespace: 'team-7', sort: 'name', descending: false },
  'by name, text': { search: 'nginx team', sort: 'name', descending: false },
  'newest first, two states': { phase: ['Failed', 'Unknown'] },
  'by restarts, label': { labelSelector: 'app=app-3', sort: 'restarts' },
  'by state, two labels and text': { labelSelector: 'tier in (web,api),!legacy', search: 'app', sort: 'state', descending: false },
  'by host': { sort: 'host', descending: false },
  'by created, of one host': { host: 'host-11' },
}

export const podList: Bench = {
  name: 'pod-list',
  title: 'A page of many pods',
  promises: [{ id: 'pod-list', text: `A filtered, sorted page of 100 of ${pods.toLocaleString('en')} pods with its count, at the server: median of the slowest of ${Object.keys(queries).length} queries`, unit: 'ms', atMost: 50, digits: 0 }],
  run: (say) => withServer(async ({ caller, tenant, url }) => {
    say(`making ${pods} pods of one tenant, and as many of others`)
    await fillWithPods(url, tenant, pods)
    const lines: string[] = []
    let slowest = 0
    for (const [title, query] of Object.entries(queries)) {
      const times = await timesOf(caller, { tenant, ...query, limit: 100 })
      slowest = Math.max(slowest, median(times.ms))
      lines.push(`| ${title} | ${times.total.toLocaleString('en')} | ${describeTimes(times.ms)} |`)
      say(`${title}: ${times.total} match, ${describeTimes(times.ms)} ms`)
    }
    return {
      values: { 'pod-list': slowest },
      details: `One tenant has ${pods.toLocaleString('en')} pods, others have as many again; each has a report, conditions and an address. From the call of \`pod.list\` to its answer as JSON, input and output checked; ${rounds} times each, every other time the second page.\n\n| query | match | ms: median (least to most, p95) |\n|---|---|---|\n${lines.join('\n')}`,
    }
  }),
}

async function timesOf(caller: Caller, query: Query): Promise<{ ms: number[]; total: number }> {
  const first = await caller.pod.list(query)
  const ms: number[] = []
  for (let i = 0; i < rounds; i++) {
    const cursor = i % 2 && first.nextCursor ? first.nextCursor : undefined
    const from = performance.now()
    JSON.stringify(await caller.pod.list({ ...query, ...(cursor && { cursor }) }))
    ms.push(performance.now() - from)
  }
  return { ms, total: first.total }
}

/** The server's procedures over a PostgreSQL of the bench's own, with one person signed up. */
async function withServer<T>(work: (at: { caller: Caller; tenant: string; url: string }) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'hypernetes-bench-postgres-'))
  await chmod(root, 0o711)
  const postgres = await startTestPostgres(root)
  const url = postgres.url('hypernetes')
  try {
    await migrateDeploy(url)
    const db = openDatabase(url)
    const feed = new FeedReader(db, url, () => {})
    await feed.start()
    try {
      const log = logger('bench')
      log.level = 'silent'
      const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: url })
      setAuthRuntime({ db, config, log, sessionSecret: randomBytes(32).toString('base64url') })
      const noHost = () => Promise.reject(new DomainError('unavailable', 'The bench has no host.'))
      const context = (actor: ApiContext['actor']): ApiContext => ({ db, config, log, feed, keyRing: KeyRing.ofKey('bench', randomBytes(32)), streams: { open: noHost, issueTicket: () => '' }, forwards: { open: () => '' }, actor, requestId: 'bench', address: '127.0.0.1', userAgent: 'bench' })
      const person = { email: 'bench@example.com', password: 'the password of the bench' }
      await createCaller(context(null)).account.signUp({ ...person, name: 'Bench', organization: 'Bench' })
      const { token, tenant } = await createCaller(context(null)).token.issue({ ...person, name: 'bench', expiresInDays: 1 })
      return await work({ caller: createCaller(context(await authenticate({ authorization: `Bearer ${token}` }))), tenant, url })
    } finally {
      await feed.close()
      await db.$disconnect()
    }
  } finally {
    await stopPostgresIn(testCluster(root))
    await rm(root, { recursive: true, force: true })
  }
}
