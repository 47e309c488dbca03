#!/usr/bin/env node
// Prisma's commands call a native `schema-engine` that is fetched from a host of its own. This is the same engine's
// WebAssembly build (npm: @prisma/schema-engine-wasm, the same commit) behind the same JSON-RPC over stdio, so that
// `prisma generate` and `prisma migrate` need npm's registry alone. Named to Prisma by PRISMA_SCHEMA_ENGINE_BINARY.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import pg from 'pg'

const CATALOG_CHAR = 18 // the oid of PostgreSQL's internal type "char"
const TEXT = 25

const wasmFolder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
const args = process.argv.slice(2)
const option = (name) => args.flatMap((arg, i) => (arg === name ? [args[i + 1]] : []))
const datasource = JSON.parse(option('--datasource')[0] ?? '{}')

function log(level, message, extra = {}) {
  const line = { timestamp: new Date().toISOString(), level, fields: { message, ...extra }, target: 'schema_engine::logger' }
  process.stderr.write(`${JSON.stringify(line)}\n`)
}

/** The URL in discrete fields: with a connectionString node-postgres ignores `database`, and a shadow run would hit the real one. */
function connection(url) {
  const u = new URL(url)
  const sslmode = u.searchParams.get('sslmode')
  return {
    host: decodeURIComponent(u.hostname),
    port: Number(u.port || 5432),
    user: decodeURIComponent(u.username),
    password: decodeURIComponent(u.password),
    database: decodeURIComponent(u.pathname.slice(1)) || 'postgres',
    ssl: sslmode && sslmode !== 'disable' ? { rejectUnauthorized: sslmode.startsWith('verify') } : undefined,
    schema: u.searchParams.get('schema') ?? undefined,
  }
}

async function withClient(config, use) {
  const client = new pg.Client(config)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

function printVersion() {
  const { version } = JSON.parse(readFileSync(join(wasmFolder, 'package.json'), 'utf8'))
  console.log(`schema-engine-wasm ${version.split(/[.-]/).pop()}`)
}

/** `schema-engine cli create-database | drop-database | can-connect-to-database`; the exit code. */
async function runCli(command) {
  const { schema: _schema, ...config } = connection(datasource.url)
  const target = command === 'can-connect-to-database' ? config : { ...config, database: 'postgres' }
  try {
    await withClient(target, async (client) => {
      const name = client.escapeIdentifier(config.database)
      if (command === 'create-database') await client.query(`CREATE DATABASE ${name}`)
      if (command === 'drop-database') await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    })
    return 0
  } catch (error) {
    const code = { '3D000': 'P1003', '28P01': 'P1000', '42P04': 'P1009', '23505': 'P1009' }[error.code] ?? 'P1001'
    const message =
      error.code === '3D000'
        ? `Database \`${config.database}\` does not exist`
        : `Can't reach database server at \`${config.host}:${config.port}\`: ${error.message}`
    log('INFO', 'starting')
    log('ERROR', message, { error_code: code, is_panic: false })
    return 1
  }
}

/**
 * What PrismaPg lacks for a schema engine: the catalog's "char" type, and scripts that hold `;` inside a function
 * body or a literal (its executeScript splits on every `;`).
 */
function fit(adapter) {
  const performIO = adapter.performIO.bind(adapter)
  const queryRaw = adapter.queryRaw.bind(adapter)
  const charColumns = new WeakMap()
  adapter.performIO = async (query) => {
    const result = await performIO(query)
    charColumns.set(
      result.rows,
      result.fields.flatMap((field, i) => (field.dataTypeID === CATALOG_CHAR ? [i] : [])),
    )
    result.fields = result.fields.map((field) => (field.dataTypeID === CATALOG_CHAR ? { ...field, dataTypeID: TEXT } : field))
    return result
  }
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query)
    for (const i of charColumns.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character
    return result
  }
  if (adapter.executeScript) {
    adapter.executeScript = (script) => adapter.underlyingDriver().query(script).catch((error) => adapter.onError(error))
  }
  if (adapter.startTransaction) {
    const startTransaction = adapter.startTransaction.bind(adapter)
    adapter.startTransaction = async (level) => fit(await startTransaction(level))
  }
  return adapter
}

/** One connection an adapter: migrate takes a session's advisory lock, which lives as long as the connection. */
class Factory extends PrismaPg {
  open = []

  constructor(config, schema) {
    super({ ...config, max: 1 }, { schema })
    this.config = config
    this.schemaName = schema
  }

  async connect() {
    const adapter = fit(await super.connect())
    this.open.push(adapter)
    return adapter
  }

  async connectToShadowDb() {
    if (datasource.shadowDatabaseUrl) {
      const { schema, ...config } = connection(datasource.shadowDatabaseUrl)
      return fit(await new PrismaPg({ ...config, max: 1 }, { schema }).connect())
    }
    const name = `prisma_migrate_shadow_db_${randomUUID()}`
    await withClient(this.config, (client) => client.query(`CREATE DATABASE "${name}"`))
    const shadow = new PrismaPg({ ...this.config, database: name, max: 1 }, { schema: this.schemaName })
    const adapter = fit(await shadow.connect())
    const dispose = adapter.dispose.bind(adapter)
    adapter.dispose = async () => {
      await dispose()
      await withClient(this.config, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`))
    }
    return adapter
  }

  async close() {
    for (const adapter of this.open.splice(0)) await adapter.dispose().catch(() => {})
  }
}

/** Node 20 cannot `import './engine.wasm'`, so the module is made by hand. */
async function loadEngine() {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const bytes = readFileSync(join(wasmFolder, 'schema_engine_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': bindings })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings.SchemaEngine
}

let nextPrintId = 1_000_000_000
const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** The engine's own error is JSON within the message; anything else is passed on as it is. */
function rpcError(error) {
  let known
  try {
    known = JSON.parse(error.message)
  } catch {
    known = undefined
  }
  const data = known?.message
    ? { is_panic: false, message: known.message, error_code: known.code ?? known.error_code, meta: known.meta ?? {} }
    : { is_panic: false, message: String(error.message ?? error), error_code: error.code, meta: {} }
  return { code: 4466, message: 'An error happened. Check the data field for details.', data }
}

/** Prisma reads the text of a diff from a notification and the exit code from the answer. */
function sendResult(id, method, result) {
  if (method !== 'diff') return send({ jsonrpc: '2.0', id, result: result ?? {} })
  if (result?.stdout != null) {
    send({ jsonrpc: '2.0', id: nextPrintId++, method: 'print', params: { content: result.stdout.replace(/\n$/, '') } })
  }
  return send({ jsonrpc: '2.0', id, result: { exitCode: result.exitCode } })
}

async function serve() {
  const SchemaEngine = await loadEngine()
  const { schema, ...config } = connection(datasource.url || 'postgresql://u@127.0.0.1:1/none')
  const files = option('--datamodels').map((path) => [path, readFileSync(path, 'utf8')])
  const datamodels = files.length > 0 ? files : undefined
  const trace = (line) => process.env.DEBUG && process.stderr.write(`${line}\n`)

  async function handle({ id, method, params }) {
    const factory = new Factory(config, schema)
    try {
      const engine = await SchemaEngine.new({ datamodels }, trace, bindMigrationAwareSqlAdapterFactory(factory))
      const name = method === 'getDatabaseVersion' ? 'version' : method
      if (typeof engine[name] !== 'function') throw new Error(`the schema engine has no method ${method}`)
      // These two read the migrations' end state from a cache that only devDiagnostic fills.
      if (method === 'evaluateDataLoss' || method === 'createMigration') {
        await engine.devDiagnostic({ migrationsList: params.migrationsList, filters: params.filters })
      }
      sendResult(id, method, await engine[name](params ?? undefined))
    } catch (error) {
      send({ jsonrpc: '2.0', id, error: rpcError(error) })
    } finally {
      await factory.close()
    }
  }

  let last = Promise.resolve()
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const message = JSON.parse(line)
    if (message.method) last = last.then(() => handle(message))
  })
  lines.on('close', () => void last.then(() => process.exit(0)))
}

if (args.includes('--version') || args.includes('-V')) printVersion()
else if (args.includes('cli')) process.exit(await runCli(args[args.indexOf('cli') + 1]))
else await serve()
